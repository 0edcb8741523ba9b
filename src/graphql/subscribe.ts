import {
  createSourceEventStream,
  type DocumentNode,
  execute,
  type GraphQLError,
  type GraphQLFormattedError,
  type GraphQLSchema,
  parse,
  specifiedRules,
  type ValidationRule,
  validate,
} from 'graphql'
import { LRUCache } from 'lru-cache'
import { formatResolverError, formatThrown, type ReportFault } from './errors.ts'
import type { Operation } from './operations.ts'
import type { ExecutionResult } from './result.ts'

/** A subscription that has begun. */
export interface Subscription {
  /** What the `subscribe` resolver returned. */
  events: AsyncIterator<unknown>
  /** Answers one event, under the rights that the context has now. */
  answer(event: unknown, context: object): Promise<ExecutionResult>
  /** What clients are told of what the iterator threw. */
  explain(thrown: unknown): GraphQLFormattedError
}

/** A subscription, or why it did not begin. */
export type Subscribed = Subscription | { errors: readonly GraphQLFormattedError[] }

/** Begins a subscription whose variables have been looked at. Each event is checked by `@auth` as its start is. */
export type Subscribe = (
  operation: Operation,
  variables: Record<string, unknown> | null,
  context: object,
  requestId: string,
  report: ReportFault,
) => Promise<Subscribed>

const keptDocuments = 500

export function createSubscribe(deps: {
  schema: GraphQLSchema
  rules: readonly ValidationRule[]
  maxErrors: number
  refuse: (errors: readonly unknown[]) => { errors: readonly GraphQLFormattedError[] }
  /** Says what is wrong with variables, without their values. */
  describeVariables: (source: string, variables: Record<string, unknown>) => readonly GraphQLFormattedError[]
}): Subscribe {
  const { schema, rules, maxErrors, refuse, describeVariables } = deps
  const documents = new LRUCache<string, DocumentNode>({ max: keptDocuments })

  function read(source: string): DocumentNode | readonly GraphQLError[] {
    const known = documents.get(source)
    if (known !== undefined) return known
    const document = parse(source)
    const errors = validate(schema, document, [...specifiedRules, ...rules], { maxErrors })
    if (errors.length > 0) return errors
    documents.set(source, document)
    return document
  }

  return async (operation, variables, context, requestId, report) => {
    const document = read(operation.source)
    if (!('kind' in document)) return refuse(document)
    const execution = { schema, document, variableValues: variables ?? {}, operationName: operation.name }
    const begun = await createSourceEventStream({ ...execution, contextValue: context })
    if (!(Symbol.asyncIterator in begun)) {
      const errors = begun.errors as readonly GraphQLError[] // what is no stream has some
      // An error of a field has its path; without one it is about variables.
      if (errors.some(({ path }) => path === undefined))
        return { errors: describeVariables(operation.source, variables ?? {}) }
      return { errors: errors.map((error) => formatResolverError(error, requestId, report)) }
    }
    return {
      events: begun[Symbol.asyncIterator](),
      async answer(event, contextValue) {
        const { data = null, errors } = await execute({ ...execution, rootValue: event, contextValue })
        if (errors === undefined) return { data }
        return { data, errors: errors.map((error) => formatResolverError(error, requestId, report)) }
      },
      explain: (thrown) => formatThrown(thrown, requestId, report),
    }
  }
}
