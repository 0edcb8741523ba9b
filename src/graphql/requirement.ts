import {
  type ASTNode,
  type ConstDirectiveNode,
  coerceInputValue,
  type GraphQLDirective,
  type GraphQLField,
  type GraphQLNamedType,
  type GraphQLSchema,
  getDirectiveValues,
} from 'graphql'
import type { Role } from '../auth/principal.ts'
import { parseDuration } from '../auth/token-life.ts'

/** What `@auth` asks for, computed once at boot. */
export interface Requirement {
  role: Role
  /** The token needs all of them. */
  scopes: readonly string[]
  /** How long ago the password may have been proven, in milliseconds; `Infinity` where it does not matter. */
  freshMs: number
}

/** A type or a field: what may carry `@auth` and `@public`. */
export type Annotated = GraphQLNamedType | GraphQLField<unknown, unknown>

export function hasDirective(node: Annotated, directive: string): boolean {
  return nodesOf(node).some((ast) => ast.directives.some((applied) => applied.name.value === directive))
}

/**
 * What a type or a field asks for by `@auth`, its extensions' included; null for nothing. Throws an `Error` that says which
 * argument cannot be.
 */
export function readRequirement(schema: GraphQLSchema, node: Annotated): Requirement | null {
  const directive = requireDirective(schema)
  return nodesOf(node)
    .map((ast) => getDirectiveValues(directive, ast) as AuthArguments | undefined)
    .map((values) => (values === undefined ? null : readArguments(values)))
    .reduce(stricter, null)
}

/** What code asks for in the words of `@auth`. Throws an `Error` for what the directive would not take. */
export function toRequirement(schema: GraphQLSchema, rights: NeededRights): Requirement {
  const { args } = requireDirective(schema)
  const unknown = Object.keys(rights).find((given) => !args.some(({ name }) => name === given))
  if (unknown !== undefined)
    throw new Error(
      `There is no "${unknown}" to require; there are ${args.map(({ name }) => name).join(', ')}.`,
    )
  const values = args.map(({ name, type, defaultValue }) => {
    const given = rights[name as keyof NeededRights]
    return [name, given === undefined ? defaultValue : coerceInputValue(given, type)]
  })
  return readArguments(Object.fromEntries(values))
}

function requireDirective(schema: GraphQLSchema): GraphQLDirective {
  const directive = schema.getDirective('auth')
  if (!directive) throw new Error('The schema has no @auth directive.')
  return directive
}

/** What satisfies both: the higher role, the scopes of either, the fresher proof. */
export function stricter(one: Requirement | null, other: Requirement | null): Requirement | null {
  if (one === null || other === null) return one ?? other
  return {
    role: one.role === 'ADMIN' ? one.role : other.role,
    scopes: [...new Set([...one.scopes, ...other.scopes])],
    freshMs: Math.min(one.freshMs, other.freshMs),
  }
}

/** What code of an application may ask for, as `@auth` has it. */
export interface NeededRights {
  role?: Role
  /** The token needs all of them. */
  scopes?: readonly string[]
  /** Within what time the password has to have been proven, such as `10m`. */
  fresh?: string
}

interface AuthArguments {
  role: Role
  scopes?: readonly string[] | null
  fresh?: string | null
}

function readArguments({ role, scopes, fresh }: AuthArguments): Requirement {
  const freshMs = typeof fresh === 'string' ? parseDuration(fresh) : Number.POSITIVE_INFINITY
  if (freshMs === null || freshMs < 1_000) {
    throw new Error(`Argument "fresh" must be a duration of at least 1s, such as "10m"; it is "${fresh}".`)
  }
  return { role, scopes: [...new Set(scopes)], freshMs }
}

/** The definition and, for a type, its extensions: each may carry directives. */
function nodesOf(node: Annotated): { directives: readonly ConstDirectiveNode[] }[] {
  const extensions: readonly ASTNode[] = 'extensionASTNodes' in node ? node.extensionASTNodes : []
  return [node.astNode, ...extensions].flatMap((ast) =>
    ast && 'directives' in ast && ast.directives
      ? [{ directives: ast.directives as readonly ConstDirectiveNode[] }]
      : [],
  )
}
