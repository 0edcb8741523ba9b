import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { GraphQLFormattedError } from 'graphql'
import type { WebSocket } from 'ws'
import type { ReportEvent } from '../auth/origin.ts'
import type { AnonymousPrincipal } from '../auth/principal.ts'
import { LatchkeyError, rateLimited } from '../errors.ts'
import { clientAddress, limitedAddress, type PreHandler } from './authenticate.ts'
import { setConstantHeaders } from './constant-headers.ts'
import type { Deadlines } from './deadlines.ts'
import { describeFailure, refuseExcess, tooLate } from './failure.ts'
import { negotiate, type ResponseType } from './negotiate.ts'
import { overloaded } from './overload.ts'
import {
  type GraphQLParameters,
  isJsonType,
  requireParameters,
  requireQueryParameters,
  requireUtf8,
} from './parameters.ts'
import { refusePlainHttp } from './plain-http.ts'
import { setRefusalHeaders } from './refusal-headers.ts'
import { reportRefusals } from './refusals.ts'
import type { CountRequest } from './request-counter.ts'
import {
  logGraphQLRequest,
  logSerializers,
  noOutcome,
  type ObserveRequest,
  observeRequest,
} from './request-log.ts'
import { findRefusal, type ResponseBody, statusOf } from './status.ts'

/** An operation that may run. */
export interface RunnableOperation {
  kind: string
  name: string | null
  /** The first field at the root, where the schema has it. */
  field: string | null
  /** Whether it only signs in or up, so that a bad token is no matter. */
  signsIn: boolean
}

/** How the route has operations run; `graphql/` provides it. */
export interface OperationRunner {
  prepare(
    document: Pick<GraphQLParameters, 'query' | 'hash'>,
    operationName: string | null,
    /** Whether subscriptions run there. */
    isSocket: boolean,
  ): RunnableOperation | { errors: readonly GraphQLFormattedError[] }
  execute(
    operation: RunnableOperation,
    variables: Record<string, unknown> | null,
    request: FastifyRequest,
    reply: FastifyReply,
    /** The token that was presented, where it is not in the header. */
    readToken?: () => string | null,
  ): ResponseBody | Promise<ResponseBody>
  /** Begins a subscription; the requests of its events are made anew, for their principals may differ. */
  subscribe(
    operation: RunnableOperation,
    variables: Record<string, unknown> | null,
    request: FastifyRequest,
    reply: FastifyReply,
    readToken: () => string | null,
    signal: AbortSignal,
  ): Promise<RunningSubscription | { errors: readonly GraphQLFormattedError[] }>
}

/** A subscription that has begun. */
export interface RunningSubscription {
  events: AsyncIterator<unknown>
  answer(event: unknown, request: FastifyRequest, reply: FastifyReply): Promise<ResponseBody>
  /** What clients are told of what the iterator threw. */
  explain(thrown: unknown): GraphQLFormattedError
}

export interface GraphQLRouteOptions {
  path: string
  bodyLimit: number
  /** How long an operation may run. */
  deadlines: Deadlines
  /** The scheme that challenges name. */
  scheme: string
  /** Whether a bad token refuses the whole request. */
  strictTokens: boolean
  /** Whether a request has its token in the cookie: no page can take away a dead one, so that it refuses no whole request. */
  isInCookie(request: FastifyRequest): boolean
  /** Whether requests over plain HTTP are refused, but from loopback. */
  requireHttps: boolean
  /** Whether there is so much to do that requests are refused. */
  isOverloaded(): boolean
  authenticate: PreHandler
  runner: OperationRunner
  countRequest: CountRequest | null
  countBadToken: CountRequest
  report: ReportEvent
  /** Takes each answered request to the metrics; null where nobody counts them. */
  observe: ObserveRequest | null
  /** Whether the application is Latchkey's own service, whose logger writes no more of a request than is meant to be seen. */
  ownService: boolean
  /** Takes connections that ask for a WebSocket, where there are any. */
  sockets: SocketDoor
}

/** How the route hands WebSockets on. */
export interface SocketDoor {
  /** Why a page may not open a socket here; undefined where it may. */
  refuseOrigin(request: FastifyRequest): LatchkeyError | undefined
  open(socket: WebSocket, request: FastifyRequest, reply: FastifyReply): void
}

const allowed = 'GET, POST'

