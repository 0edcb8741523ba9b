import { isIP } from 'node:net'
import { normalizeIP } from '@fastify/rate-limit'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { LRUCache } from 'lru-cache'
import type { RequestOrigin } from '../auth/origin.ts'
import type { Principal, ResolvePrincipal } from '../auth/principal.ts'
import { type Credentials, missing, type ReadCredentials } from './authorization.ts'
import { refusePlainHttp } from './plain-http.ts'
import type { TokenCookies } from './token-cookie.ts'

declare module 'fastify' {
  interface FastifyRequest {
    /** Who makes the request; anonymous until Latchkey's `preHandler` has run. */
    principal: Principal
    [resolved]: Principal | null
    [origin]: RequestOrigin | null
  }
}

const resolved = Symbol('latchkey.principal')
const origin = Symbol('latchkey.origin')

/** Fastify's `preHandler` in its callback form, which costs no promise. */
export type PreHandler = (request: FastifyRequest, reply: FastifyReply, done: (error?: Error) => void) => void

/** Gives each request its `principal`. */
export function decoratePrincipal(app: FastifyInstance): void {
  app.decorateRequest(resolved, null)
  app.decorateRequest(origin, null)
  // Fastify shares no object among requests, not even a frozen one, unless a getter hands it out.
  app.decorateRequest('principal', {
    getter() {
      return this[resolved] ?? missing
    },
    setter(principal) {
      this[resolved] = principal
    },
  })
}

/** Resolves the token header, or the token cookie where there is no such header, into `request.principal`. It refuses no token: that is for `@auth` to do. */
export function createAuthenticate(deps: {
  readCredentials: ReadCredentials
  resolvePrincipal: ResolvePrincipal
  /** Null where tokens come in their header alone. */
  cookies: TokenCookies | null
  /** Whether credentials over plain HTTP are refused, but from loopback. */
  requireHttps: boolean
}): PreHandler {
  const { readCredentials, resolvePrincipal, cookies, requireHttps } = deps
  return (request, _reply, done) => {
    let credentials = readCredentials(request.raw)
    if (credentials === missing && cookies !== null) {
      const inCookie = cookies.read(request)
      if (inCookie !== undefined) {
        const refusal = cookies.refuseForeignPage(request)
        if (refusal !== undefined) return done(refusal)
        credentials = inCookie
      }
    }
    if (requireHttps && carriesToken(credentials)) {
      const refusal = refusePlainHttp(request)
      if (refusal !== undefined) return done(refusal)
    }
    if (typeof credentials !== 'string') {
      request.principal = credentials
      return done()
    }
    let principal: Principal | Promise<Principal>
    try {
      principal = resolvePrincipal(credentials, clientAddress(request), () => originOf(request))
    } catch (error) {
      return done(error as Error) // a database fault: answered as SERVICE_UNAVAILABLE, never as a user
    }
    if (!(principal instanceof Promise)) {
      request.principal = principal
      return done()
    }
    principal.then((found) => {
      request.principal = found
      done()
    }, done)
  }
}

/** What is malformed may well be a token. */
function carriesToken(credentials: Credentials): boolean {
  return typeof credentials === 'string' || credentials.reason !== 'MISSING'
}

/**
 * The client's address as it is shown: an IPv4 address inside IPv6 is folded, a port that a proxy adds is left out. If
 * what a proxy says is no address, the client is whoever is on the socket.
 */
export function clientAddress(request: FastifyRequest): string {
  const { ip } = request
  if (ip === undefined) return 'unknown'
  const known = addresses.get(ip)
  if (known !== undefined) return known
  const readable = readAddress(ip)
  const address = readable ?? readAddress(request.socket.remoteAddress) ?? 'unknown'
  const shown = address.startsWith('::ffff:') ? normalizeIP(address, 128) : address
  if (readable !== null) addresses.set(ip, shown)
  return shown
}

/** As they are shown, by what sockets and proxies call them: to find one takes less than to read it again. */
const addresses = new LRUCache<string, string>({ max: 1_000 })

function readAddress(text: string | undefined): string | null {
  if (text === undefined || isIP(text) !== 0) return text ?? null
  const match = /^(?:\[(.{2,45})\]|([^:]{7,15}))(?::\d{1,5})?$/.exec(text)
  const address = match?.[1] ?? match?.[2] ?? ''
  return isIP(address) === 0 ? null : address
}

/** The client's address as limits count it: all of an IPv6 /64 is one. */
export function limitedAddress(address: string): string {
  return address.includes(':') ? normalizeIP(address, 64) : address
}

/** Where a request comes from: found out once, whoever asks. */
export function originOf(request: FastifyRequest): RequestOrigin {
  request[origin] ??= findOrigin(request)
  return request[origin]
}

/** Has a request that was derived from another one find out its own. */
export function forgetOrigin(request: FastifyRequest): void {
  request[origin] = null
}

function findOrigin(request: FastifyRequest): RequestOrigin {
  const userAgent = request.headers['user-agent']
  const address = clientAddress(request)
  return {
    requestId: String(request.id),
    address,
    network: limitedAddress(address),
    userAgent: userAgent === undefined ? null : printable(userAgent).slice(0, 200),
  }
}

/** Header bytes beyond ASCII are anybody's guess, and control characters nobody's business. */
function printable(text: string): string {
  return text.replace(/[^\x20-\x7e]/g, '?')
}
