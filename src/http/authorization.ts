import type { IncomingMessage } from 'node:http'
import { type AnonymousPrincipal, anonymous } from '../auth/principal.ts'

/** The token that a request presents, or the anonymous principal that says why there is none. */
export type Credentials = string | AnonymousPrincipal

/** Reads the token header of a request. Never throws. */
export type ReadCredentials = (request: Pick<IncomingMessage, 'headers' | 'rawHeaders'>) => Credentials

export interface HeaderOptions {
  /** The header's name, for example `authorization`. */
  header: string
  /** The accepted schemes; the first is the one that messages name. */
  schemes: readonly string[]
}

const maxBytes = 512

const missingMessage = 'Authentication credentials were not provided.'

/** The principal of a request without a token header, and of one whose header nobody has read yet. */
export const missing = anonymous('MISSING', missingMessage)

/** The principal of a request whose token cannot be read at all. */
export const malformed = anonymous('MALFORMED', 'Invalid token header.')
const withoutToken = anonymous('MALFORMED', 'Invalid token header. No credentials provided.')
const withBlanks = anonymous('MALFORMED', 'Invalid token header. Token string should not contain spaces.')
const withOddBytes = anonymous(
  'MALFORMED',
  'Invalid token header. Token string should not contain invalid characters.',
)

/** Schemes that may be named back to whoever sent one; any other word could be a token without its scheme. */
const knownSchemes = [
  'Basic',
  'Bearer',
  'Digest',
  'DPoP',
  'HOBA',
  'JWT',
  'Mutual',
  'Negotiate',
  'NTLM',
  'Token',
]

/** Parses the token header (RFC 9110 §11.4: a scheme in any letter case, blanks, a token). */
export function createReadCredentials(options: HeaderOptions): ReadCredentials {
  const header = options.header.toLowerCase()
  const schemes = new Set(options.schemes.map((scheme) => scheme.toLowerCase()))
  const expected = `send "${options.header}: ${options.schemes[0]} <token>".`
  const otherScheme = anonymous('MISSING', `${missingMessage} The header has another scheme; ${expected}`)
  const namedSchemes = new Map(
    knownSchemes.map((scheme) => [
      scheme.toLowerCase(),
      anonymous('MISSING', `${missingMessage} The header has the scheme ${scheme}; ${expected}`),
    ]),
  )

  return (request) => {
    const value = request.headers[header]
    if (value === undefined) return missing
    if (typeof value !== 'string' || value.length > maxBytes || isRepeated(request.rawHeaders, header))
      return malformed
    if (value === '') return missing

    const schemeEnd = findBlank(value, 0)
    const scheme = (schemeEnd === -1 ? value : value.slice(0, schemeEnd)).toLowerCase()
    if (!schemes.has(scheme)) return namedSchemes.get(scheme) ?? otherScheme
    if (schemeEnd === -1) return withoutToken

    let start = schemeEnd
    while (isBlank(value.charCodeAt(start))) start++
    if (start === value.length) return withoutToken
    if (isVisibleAscii(value, start)) return value.slice(start)
    return findBlank(value, start) === -1 ? withOddBytes : withBlanks
  }
}

/** A token that stands by itself, in a cookie for example. */
export function readBareToken(value: string): Credentials {
  return value.length <= maxBytes && isVisibleAscii(value, 0) ? value : malformed
}

/** Node keeps the first of two equal headers in silence. */
function isRepeated(rawHeaders: readonly string[], header: string): boolean {
  let seen = 0
  for (let index = 0; index < rawHeaders.length; index += 2) {
    const name = rawHeaders[index] as string // names and values alternate
    if (name.length === header.length && name.toLowerCase() === header) seen++
  }
  return seen > 1
}

function findBlank(text: string, from: number): number {
  for (let index = from; index < text.length; index++) if (isBlank(text.charCodeAt(index))) return index
  return -1
}

function isBlank(code: number): boolean {
  return code === 32 || code === 9
}

function isVisibleAscii(text: string, from: number): boolean {
  for (let index = from; index < text.length; index++) {
    const code = text.charCodeAt(index)
    if (code < 33 || code > 126) return false
  }
  return true
}
