import type { FastifyReply, FastifyRequest } from 'fastify'

const noStore = 'no-store'
const noSniffing = 'nosniff'

/** The headers of every response: nothing of it is to be stored or guessed at, and it can be found in the log. */
export function constantHeaders(requestId: string): Record<string, string> {
  return { 'cache-control': noStore, 'x-content-type-options': noSniffing, 'x-request-id': requestId }
}

/** Puts the headers of every response on a reply. */
export function setConstantHeaders(request: FastifyRequest, reply: FastifyReply): void {
  reply
    .header('cache-control', noStore)
    .header('x-content-type-options', noSniffing)
    .header('x-request-id', request.id)
}
