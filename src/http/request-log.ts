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
    remotePort: request.socket.remotePort as number, // as Fastify has it; a Unix socket has none
  }),
}

/** The outcome of a request that has come to its route, and no further yet. */
export const noOutcome: GraphQLOutcome = Object.freeze({ operation: null, refusal: null })

/** Writes the line of a GraphQL request: a hook of its route. */
export function logGraphQLRequest(request: FastifyRequest, reply: FastifyReply, done: () => void): void {
  const { principal, graphqlOutcome } = request
  const { operation, refusal } = graphqlOutcome ?? noOutcome
  const user = principal.kind === 'user' ? principal : null
  request.log.info(
    {
      operation: operation?.slice(0, 100) ?? null,
      userId: user?.user.id, // left out of the line where undefined
      tokenId: user?.token.id,
      address: clientAddress(request),
      status: reply.statusCode,
      durationMs: elapsedMs(reply),
      outcome: refusal === null ? 'OK' : `${refusal.code}${refusal.reason ? `/${refusal.reason}` : ''}`,
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
      address: clientAddress(request),
      status: statusCode,
      durationMs: elapsedMs(reply),
      outcome: phrase.toUpperCase().replaceAll(' ', '_'),
    },
    'request',
  )
}

function elapsedMs(reply: FastifyReply): number {
  return Math.round(reply.elapsedTime * 100) / 100
}
