import type { FastifyBaseLogger, FastifyReply, FastifyRequest } from 'fastify'
import type { Principal, UserPrincipal } from '../auth/principal.ts'
import { clientAddress } from './authenticate.ts'
import { STATUS_CODES } from './node-http.ts'
import type { Refusal } from './status.ts'

declare module 'fastify' {
  interface FastifyRequest {
    /** What Latchkey's log line says of the request; null outside its route. */
    graphqlOutcome: GraphQLOutcome | null
  }
}

/** What became of a GraphQL request. */
export interface GraphQLOutcome {
  operation: NamedOperation | null
  refusal: Refusal | null
}

/** What is said of an operation. */
interface NamedOperation {
  readonly name: string | null
  /** The first field at the root, where the schema has it. */
  readonly field: string | null
}

/** Takes an answered request to the metrics. */
export type ObserveRequest = (
  operation: NamedOperation | null,
  refusal: Refusal | null,
  principal: Principal,
  durationMs: number,
) => void

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

/** Tells the metrics of a GraphQL request. */
export function observeRequest(request: FastifyRequest, reply: FastifyReply, observe: ObserveRequest): void {
  const outcome = request.graphqlOutcome
  if (outcome === null) return // a hook has answered it before, as CORS does to preflights
  observe(outcome.operation, outcome.refusal, request.principal, reply.elapsedTime)
}

/** Writes the line of a GraphQL request: a hook of its route. */
export function logGraphQLRequest(request: FastifyRequest, reply: FastifyReply, done: () => void): void {
  const { principal, graphqlOutcome } = request
  const { operation, refusal } = graphqlOutcome ?? noOutcome
  const user = principal.kind === 'user' ? principal : null
  request.log.info(
    {
      operation: operation?.name?.slice(0, 100) ?? null,
      userId: user?.user.id, // left out of the line where undefined
      tokenId: user?.token.id,
      address: clientAddress(request),
      status: reply.statusCode,
      durationMs: elapsedMs(reply),
      outcome: describeOutcome(refusal),
    },
    'request',
  )
  done()
}

/** Writes the line of an operation over a WebSocket, once it has been answered or, a subscription, has begun. */
export function logSocketOperation(
  request: FastifyRequest,
  { operation, refusal }: GraphQLOutcome,
  durationMs: number,
): void {
  const { principal } = request
  const user = principal.kind === 'user' ? principal : null
  request.log.info(
    {
      operation: operation?.name?.slice(0, 100) ?? null,
      userId: user?.user.id,
      tokenId: user?.token.id,
      address: clientAddress(request),
      transport: 'websocket',
      durationMs: Math.round(durationMs * 100) / 100,
      outcome: describeOutcome(refusal),
    },
    'request',
  )
}

/** Writes the line of a WebSocket that has closed. */
export function logSocketClosed(
  log: FastifyBaseLogger,
  request: FastifyRequest,
  end: { user: UserPrincipal | null; code: number; reason: string | undefined; durationMs: number },
): void {
  log.info(
    {
      reqId: request.id,
      userId: end.user?.user.id,
      tokenId: end.user?.token.id,
      address: clientAddress(request),
      code: end.code,
      reason: end.reason,
      durationMs: Math.round(end.durationMs),
    },
    'socket closed',
  )
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

function describeOutcome(refusal: Refusal | null): string {
  return refusal === null ? 'OK' : `${refusal.code}${refusal.reason ? `/${refusal.reason}` : ''}`
}

function elapsedMs(reply: FastifyReply): number {
  return Math.round(reply.elapsedTime * 100) / 100
}
