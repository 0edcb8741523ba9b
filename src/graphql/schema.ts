import { readFileSync } from 'node:fs'
import {
  buildASTSchema,
  type DocumentNode,
  type GraphQLObjectType,
  type GraphQLResolveInfo,
  type GraphQLSchema,
  isEnumType,
  isInterfaceType,
  isObjectType,
  isUnionType,
  parse,
  validateSchema,
} from 'graphql'
import type { LatchkeyContext } from './context.ts'
import { checkDirectives } from './guard.ts'

/** A field's resolver. Of what type parent and arguments are follows from the application's own SDL. */
// biome-ignore lint/suspicious/noExplicitAny: see above
export type Resolver = (parent: any, args: any, context: LatchkeyContext, info: GraphQLResolveInfo) => unknown

/** When a field of `Subscription` has an event, and what it answers then: the event's property of that name, unless said. */
export interface SubscriptionResolver {
  subscribe: Resolver
  resolve?: Resolver
}

/** Resolvers as Mercurius takes them: type → field → function. For a scalar its functions, or a `GraphQLScalarType`. */
export interface ResolverMap {
  [type: string]: { [field: string]: Resolver } | object | undefined
}

/** Answers a field for many objects at once, in their order. */
// biome-ignore lint/suspicious/noExplicitAny: of what type they are follows from the application's own SDL
export type Loader = (queries: { obj: any; params: any }[], context: LatchkeyContext) => unknown

/** Mercurius' loaders: type → field → function. `cache: false` asks for equal objects twice. */
export interface LoaderMap {
  [type: string]: { [field: string]: Loader | { loader: Loader; opts?: { cache?: boolean } } }
}

/** Every rule that a schema breaks, a sentence each. */
export class SchemaError extends Error {
  override readonly name = 'SchemaError'
  readonly problems: readonly string[]

  constructor(problems: readonly string[]) {
    super(
      `The schema breaks ${problems.length} rule(s):\n${problems.map((line) => `  - ${line}`).join('\n')}`,
    )
    this.problems = problems
  }
}

const ownSdl = readFileSync(new URL('../../schema.graphql', import.meta.url), 'utf8')

/** Latchkey's own schema with an application's, which extends it: `extend type Query { … }`. Throws with every problem. */
export function loadSchema(applicationSdl: readonly string[] = []): GraphQLSchema {
  const schema = build([ownSdl, ...applicationSdl].join('\n'))
  const problems = [...validateSchema(schema).map((error) => error.message), ...checkDirectives(schema)]
  if (problems.length > 0) throw new SchemaError(problems)
  return schema
}

/** Joins resolver maps; throws with every resolver or loader that stands for another's field, or for one that is not there. */
export function mergeResolvers(
  schema: GraphQLSchema,
  maps: readonly ResolverMap[],
  loaders: LoaderMap = {},
): Record<string, Record<string, unknown>> {
  const problems = checkResolvers(schema, [...maps, loaders])
  if (problems.length > 0) throw new SchemaError(problems)
  const merged: Record<string, Record<string, unknown>> = {}
  for (const map of maps) {
    for (const [typeName, fields] of Object.entries(map)) {
      merged[typeName] = { ...merged[typeName], ...fields }
    }
  }
  return merged
}

/** Gives each field of `Subscription` what says when it has an event, and what it answers then. Throws where there is nothing. */
export function defineSubscriptions(schema: GraphQLSchema, resolvers: Record<string, unknown>): void {
  const problems: string[] = []
  for (const field of Object.values((schema.getSubscriptionType() as GraphQLObjectType).getFields())) {
    const { subscribe, resolve } = (resolvers[field.name] ?? {}) as Partial<SubscriptionResolver>
    if (typeof subscribe !== 'function') {
      problems.push(
        `Subscription.${field.name}: a resolver { subscribe } is needed, which returns an async iterable.`,
      )
      continue
    }
    field.subscribe = subscribe as NonNullable<typeof field.subscribe>
    if (resolve) field.resolve = resolve as NonNullable<typeof field.resolve>
  }
  if (problems.length > 0) throw new SchemaError(problems)
}

function checkResolvers(schema: GraphQLSchema, maps: readonly ResolverMap[]): string[] {
  const problems: string[] = []
  const taken = new Set<string>()
  for (const map of maps) {
    for (const [typeName, fields = {}] of Object.entries(map)) {
      const known = fieldNames(schema, typeName)
      if (known === null) {
        problems.push(`${typeName}: a resolver stands for a type that the schema does not have.`)
        continue
      }
      for (const field of Object.keys(fields)) {
        const name = `${typeName}.${field}`
        if (taken.has(name)) problems.push(`${name}: two resolvers stand for one field.`)
        if (known.size > 0 && !known.has(field)) {
          problems.push(`${name}: a resolver stands for a field that the schema does not have.`)
        }
        taken.add(name)
      }
    }
  }
  return problems
}

function build(sdl: string): GraphQLSchema {
  const document = read(sdl)
  try {
    return buildASTSchema(document)
  } catch (error) {
    const problems = (error as Error).message.split('\n\n') // as graphql-js joins what it finds
    throw new SchemaError([...new Set([...problems.map(withHint), ...checkUnbuilt(document, problems)])])
  }
}

function read(sdl: string): DocumentNode {
  try {
    return parse(sdl)
  } catch (error) {
    throw new Error(`The schema cannot be built: ${(error as Error).message}`, { cause: error })
  }
}

function withHint(problem: string): string {
  return /^There can be only one type named "(Query|Mutation|Subscription)"/.test(problem)
    ? `${problem} Write "extend type" for Query, Mutation and Subscription, which Latchkey defines.`
    : problem
}

/** What directives break beside it, in a schema that is built though it is wrong, with something for each type that is missing. */
function checkUnbuilt(document: DocumentNode, problems: readonly string[]): string[] {
  const missing = problems.flatMap((problem) => /^Unknown type "(\w+)"/.exec(problem)?.[1] ?? [])
  const definitions = missing.flatMap((name) => parse(`scalar ${name}`).definitions)
  const whole = { ...document, definitions: [...document.definitions, ...definitions] }
  try {
    return checkDirectives(buildASTSchema(whole, { assumeValidSDL: true }))
  } catch {
    return [] // it is too wrong for that, and said to be so already
  }
}

/** The fields that resolvers may stand for; empty where any property may (scalars), null for an unknown type. */
function fieldNames(schema: GraphQLSchema, typeName: string): Set<string> | null {
  const type = schema.getType(typeName)
  if (type === undefined) return null
  if (isObjectType(type)) return new Set([...Object.keys(type.getFields()), 'isTypeOf'])
  if (isInterfaceType(type) || isUnionType(type)) return new Set(['resolveType'])
  if (isEnumType(type)) return new Set(type.getValues().map((value) => value.name))
  return new Set()
}
