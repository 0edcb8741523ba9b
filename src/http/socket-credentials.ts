import type { FastifyRequest } from 'fastify'
import type { AnonymousPrincipal } from '../auth/principal.ts'
import { missing, type ReadCredentials } from './authorization.ts'
import type { TokenCookies } from './token-cookie.ts'

/** What a client presents: a token, itself or in a cookie that no script is to read, a ticket, nothing, or what is neither. */
export type SocketCredentials =
  | { kind: 'token' | 'cookie'; token: string }
  | { kind: 'ticket'; ticket: string }
  | { kind: 'none' }
  | { kind: 'refused'; principal: AnonymousPrincipal }

/** Reads the payload of `connection_init` or `ping`: `{ authorization: "Token …" }`, as the header has it, or `{ ticket }`. */
export function createReadPayload(
  readCredentials: ReadCredentials,
  header: string,
): (payload: Record<string, unknown> | null | undefined) => SocketCredentials {
  const name = header.toLowerCase()
  return (given) => {
    const payload = given ?? {} // a ping may say null
    if (typeof payload.ticket === 'string') return { kind: 'ticket', ticket: payload.ticket }
    const key = Object.keys(payload).find((key) => [name, 'authorization'].includes(key.toLowerCase()))
    const value = key === undefined ? undefined : payload[key]
    if (value === undefined || value === null || value === '') return { kind: 'none' }
    if (typeof value !== 'string') return { kind: 'refused', principal: missing }
    const credentials = readCredentials({ headers: { [name]: value }, rawHeaders: [] })
    if (typeof credentials === 'string') return { kind: 'token', token: credentials }
    return { kind: 'refused', principal: credentials }
  }
}

/**
 * Reads what an upgrade itself presents, for a client whose `connection_init` has nothing: the token header, else the
 * cookie. Whether the page may act with the cookie has been asked before, as of any request.
 */
export function createReadUpgrade(
  readCredentials: ReadCredentials,
  cookies: TokenCookies | null,
): (request: FastifyRequest) => SocketCredentials {
  return (request) => {
    const inHeader = readCredentials(request.raw)
    if (typeof inHeader === 'string') return { kind: 'token', token: inHeader }
    const inCookie = inHeader === missing ? cookies?.read(request) : undefined
    if (typeof inCookie === 'string') return { kind: 'cookie', token: inCookie }
    const principal = inCookie ?? inHeader
    return principal.reason === 'MISSING' ? { kind: 'none' } : { kind: 'refused', principal }
  }
}
