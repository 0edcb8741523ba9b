import type { FastifyInstance } from 'fastify'
import {
  type GraphQLSchema,
  isIntrospectionType,
  isObjectType,
  NoSchemaIntrospectionCustomRule,
} from 'graphql'
import mercurius, { type MercuriusLoaders, type MercuriusOptions } from 'mercurius'
import { findUncompilableInputs, hasVariableOf } from './compilable.ts'
import { createCompiledOperations } from './compiled.ts'
import { createExecutor, type Executor } from './execute.ts'
import { guardSchema } from './guard.ts'
import type { QueryLimits } from './limits.ts'
import { createFindOperation } from './operations.ts'
import { createResolvers } from './resolvers.ts'
import { NoPrototypeAliasRule } from './rules.ts'
import {
  defineSubscriptions,
  type LoaderMap,
  loadSchema,
  mergeResolvers,
  type ResolverMap,
} from './schema.ts'
import type { ServerInfo } from './schema-types.ts'

/** An application's own part of the API. */
export interface ApplicationSchema {
  /** SDL that extends Latchkey's: `extend type Query { … }` and types of its own, under the same rules. */
  schema?: string | readonly string[]
  resolvers?: ResolverMap
  /** Mercurius loaders, which batch what resolvers ask for. */
  loaders?: LoaderMap
}

export interface GraphQLOptions extends ApplicationSchema {
  serverInfo: ServerInfo
  limits: QueryLimits
  introspection: boolean
  /** Milliseconds since 1970: how fresh a sign-in is, is decided at the moment of use. */
  clock: () => number
  /** Executions after which an operation is compiled; 0 for never. */
  jit: number
  /** Wraps each resolver in a span; null where nobody traces. */
  traceResolver: TraceResolver | null
}

/** Wraps the resolver of a field, which has a name such as `Query.viewer`. */
export type TraceResolver = <Parameters extends unknown[]>(
  field: string,
  resolve: (...parameters: Parameters) => unknown,
) => (...parameters: Parameters) => unknown

/** More than these are never reported for one document. */
const maxErrors = 10

/** Documents that Mercurius keeps with their compiled functions. */
const documentCacheSize = 512

/** Registers Mercurius with the merged schema, and guards it when the application is ready. */
export async function registerGraphQL(app: FastifyInstance, options: GraphQLOptions): Promise<Executor> {
  const { introspection, limits, loaders } = options
  const schema = loadSchema([options.schema ?? []].flat())
  const resolvers = [
    createResolvers(options.serverInfo, options.clock) as ResolverMap,
    options.resolvers ?? {},
  ]
  const { Subscription: ofSubscriptions = {}, ...ofRequests } = mergeResolvers(schema, resolvers, loaders)
  defineSubscriptions(schema, ofSubscriptions)
  const rules = [NoPrototypeAliasRule, ...(introspection ? [] : [NoSchemaIntrospectionCustomRule])]
  await app.register(mercurius, {
    schema,
    resolvers: ofRequests as MercuriusOptions['resolvers'] & object,
    // Mercurius hands loaders the context of the operation, which is Latchkey's; its types cannot know.
    ...(loaders ? { loaders: loaders as unknown as MercuriusLoaders } : {}),
    routes: false,
    jit: options.jit,
    cache: documentCacheSize,
    validationRules: rules,
    graphql: { parseOptions: { maxTokens: limits.tokens }, validateOptions: { maxErrors } },
    // Errors stay as they are until `createExecutor` puts them into words; the status is for `http/` to decide.
    errorFormatter: (execution) => ({ statusCode: 200, response: execution as never }),
  })
  keepUncompiled(app, schema)
  const compiled = createCompiledOperations(schema, options.jit)
  const isPlain = watchForExtras(app, loaders !== undefined)
  app.addHook('onReady', async () => {
    // A schema that was exchanged through `app.graphql` has not been checked for fields that are open by mistake.
    if (app.graphql.schema !== schema) {
      throw new Error(
        'The schema was changed behind Latchkey: hand it your schema as an option of the plugin.',
      )
    }
    if (options.traceResolver) traceResolvers(schema, options.traceResolver)
    guardSchema(schema, options.clock)
  })
  return createExecutor({
    schema,
    findOperation: createFindOperation({ schema, limits, rules, maxErrors }),
    limits,
    suggestions: introspection,
    rules,
    maxErrors,
    findCompiled: () => (isPlain() ? compiled : null),
  })
}

/** Whether Mercurius adds nothing to operations: neither hooks nor loaders of the application. */
function watchForExtras(app: FastifyInstance, hasLoaders: boolean): () => boolean {
  let isPlain = !hasLoaders
  const { graphql } = app
  for (const name of ['addHook', 'defineLoaders'] as const) {
    const define = graphql[name] as (...parameters: unknown[]) => unknown
    Object.assign(graphql, {
      [name](...parameters: unknown[]) {
        isPlain = false
        return define.apply(graphql, parameters)
      },
    })
  }
  return () => isPlain
}

/** Mercurius compiles no document that a hook hands back. The hook costs each operation, so that there is one only where needed. */
function keepUncompiled(app: FastifyInstance, schema: GraphQLSchema): void {
  const types = findUncompilableInputs(schema)
  if (types.size === 0) return
  app.graphql.addHook('preExecution', async (_schema, document) =>
    hasVariableOf(document, types) ? { document } : undefined,
  )
}

/** What a field of the application's or of ours does, without the guard around it; what only reads a property is left alone. */
function traceResolvers(schema: GraphQLSchema, wrap: TraceResolver): void {
  for (const type of Object.values(schema.getTypeMap())) {
    if (!isObjectType(type) || isIntrospectionType(type)) continue
    for (const field of Object.values(type.getFields()))
      if (field.resolve) field.resolve = wrap(`${type.name}.${field.name}`, field.resolve)
  }
}
