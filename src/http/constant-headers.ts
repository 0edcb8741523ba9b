import type { FastifyReply, FastifyRequest } from 'fastify'

/** The headers of every response: nothing of it is to be stored or guessed at, and it can be found in the log. */
export function constantHeaders(requestId: string): Record<string, string> {
  return { 'cache-control': 'no-store', 'x-content-type-options': 'nosniff', 'x-request-id': requestId }
}

/** Puts the headers of every response on a reply. */
export function setConstantHeaders(request: FastifyRequest, reply: FastifyReply): void {
  reply.headers(constantHeaders(request.id))
}
