import type { FastifyReply, FastifyRequest } from 'fastify'

const noStore = 'no-store'
const noSniffing = 'nosniff'
const noReferrer = 'no-referrer'
/** For what pages load without CORS, as pictures and scripts are: pages of `CORS_ORIGINS` ask with it, and go by that. */
const ownOrigin = 'same-origin'

/** The headers of every response: nothing of it is to be stored, guessed at or told of, and it can be found in the log. */
export function constantHeaders(requestId: string): Record<string, string> {
  return {
    'cache-control': noStore,
    'x-content-type-options': noSniffing,
    'referrer-policy': noReferrer,
    'cross-origin-resource-policy': ownOrigin,
    'x-request-id': requestId,
  }
}

/** Puts the headers of every response on a reply. */
export function setConstantHeaders(request: FastifyRequest, reply: FastifyReply): void {
  reply
    .header('cache-control', noStore)
    .header('x-content-type-options', noSniffing)
    .header('referrer-policy', noReferrer)
    .header('cross-origin-resource-policy', ownOrigin)
    .header('x-request-id', request.id)
}
