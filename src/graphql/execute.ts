import type { FastifyReply } from 'fastify'
import type { GraphQLFormattedError, GraphQLSchema, ValidationRule } from 'graphql'
import type { CompiledOperations, Executed } from './compiled.ts'
import {
  describeVariables,
  findMisfits,
  formatRequestError,
  formatResolverError,
  isAboutVariables,
  type ReportFault,
  refuseNulls,
  withoutRepeats,
} from './errors.ts'
import { checkRows, checkVariables, type QueryLimits } from './limits.ts'
import { type FindOperation, type Operation, unresolved } from './operations.ts'
import type { ExecutionResult } from './result.ts'
import { createSubscribe, type Subscribed } from './subscribe.ts'

/** Runs operations on Mercurius (its schema, loaders and compiled queries), and puts errors into Latchkey's words. */
export interface Executor {
  /** Reads a document and picks its operation, or says why none can run. */
  prepare(
    source: string,
    operationName: string | null,
    /** Whether subscriptions run there. */
    isSocket: boolean,
  ): Operation | { errors: readonly GraphQLFormattedError[] }
  /** Answers at once where the operation is compiled and no resolver is asynchronous. */
  execute(
    operation: Operation,
    variables: Record<string, unknown> | null,
    context: object,
    reply: FastifyReply,
    report: ReportFault,
  ): ExecutionResult | Promise<ExecutionResult>
  subscribe(
    operation: Operation,
    variables: Record<string, unknown> | null,
    context: object,
    reply: FastifyReply,
    report: ReportFault,
  ): Promise<Subscribed>
}

export function createExecutor(deps: {
  schema: GraphQLSchema
  findOperation: FindOperation
  limits: Pick<QueryLimits, 'nodes'>
  /** Whether "Did you mean …" may be said. */
  suggestions: boolean
  rules: readonly ValidationRule[]
  maxErrors: number
  /** Operations that run without Mercurius; null where it has something to add to each. */
  findCompiled: () => CompiledOperations | null
}): Executor {
  const { schema, findOperation, limits, suggestions, rules, maxErrors, findCompiled } = deps
  const subscribe = createSubscribe({
    schema,
    rules,
    maxErrors,
    refuse,
    describeVariables: (source, variables) => describeVariables(schema, source, variables),
  })

  function refuse(errors: readonly unknown[]): { errors: readonly GraphQLFormattedError[] } {
    return { errors: withoutRepeats(errors.map((error) => formatRequestError(error, { suggestions }))) }
  }

  return {
    prepare(source, operationName, isSocket) {
      const found = findOperation(source, operationName)
      if (!('kind' in found)) return refuse(found)
      if (found.kind !== 'subscription' || isSocket) return found
      return refuse([unresolved('Subscriptions do not run over HTTP requests.')])
    },

    async subscribe(operation, variables, context, reply, report) {
      const isPlain = variables === null && operation.lists === null
      const unfit = isPlain ? [] : findUnfit(operation, variables ?? {})
      if (unfit.length > 0) return { errors: unfit }
      return subscribe(operation, variables, context, String(reply.request.id), report)
    },

    execute(operation, variables, context, reply, report) {
      const isPlain = variables === null && operation.lists === null
      const unfit = isPlain ? [] : findUnfit(operation, variables ?? {})
      if (unfit.length > 0) return { errors: unfit }
      const compiled = findCompiled()
      const run = compiled?.find(operation)
      if (run) {
        const executed = run(Object.assign(context, { reply, app: reply.server }), variables) // as Mercurius does
        if (!(executed instanceof Promise))
          return describeResult(executed, operation, variables, reply, report)
        return executed.then((result) => describeResult(result, operation, variables, reply, report))
      }
      // Without variables none are passed: Mercurius would build an execution context only to check them.
      const executed = reply.graphql(
        operation.source,
        context as Record<string, unknown>,
        variables ?? undefined,
        operation.name ?? undefined,
      ) as Promise<ExecutionResult>
      return executed.then(
        (result) => {
          if (result.data !== undefined) compiled?.ran(operation)
          return describeResult(result, operation, variables, reply, report)
        },
        (error) => refuseInvalid(error, operation, variables),
      )
    },
  }

  function describeResult(
    result: Executed | ExecutionResult,
    operation: Operation,
    variables: Record<string, unknown> | null,
    reply: FastifyReply,
    report: ReportFault,
  ): ExecutionResult {
    const { data, errors = [] } = result
    if (data === undefined) return { errors: describeVariables(schema, operation.source, variables ?? {}) }
    if (errors.length === 0) return { data }
    const requestId = String(reply.request.id)
    return { data, errors: errors.map((error) => formatResolverError(error, requestId, report)) }
  }

  /** What Mercurius must not see: nulls that it would let through, and what graphql-js has no stack or no time for. */
  function findUnfit(
    operation: Operation,
    variables: Record<string, unknown>,
  ): readonly GraphQLFormattedError[] {
    const nulls = operation.defaulted.filter((name) => variables[name] === null)
    if (nulls.length > 0) return refuseNulls(nulls)
    const tooMany = operation.lists && checkRows(operation.lists, variables, limits)
    if (tooMany !== null) return refuse([tooMany]).errors
    const verdict = checkVariables(variables)
    if (verdict === null) return []
    return verdict === 'inspect' ? findMisfits(schema, operation.source, variables) : refuse([verdict]).errors
  }

  /** Mercurius throws one error for a document that is not valid and for variables that do not fit. */
  function refuseInvalid(
    error: unknown,
    operation: Operation,
    variables: Record<string, unknown> | null,
  ): ExecutionResult {
    const { errors } = error as { errors?: { message: string }[] }
    if (!Array.isArray(errors)) throw error
    if (errors.some(isAboutVariables))
      return { errors: describeVariables(schema, operation.source, variables ?? {}) }
    return refuse(errors)
  }
}
