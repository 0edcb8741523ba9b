import type { FastifyRequest } from 'fastify'
import { LatchkeyError } from '../errors.ts'

/**
 * Refuses pages of other origins: a browser lets any page open a WebSocket to anywhere, and CORS has no say in it
 * (RFC 6455 §10.2). Native clients send no `Origin`.
 */
export function createRefuseOrigin(
  allowed: readonly string[],
): (request: FastifyRequest) => LatchkeyError | undefined {
  const origins = new Set(allowed)
  return (request) => {
    const { origin } = request.headers
    if (origin === undefined || origins.has(origin) || isOwn(origin, request.host)) return undefined
    return new LatchkeyError('FORBIDDEN', 'Pages of this origin may not open WebSockets here.', {
      reason: 'ORIGIN',
    })
  }
}

/** By the host alone: a proxy may have ended TLS. */
function isOwn(origin: string, host: string): boolean {
  return URL.canParse(origin) && new URL(origin).host === host
}
