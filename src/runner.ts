import type { FastifyReply, FastifyRequest } from 'fastify'
import type { LatchkeyContext } from './graphql/context.ts'
import { formatThrown } from './graphql/errors.ts'
import type { Executor } from './graphql/execute.ts'
import type { Operation } from './graphql/operations.ts'
import type { ExecutionResult } from './graphql/result.ts'
import type { OperationRunner } from './http/graphql-route.ts'

/** Builds the context of a request: with a reply that can set cookies, and by `readToken` where its token is no header's. */
export type ContextOf = (
  request: FastifyRequest,
  reply?: FastifyReply,
  readToken?: () => string | null,
) => LatchkeyContext

/** Joins the route and the sockets to Mercurius: neither knows of the other. */
export function createRunner(
  executor: Executor,
  prepare: OperationRunner['prepare'],
  contextOf: ContextOf,
  contextOfApplication:
    | ((request: FastifyRequest, reply: FastifyReply) => object | Promise<object>)
    | undefined,
): OperationRunner {
  const extend = async (
    own: LatchkeyContext,
    request: FastifyRequest,
    reply: FastifyReply,
  ): Promise<object> => ({
    ...(await contextOfApplication?.(request, reply)),
    ...own,
  })
  const reportFault = (request: FastifyRequest) => (error: unknown) =>
    request.log.error({ err: error }, 'a resolver failed')
  const explainContext = (error: unknown, request: FastifyRequest) => {
    const report = (fault: unknown) => request.log.error({ err: fault }, 'the context failed')
    return { errors: [formatThrown(error, String(request.id), report)] }
  }

  return {
    prepare,
    execute(operation, variables, request, reply, readToken) {
      const run = (context: object): ExecutionResult | Promise<ExecutionResult> =>
        executor.execute(operation as Operation, variables, context, reply, reportFault(request))
      const own = contextOf(request, readToken === undefined ? reply : undefined, readToken)
      if (contextOfApplication === undefined) return run(own)
      return extend(own, request, reply).then(run, (error) => explainContext(error, request))
    },

    async subscribe(operation, variables, request, reply, readToken, signal) {
      const own = Object.assign(contextOf(request, undefined, readToken), { signal })
      let context: object
      try {
        context = await extend(own, request, reply)
      } catch (error) {
        return explainContext(error, request)
      }
      const report = reportFault(request)
      const begun = await executor.subscribe(operation as Operation, variables, context, reply, report)
      if ('errors' in begun) return begun
      return {
        events: begun.events,
        explain: begun.explain,
        async answer(event, each, eachReply) {
          let own: object
          try {
            own = await extend(contextOf(each, undefined, readToken), each, eachReply)
          } catch (error) {
            return explainContext(error, each)
          }
          // Mercurius gives loaders to a reply that runs something: they are new for each event, as for each request.
          await eachReply.graphql('{ __typename }', own as Record<string, unknown>)
          return begun.answer(event, own)
        },
      }
    },
  }
}