/** Serves GraphQL over HTTP (https://graphql.github.io/graphql-over-http/draft/) at `path`. */
export function registerGraphQLRoute(app: FastifyInstance, options: GraphQLRouteOptions): void {
  app.decorateRequest('graphqlOutcome', null)

  app.register(async (scope) => {
    const parseJson = createJsonParser(scope)
    scope.removeAllContentTypeParsers()
    // By its name as well: only parsers with one are found without parsing the content type again.
    for (const type of ['application/json', '*']) {
      scope.addContentTypeParser(
        type,
        { parseAs: 'buffer', bodyLimit: options.bodyLimit },
        (request, body, done) => {
          try {
            done(null, parseJson(request, requireUtf8(body as Buffer)))
          } catch (error) {
            done(error as Error)
          }
        },
      )
    }
    scope.setErrorHandler((error, request, reply) => answerError(error, request, reply, options))
    const enter = (request: FastifyRequest, reply: FastifyReply): LatchkeyError | undefined => {
      request.graphqlOutcome = noOutcome
      if (reply.getHeader('x-request-id') === undefined) setConstantHeaders(request, reply)
      if (options.isOverloaded()) return overloaded
      return options.requireHttps ? refusePlainHttp(request) : undefined
    }
    scope.addHook('onResponse', (request, reply, done) => {
      if (options.observe !== null) observeRequest(request, reply, options.observe)
      // What a hook of the service refused before, it has logged itself.
      if (options.ownService && request.graphqlOutcome === null) done()
      else logGraphQLRequest(request, reply, done)
    })

    const route = {
      url: options.path,
      exposeHeadRoute: false,
      preHandler:
        options.countRequest === null
          ? [options.authenticate]
          : [options.authenticate, admitRequest(options.countRequest)],
      // They cost each request a logger of its own kind: a service has them on its one logger.
      ...(options.ownService ? {} : { logSerializers }),
    }
    const replies = new WeakMap<FastifyRequest, FastifyReply>()
    const { deadlines } = options
    scope.route({
      ...route,
      method: 'POST',
      onRequest: (request, reply, done) => done(enter(request, reply) ?? refuseForeignContent(request)),
      bodyLimit: options.bodyLimit,
      handler: (request, reply) =>
        answer(request, reply, requireParameters(request.body), options, deadlines),
    })
    scope.route({
      ...route,
      method: 'GET',
      onRequest: (request, reply, done) => {
        const refusal = enter(request, reply)
        done(refusal ?? (request.ws ? options.sockets.refuseOrigin(request) : undefined))
      },
      preHandler: [
        ...route.preHandler,
        (request, reply, done) => {
          if (request.ws) replies.set(request, reply)
          done()
        },
      ],
      wsHandler: (socket, request) =>
        options.sockets.open(socket, request, replies.get(request) as FastifyReply), // set above
      handler: (request, reply) => {
        const search = request.query as Record<string, unknown>
        const parameters = requireQueryParameters(search, (text) => parseJson(request, text))
        answer(request, reply, parameters, options, deadlines)
      },
    })
    scope.route({
      ...route,
      preHandler: [],
      method: ['HEAD', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'TRACE'],
      // before the body is read
      onRequest: (request, reply, done) => done(enter(request, reply) ?? refusedMethod()),
      handler: refusedMethod, // never reached
    })
  })
}

/** Answers a request, at once or as soon as its operation has run. What it throws, Fastify hands to `answerError`. */
function answer(
  request: FastifyRequest,
  reply: FastifyReply,
  parameters: GraphQLParameters,
  options: GraphQLRouteOptions,
  deadlines: Deadlines,
): void {
  const type = negotiate(request.headers.accept)
  if (type === null) {
    throw new LatchkeyError(
      'NOT_ACCEPTABLE',
      'Answers come as application/graphql-response+json or application/json: accept one of them.',
    )
  }
  const operation = options.runner.prepare(parameters, parameters.operationName, false)
  if ('errors' in operation) {
    send(request, reply, { errors: operation.errors }, type, options)
    return
  }
  request.graphqlOutcome = { operation, refusal: null }
  if (request.method === 'GET' && operation.kind !== 'query') throw methodNotAllowed('Mutations need POST.')
  const run = (): void => {
    const executed = options.runner.execute(operation, parameters.variables, request, reply)
    if (!(executed instanceof Promise)) {
      send(request, reply, executed, type, options)
      return
    }
    const deadline = deadlines.begin(() => reply.send(tooLate()))
    executed
      .then(
        (body) => {
          if (deadlines.end(deadline)) send(request, reply, body, type, options)
        },
        (error) => {
          if (deadlines.end(deadline)) fail(reply, error)
        },
      )
      .catch((error) => fail(reply, error)) // what no JSON can say
  }
  const admitted = operation.signsIn ? undefined : admitToken(request, options)
  if (admitted === undefined) run()
  else admitted.then(run).catch((error) => fail(reply, error))
}

/** Hands what was thrown to `answerError`: anything that is no error would be sent as an answer. */
function fail(reply: FastifyReply, error: unknown): void {
  reply.send(error instanceof Error ? error : new Error('What was thrown is no error.', { cause: error }))
}

