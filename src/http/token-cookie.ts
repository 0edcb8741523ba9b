import { stringifySetCookie } from 'cookie'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { LatchkeyError } from '../errors.ts'
import { type Credentials, malformed, readBareToken } from './authorization.ts'
import { createRefuseForeignPage, type RefuseForeignPage } from './own-pages.ts'

/** The cookies that carry the tokens of browsers. */
export interface TokenCookies {
  /** What the cookie of a request presents; undefined where there is none, and where a token header decides. */
  read(request: FastifyRequest): Credentials | undefined
  /** Refuses requests that may not act with the cookie, `FORBIDDEN` / `CSRF`. */
  refuseForeignPage: RefuseForeignPage
  /** The cookie of one request, to be set and cleared by its answer. */
  of(request: FastifyRequest, reply: FastifyReply): TokenCookie
}

/** The cookie of one request. */
interface TokenCookie {
  readonly isPresented: boolean
  requireSettable(): void
  set(token: string, expiresAt: number): void
  clear(): void
  signOut(): void
}

/** What the browser forgets with a sign-out: all that pages of this site have stored (ASVS 14.3.1). */
const siteData = '"cookies", "storage"'

/**
 * Keeps tokens in a cookie that no script can read: `__Host-<name>`, which a browser takes from this very host over HTTPS
 * alone (RFC 6265bis §4.1.3.2), or `<name>` on plain http://localhost.
 */
export function createTokenCookies(options: {
  name: string
  /** The token header, which decides where there is one, even a bad one. */
  header: string
  /** Other origins whose pages may use the cookie. */
  origins: readonly string[]
  clock: () => number
}): TokenCookies {
  const { name: localName, clock } = options
  const header = options.header.toLowerCase()
  const hostName = `__Host-${localName}`
  const refuseForeignPage = createRefuseForeignPage(options.origins)

  const read = (request: FastifyRequest): Credentials | undefined => {
    const { headers } = request.raw
    if (headers.cookie === undefined || headers[header] !== undefined) return undefined
    const [value, ...others] = findCookies(headers.cookie, hostName)
    if (value === undefined && isLocal(request)) return toCredentials(findCookies(headers.cookie, localName))
    return toCredentials(value === undefined ? [] : [value, ...others])
  }

  return {
    read,
    refuseForeignPage,
    of(request, reply) {
      const put = (token: string, expiresAt: number): void => {
        const secure = isSecure(request)
        const cookie = {
          name: secure ? hostName : localName,
          value: token,
          maxAge: Math.max(0, Math.ceil((expiresAt - clock()) / 1000)),
          expires: new Date(expiresAt),
          path: '/',
          httpOnly: true,
          secure,
          sameSite: 'lax',
        } as const
        reply.header('set-cookie', stringifySetCookie(cookie))
      }
      return {
        get isPresented() {
          return read(request) !== undefined
        },
        requireSettable() {
          const refusal = refuseForeignPage(request) ?? (isSafe(request) ? undefined : overPlainHttp())
          if (refusal !== undefined) throw refusal
        },
        set: put,
        clear: () => put('', 0),
        signOut() {
          put('', 0)
          reply.header('clear-site-data', siteData)
        },
      }
    },
  }
}

/** The values of a cookie in a header: several where somebody else could set one as well. */
function findCookies(header: string, name: string): string[] {
  const values: string[] = []
  const start = `${name}=`
  for (let at = header.indexOf(start); at !== -1; at = header.indexOf(start, at + 1)) {
    if (!beginsPair(header, at)) continue
    const end = header.indexOf(';', at)
    values.push(header.slice(at + start.length, end === -1 ? undefined : end).trim())
  }
  return values
}

/** Blanks alone begin none: a value may have some, and who may set any cookie would put this one's name behind them. */
function beginsPair(header: string, at: number): boolean {
  let before = at - 1
  while (header[before] === ' ' || header[before] === '\t') before--
  return before < 0 || header[before] === ';'
}

function toCredentials(values: readonly string[]): Credentials | undefined {
  const [value, other] = values
  if (value === undefined || value === '') return undefined
  return other === undefined ? readBareToken(value) : malformed
}

function isSafe(request: FastifyRequest): boolean {
  return isSecure(request) || isLocal(request)
}

/** A browser says so itself where a proxy has ended TLS and nobody has told the server. */
function isSecure(request: FastifyRequest): boolean {
  return request.protocol === 'https' || request.headers.origin?.startsWith('https://') === true
}

function isLocal(request: FastifyRequest): boolean {
  return (
    request.protocol === 'http' &&
    /^(?:(?:[a-z0-9-]+\.)*localhost|127(?:\.\d{1,3}){3}|\[::1\])$/i.test(request.hostname)
  )
}

function overPlainHttp(): LatchkeyError {
  return new LatchkeyError(
    'FORBIDDEN',
    'The token cookie needs HTTPS, or http://localhost. If a proxy ends TLS in front of this server, have it send X-Forwarded-Proto and X-Forwarded-For, and name it in TRUST_PROXY.',
    { reason: 'HTTPS_REQUIRED' },
  )
}
