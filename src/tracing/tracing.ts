import {
  type Attributes,
  type Context,
  context,
  propagation,
  ROOT_CONTEXT,
  type Span,
  SpanKind,
  SpanStatusCode,
  type TracerProvider,
  trace,
} from '@opentelemetry/api'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import type { GraphQLFormattedError } from 'graphql'
import type { OnQuery } from '../db/database.ts'
import type { TraceResolver } from '../graphql/register.ts'
import type { OperationRunner, RunnableOperation } from '../http/graphql-route.ts'

/** What Latchkey does, as spans of OpenTelemetry. No attribute has a token, a password, a variable or a document. */
export interface Tracing {
  /** A span for each request of the application, under the one of the client if it sent a W3C trace context. */
  traceRequests(app: FastifyInstance): void
  /** A span for each operation, over HTTP and over sockets. */
  traceRunner(runner: OperationRunner): OperationRunner
  /** A span for each field that has a resolver of its own. */
  traceResolver: TraceResolver
  /** Notes a statement that has run, in the span in which it did. */
  noteQuery: OnQuery
}

/** Creates spans with the tracer `latchkey` of a provider. */
export function createTracing(provider: TracerProvider, version: string): Tracing {
  const tracer = provider.getTracer('latchkey', version)

  /** Runs work in a span of its own, which ends when the work does; `inspect` sees what came of it. */
  function inSpan<T>(
    name: string,
    attributes: Attributes,
    work: () => T | Promise<T>,
    inspect: (span: Span, result: T) => void = () => {},
  ): T | Promise<T> {
    const span = tracer.startSpan(name, { attributes })
    const end = (result: T): T => {
      inspect(span, result)
      span.end()
      return result
    }
    const fail = (error: unknown): never => {
      markFailed(span, error)
      span.end()
      throw error
    }
    try {
      const result = context.with(trace.setSpan(context.active(), span), work)
      return result instanceof Promise ? result.then(end, fail) : end(result)
    } catch (error) {
      return fail(error)
    }
  }

  function traceEvents(operation: RunnableOperation, begun: Begun): Begun {
    if ('errors' in begun) return begun
    const attributes = describeOperation(operation)
    return {
      ...begun,
      answer: async (...parameters) =>
        inSpan(`${operation.kind} event`, attributes, () => begun.answer(...parameters), noteErrors),
    }
  }

  return {
    traceRequests(app) {
      const contexts = new WeakMap<FastifyRequest, Context>()
      app.addHook('onRequest', (request, _reply, done) => {
        const parent = propagation.extract(ROOT_CONTEXT, request.headers)
        const route = request.routeOptions.url
        const span = tracer.startSpan(
          route === undefined ? request.method : `${request.method} ${route}`,
          { kind: SpanKind.SERVER, attributes: describeRequest(request) },
          parent,
        )
        const own = trace.setSpan(parent, span)
        contexts.set(request, own)
        context.with(own, done)
      })
      // Whoever reads a body goes on in the context of its last piece.
      app.addHook('preValidation', (request, _reply, done) => {
        context.with(contexts.get(request) ?? ROOT_CONTEXT, done)
      })
      const end = (request: FastifyRequest, status: number | null): void => {
        const span = trace.getSpan(contexts.get(request) ?? ROOT_CONTEXT)
        if (span === undefined) return // it has ended before
        contexts.delete(request)
        if (status === null) span.setAttribute('error.type', 'aborted')
        else span.setAttribute('http.response.status_code', status)
        if (status !== null && status >= 500) span.setStatus({ code: SpanStatusCode.ERROR })
        span.end()
      }
      app.addHook('onResponse', (request, reply, done) => {
        end(request, reply.statusCode)
        done()
      })
      app.addHook('onRequestAbort', (request, done) => {
        end(request, null)
        done()
      })
    },

    traceRunner(runner) {
      return {
        ...runner,
        execute: (operation, ...rest) =>
          inSpan(
            operation.kind,
            describeOperation(operation),
            () => runner.execute(operation, ...rest),
            noteErrors,
          ),
        subscribe: (operation, ...rest) =>
          inSpan(
            operation.kind,
            describeOperation(operation),
            async () => traceEvents(operation, await runner.subscribe(operation, ...rest)),
            (span, begun) => {
              if ('errors' in begun) noteErrors(span, begun)
            },
          ) as ReturnType<OperationRunner['subscribe']>, // it waits, and so is a promise
      }
    },

    traceResolver(field, resolve) {
      const attributes = { 'graphql.field.name': field }
      return (...parameters) => inSpan(field, attributes, () => resolve(...parameters))
    },

    noteQuery({ engine, sql, durationMs, failed }) {
      const summary = summarize(sql)
      const endTime = Date.now()
      const span = tracer.startSpan(summary, {
        kind: SpanKind.CLIENT,
        startTime: endTime - durationMs,
        attributes: { 'db.system.name': engine, 'db.query.summary': summary, 'db.query.text': sql },
      })
      if (failed) span.setStatus({ code: SpanStatusCode.ERROR })
      span.end(endTime)
    },
  }
}

/** Codes of what is no client's doing. */
const faults = new Set(['INTERNAL_SERVER_ERROR', 'SERVICE_UNAVAILABLE'])

type Begun = Awaited<ReturnType<OperationRunner['subscribe']>>

function noteErrors(
  span: Span,
  { errors = [] }: { errors?: readonly GraphQLFormattedError[] | undefined },
): void {
  const codes = errors.map(({ extensions }) => String(extensions?.code))
  if (codes.length > 0) span.setAttribute('graphql.error.codes', [...new Set(codes)])
  if (codes.some((code) => faults.has(code))) span.setStatus({ code: SpanStatusCode.ERROR })
}

/** By the semantic conventions for HTTP servers; neither the query of a URL nor a header. */
function describeRequest(request: FastifyRequest): Attributes {
  const { url } = request.routeOptions
  return {
    'http.request.method': request.method,
    'url.scheme': request.protocol,
    'url.path': request.url.split('?', 1)[0],
    'client.address': request.ip,
    ...(url === undefined ? {} : { 'http.route': url }),
  }
}

/** By the semantic conventions for GraphQL servers. */
function describeOperation({ kind, name }: RunnableOperation): Attributes {
  return { 'graphql.operation.type': kind, ...(name === null ? {} : { 'graphql.operation.name': name }) }
}

/** `SELECT latchkey_users`: the first word, and the first table of ours. */
function summarize(sql: string): string {
  const [, verb] = /^\W*(?:with\b.*?\)\s*)?(\w+)/is.exec(sql) as unknown as [string, string] // a statement has a word
  const table = /\blatchkey_\w+/.exec(sql)?.[0]
  return [verb.toUpperCase(), ...(table === undefined ? [] : [table])].join(' ')
}

/** The kind of the error alone: its message may repeat what a client has sent. */
function markFailed(span: Span, error: unknown): void {
  span.setAttribute('error.type', error instanceof Error ? error.name : 'unknown')
  span.setStatus({ code: SpanStatusCode.ERROR })
}