/** Refuses a request that came too often, whatever it holds: reading a document costs something too. */
function admitRequest(countRequest: CountRequest): PreHandlerWithCallback {
  return (request, _reply, done) => {
    const { principal } = request
    const counted = countRequest(
      // Not of the user: who has stolen one token must not keep the owner's others from ending it.
      principal.kind === 'user'
        ? `token ${principal.token.id}`
        : `address ${limitedAddress(clientAddress(request))}`,
    )
    if (counted instanceof Promise) counted.then((late) => done(refuseExcess(late)))
    else done(refuseExcess(counted))
  }
}

type PreHandlerWithCallback = (
  request: FastifyRequest,
  reply: FastifyReply,
  done: (error?: Error) => void,
) => void

/** Refuses a bad token that came too often, or where any is too many. Undefined where there is nothing to count. */
function admitToken(request: FastifyRequest, options: GraphQLRouteOptions): Promise<void> | undefined {
  const { principal } = request
  if (principal.kind === 'user' || principal.reason === 'MISSING') return undefined
  if (principal.reason === 'INVALID') return countInvalidToken(request, options)
  if (options.strictTokens && !options.isInCookie(request)) throw refusedToken(principal)
  return undefined
}

async function countInvalidToken(
  request: FastifyRequest,
  { strictTokens, isInCookie, countBadToken }: GraphQLRouteOptions,
): Promise<void> {
  const count = await countBadToken(limitedAddress(clientAddress(request)))
  if (count.isExceeded) {
    throw rateLimited('REQUESTS', count.ttl, 'Too many requests with a token that does not exist.')
  }
  if (!strictTokens || isInCookie(request)) return
  throw refusedToken(request.principal as AnonymousPrincipal) // `admitToken` has looked
}

function refusedToken({ reason, message }: AnonymousPrincipal): LatchkeyError {
  return new LatchkeyError('UNAUTHENTICATED', message, { reason })
}

function send(
  request: FastifyRequest,
  reply: FastifyReply,
  body: ResponseBody,
  type: ResponseType,
  { scheme, report }: GraphQLRouteOptions,
): void {
  reply.code(statusOf(body, type)).header('content-type', `${type}; charset=utf-8`)
  if (body.errors !== undefined) {
    const refusal = findRefusal(body.errors)
    request.graphqlOutcome = { operation: request.graphqlOutcome?.operation ?? null, refusal }
    setRefusalHeaders(reply, body.errors, refusal, scheme)
    reportRefusals(request, report, body.errors, refusal)
  }
  reply.send(JSON.stringify(body))
}

/** Answers what was refused before GraphQL had its turn, in GraphQL's form. */
function answerError(
  error: unknown,
  request: FastifyRequest,
  reply: FastifyReply,
  { scheme, report }: GraphQLRouteOptions,
): FastifyReply {
  const shown = describeFailure(error, request)
  const refusal = findRefusal([shown])
  reportRefusals(request, report, [shown], refusal)
  request.graphqlOutcome = { operation: request.graphqlOutcome?.operation ?? null, refusal }
  setConstantHeaders(request, reply)
  setRefusalHeaders(reply, [shown], refusal, scheme)
  const isMasked = shown.extensions?.code === 'INTERNAL_SERVER_ERROR'
  const status = isMasked ? 500 : (error as { statusCode: number }).statusCode
  if (status === 405) reply.header('allow', allowed)
  const type = negotiate(request.headers.accept) ?? 'application/json'
  return reply
    .code(status)
    .header('content-type', `${type}; charset=utf-8`)
    .send(JSON.stringify({ errors: [shown] }))
}

/** Refuses what a form or a page of another site could send without a preflight: everything but JSON. */
function refuseForeignContent(request: FastifyRequest): LatchkeyError | undefined {
  const encoding = request.headers['content-encoding']
  if (!isJsonType(request.headers['content-type'])) return unsupportedMediaType()
  if (encoding !== undefined && encoding !== 'identity') {
    return new LatchkeyError('UNSUPPORTED_MEDIA_TYPE', 'Compressed bodies are not supported.')
  }
  return undefined
}

function refusedMethod(): LatchkeyError {
  return methodNotAllowed('GraphQL is served by GET and POST.')
}

function methodNotAllowed(message: string): LatchkeyError {
  return new LatchkeyError('METHOD_NOT_ALLOWED', message)
}

function unsupportedMediaType(): LatchkeyError {
  return new LatchkeyError('UNSUPPORTED_MEDIA_TYPE', 'Send the body as application/json.')
}

/** JSON without the keys that reach into prototypes; throws for what is not JSON. */
type ParseJson = (request: FastifyRequest, text: string) => unknown

function createJsonParser(app: FastifyInstance): ParseJson {
  const parse = app.getDefaultJsonParser('error', 'error')
  return (request, text) => {
    let parsed: unknown
    // Fastify's parser calls back before it returns.
    parse(request, text, (error, body) => {
      if (error) throw error
      parsed = body
    })
    return parsed
  }
}
