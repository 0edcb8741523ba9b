import { STATUS_CODES } from 'node:http'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { clientAddress } from './authenticate.ts'
import type { Refusal } from './status.ts'

declare module 'fastify' {
  interface FastifyRequest {
    /** What Latchkey's log line says of the request; null outside its route. */
    graphqlOutcome: GraphQLOutcome | null
  }
}

/** What became of a GraphQL request. */
export interface GraphQLOutcome {
  operation: string | null
  refusal: Refusal | null
}

/**
 * How Latchkey's routes write requests to the log of an application: as Fastify does, but without the query string, where
 * a document and its variables may hold passwords.
 */
export const logSerializers = {
  req: (request: FastifyRequest) => ({
    method: request.method,
    url: request.url.replace(/[?#].*/s, ''),
    host: request.host,
    remoteAddress: request.ip,
    remotePort: request.socket.remotePort,
  }),
}

/** Writes the line of a GraphQL request: a hook of its route. */
export function logGraphQLRequest(request: FastifyRequest, reply: FastifyReply, done: () => void): void {
  const { principal, graphqlOutcome: outcome } = request
  request.log.info(
    {
      operation: outcome?.operation?.slice(0, 100) ?? null,
      ...(principal?.kind === 'user' ? { userId: principal.user.id, tokenId: principal.token.id } : {}),
      ...describe(request, reply),
      outcome: outcome?.refusal
        ? `${outcome.refusal.code}${outcome.refusal.reason ? `/${outcome.refusal.reason}` : ''}`
        : 'OK',
    },
    'request',
  )
  done()
}

/** Writes the line of any other request. It names the route, for the URL is the client's and may hold anything. */
export function logRequest(request: FastifyRequest, reply: FastifyReply, level: 'info' | 'debug'): void {
  const { statusCode } = reply
  const phrase = statusCode < 400 ? 'OK' : String(STATUS_CODES[statusCode])
  request.log[level](
    {
      method: request.method,
      route: request.routeOptions.url ?? null,
      ...describe(request, reply),
      outcome: phrase.toUpperCase().replaceAll(' ', '_'),
    },
    'request',
  )
}

function describe(request: FastifyRequest, reply: FastifyReply): object {
  return {
    address: clientAddress(request),
    status: reply.statusCode,
    durationMs: Math.round(reply.elapsedTime * 100) / 100,
  }
}
