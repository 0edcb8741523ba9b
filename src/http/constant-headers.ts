import type { FastifyReply, FastifyRequest } from 'fastify'

/** The headers of every response: nothing of it is to be stored or guessed at, and it can be found in the log. */
export function setConstantHeaders(request: FastifyRequest, reply: FastifyReply): void {
  reply
    .header('cache-control', 'no-store')
    .header('x-content-type-options', 'nosniff')
    .header('x-request-id', request.id)
}
