import {
  defaultFieldResolver,
  type GraphQLField,
  type GraphQLFieldResolver,
  type GraphQLNamedType,
  type GraphQLSchema,
  isInterfaceType,
  isIntrospectionType,
  isObjectType,
} from 'graphql'
import type { Principal, UserPrincipal } from '../auth/principal.ts'
import { requireFresh, requireScopes } from '../auth/token-rights.ts'
import { LatchkeyError } from '../errors.ts'
import {
  type Annotated,
  hasDirective as has,
  type NeededRights,
  type Requirement,
  readRequirement,
  stricter,
  toRequirement,
} from './requirement.ts'

/** Milliseconds since 1970. */
type Clock = () => number

type Resolver = GraphQLFieldResolver<unknown, { principal?: Principal }>

/** The narrowing that guarded resolvers use: the user principal of the request, or the error that says why there is none. */
export function requireUser(context: { principal?: Principal }): UserPrincipal {
  const { principal } = context
  if (principal?.kind === 'user') return principal
  throw new LatchkeyError(
    'UNAUTHENTICATED',
    principal?.message ?? 'Authentication credentials were not provided.',
    { reason: principal?.reason ?? 'MISSING' },
  )
}

/**
 * Everything in which a schema breaks the rules of `@auth` and `@public`, a sentence each: a root field with neither, a
 * field with both, a directive where it would protect nothing.
 */
export function checkDirectives(schema: GraphQLSchema): string[] {
  const problems: string[] = []
  const roots = new Set([schema.getQueryType(), schema.getMutationType(), schema.getSubscriptionType()])
  for (const type of appTypes(schema)) {
    if (isInterfaceType(type)) {
      for (const field of Object.values(type.getFields())) {
        if (has(field, 'auth') || has(field, 'public')) {
          problems.push(
            `${type.name}.${field.name}: a directive on an interface's field protects nothing; put it on the object types that implement ${type.name}.`,
          )
        }
      }
    }
    if (!isObjectType(type)) continue
    problems.push(...checkArguments(schema, type, type.name))
    if (has(type, 'auth') && has(type, 'public')) {
      problems.push(`${type.name}: @auth and @public contradict each other; keep one.`)
    }
    for (const field of Object.values(type.getFields())) {
      const name = `${type.name}.${field.name}`
      problems.push(...checkArguments(schema, field, name))
      if (has(field, 'auth') && has(field, 'public')) {
        problems.push(`${name}: @auth and @public contradict each other; keep one.`)
      }
      const decided = has(field, 'auth') || has(field, 'public') || has(type, 'auth') || has(type, 'public')
      if (roots.has(type) && !decided) {
        problems.push(`${name}: a root field needs @auth or @public; add one of them.`)
      }
    }
  }
  return problems
}

function checkArguments(schema: GraphQLSchema, node: Annotated, name: string): string[] {
  try {
    readRequirement(schema, node)
    return []
  } catch (error) {
    return [`${name}: @auth has an argument it cannot have: ${(error as Error).message}`]
  }
}

/** Wraps the resolver of every guarded field, in place. To be called once, when all resolvers are defined. */
export function guardSchema(schema: GraphQLSchema, clock: Clock): void {
  for (const type of appTypes(schema)) {
    if (!isObjectType(type)) continue
    const ofType = readRequirement(schema, type)
    for (const field of Object.values(type.getFields())) {
      const requirement = has(field, 'public') ? null : stricter(ofType, readRequirement(schema, field))
      if (requirement !== null) guardField(field, requirement, clock)
    }
  }
}

function guardField(
  field: GraphQLField<unknown, { principal?: Principal }>,
  requirement: Requirement,
  clock: Clock,
): void {
  field.resolve = guarded(field.resolve ?? defaultFieldResolver, requirement, clock)
  // A subscription is checked at its start, and through `resolve` at each event.
  if (field.subscribe) field.subscribe = guarded(field.subscribe, requirement, clock)
}

/** Synchronous: a refused field costs no promise, an allowed one comparisons, and only those it asks for. */
function guarded(resolve: Resolver, requirement: Requirement, clock: Clock): Resolver {
  return (parent, args, context, info) => {
    requireRights(requireUser(context), requirement, clock)
    return resolve(parent, args, context, info)
  }
}

function requireRights({ user, token }: UserPrincipal, requirement: Requirement, clock: Clock): void {
  const { role, scopes, freshMs } = requirement
  if (role === 'ADMIN' && user.role !== 'ADMIN')
    throw new LatchkeyError('FORBIDDEN', 'This needs the role ADMIN.', { reason: 'ROLE' })
  if (scopes.length > 0) requireScopes(token, scopes)
  if (freshMs < Number.POSITIVE_INFINITY) requireFresh(token, freshMs, clock())
}

/** `requireUser` for what is no field: with rights in the words of `@auth`, of which misuse is a plain `Error`. */
export type RequireUser = (request: { principal?: Principal }, rights?: NeededRights) => UserPrincipal

export function createRequireUser(findSchema: () => GraphQLSchema, clock: Clock): RequireUser {
  return (request, rights = {}) => {
    const requirement = toRequirement(findSchema(), rights)
    const principal = requireUser(request)
    requireRights(principal, requirement, clock)
    return principal
  }
}

function appTypes(schema: GraphQLSchema): GraphQLNamedType[] {
  return Object.values(schema.getTypeMap()).filter((type) => !isIntrospectionType(type))
}
