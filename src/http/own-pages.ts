import type { FastifyRequest } from 'fastify'
import { LatchkeyError } from '../errors.ts'
import { isJsonType } from './parameters.ts'

/** Why a request may not act with a cookie; undefined where it may. */
export type RefuseForeignPage = (request: FastifyRequest) => LatchkeyError | undefined

/**
 * Refuses what a page of another site may have sent: a browser adds cookies to any page's requests, and lets any form set
 * some. What counts is what the browser says and no page can make it say: `Sec-Fetch-Site` (Fetch Metadata §2.3), or
 * `Origin` (RFC 6454 §7) where it is listed or, in browsers without the other header, the server's own. Holds for the
 * upgrade to a WebSocket as well.
 */
export function createRefuseForeignPage(listed: readonly string[]): RefuseForeignPage {
  const origins = new Set(listed)
  return (request) => (isFromOwnPage(request, origins) ? undefined : foreign())
}

function isFromOwnPage(request: FastifyRequest, listed: ReadonlySet<string>): boolean {
  const { origin, 'sec-fetch-site': site } = request.headers
  if (origin !== undefined && listed.has(origin)) return true
  switch (site) {
    case 'same-origin':
      return origin !== 'null'
    case 'same-site':
      // Pages of sub-domains have an Origin whenever they send JSON, and it is not listed.
      return origin === undefined && isJsonType(request.headers['content-type'])
    case undefined:
      return origin === `${request.protocol}://${request.host}`
    default:
      return false
  }
}

function foreign(): LatchkeyError {
  return new LatchkeyError(
    'FORBIDDEN',
    'The token cookie works for pages of this origin, and of those in CORS_ORIGINS, alone. Elsewhere, send the token in its header.',
    { reason: 'CSRF' },
  )
}
