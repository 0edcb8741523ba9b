import {
  type DocumentNode,
  type FragmentDefinitionNode,
  Kind,
  type OperationDefinitionNode,
  type SelectionSetNode,
} from 'graphql'
import { LatchkeyError } from '../errors.ts'
import { countRows, type RequestedList } from './rows.ts'

/** What one operation may ask for, counted through fragments, before anything is validated or run. */
export interface QueryLimits {
  tokens: number
  depth: number
  aliases: number
  directives: number
  rootFields: number
  /** Fields in all, each counted as often as fragments bring it in. */
  fields: number
  /** Rows of lists with `first` or `last`, those of a list in each row of the list around it. */
  nodes: number
}

/** Mutations that take a password or a token: at most one in an operation, whatever it is called by alias. */
const credentialFields = new Set([
  'tokenAuth',
  'changePassword',
  'confirmPassword',
  'signUp',
  'reportLeakedToken',
  'resetPassword',
  'verifyEmail',
  'requestPasswordReset',
  'createUser',
  'setUserPassword',
])

/** Those of them for people who are not signed in. */
const signInFields = new Set(['tokenAuth', 'signUp', 'requestPasswordReset', 'resetPassword', 'verifyEmail'])

/** GraphiQL's own introspection goes 14 deep; deeper is a circle. */
const introspectionDepth = 16

interface Counts {
  depth: number
  introspectionDepth: number
  schemaFields: number
  aliases: number
  rootFields: number
  credentialFields: number
  signInFields: number
  fields: number
}

/** Refuses an operation that is over a limit, with `QUERY_TOO_COMPLEX` and the limit as the reason. Linear in the document. */
export function checkLimits(
  document: DocumentNode,
  operation: OperationDefinitionNode,
  limits: QueryLimits,
): LatchkeyError | null {
  const directives = countDirectives(document)
  if (directives > limits.directives) return tooComplex('DIRECTIVES', 'directives', limits.directives)
  const counts = countOperation(document, operation)
  if (counts.depth > limits.depth) return tooComplex('DEPTH', 'levels of fields', limits.depth)
  if (counts.introspectionDepth > introspectionDepth) {
    return tooComplex('DEPTH', 'levels of introspection', introspectionDepth)
  }
  // Each takes the time of thousands of fields, and nobody needs a second one.
  if (counts.schemaFields > 1) {
    return new LatchkeyError(
      'QUERY_TOO_COMPLEX',
      'The operation is too complex: `__schema` may stand in it once.',
      {
        reason: 'ROOT_FIELDS',
      },
    )
  }
  if (counts.aliases > limits.aliases) return tooComplex('ALIASES', 'aliases', limits.aliases)
  if (counts.rootFields > limits.rootFields)
    return tooComplex('ROOT_FIELDS', 'root fields', limits.rootFields)
  if (counts.fields > limits.fields) return tooComplex('FIELDS', 'fields', limits.fields)
  if (operation.operation === 'mutation' && counts.credentialFields > 1) {
    return new LatchkeyError(
      'QUERY_TOO_COMPLEX',
      `A request may hold only one of ${[...credentialFields].join(', ')}, and only once. None was run.`,
      { reason: 'CREDENTIAL_FIELDS' },
    )
  }
  return null
}

/** Refuses lists that make more rows than may be asked for, by what variables say. */
export function checkRows(
  lists: readonly RequestedList[],
  variables: Readonly<Record<string, unknown>>,
  limits: Pick<QueryLimits, 'nodes'>,
): LatchkeyError | null {
  return countRows(lists, variables) > limits.nodes
    ? tooComplex('NODES', 'rows of lists (`first`, in each row of the list around it)', limits.nodes)
    : null
}

/** Deeper values would run out of stack when they are read along a type that holds itself. */
const maxValueDepth = 200

/** Objects with more keys are looked at before graphql-js prints them, for each thing that is wrong with them. */
const maxKeysPrinted = 200

/** What is to be done about variables before they are read: refuse them, look for what is wrong without printing it, or nothing. */
export function checkVariables(variables: Record<string, unknown>): LatchkeyError | 'inspect' | null {
  let verdict: 'inspect' | null = null
  let level: object[] = [variables]
  for (let depth = 0; level.length > 0; depth++) {
    if (depth > maxValueDepth) return tooComplex('VARIABLES', 'levels of values in variables', maxValueDepth)
    const below: object[] = []
    for (const value of level) {
      const entries = Object.values(value)
      if (entries.length > maxKeysPrinted) verdict = 'inspect'
      for (const entry of entries) if (typeof entry === 'object' && entry !== null) below.push(entry)
    }
    level = below
  }
  return verdict
}

/** Whether all that a mutation does is to sign in or up. */
export function isSignIn(document: DocumentNode, operation: OperationDefinitionNode): boolean {
  const counts = countOperation(document, operation)
  return counts.signInFields > 0 && counts.signInFields === counts.rootFields
}

export function tooComplex(reason: string, what: string, limit: number): LatchkeyError {
  return new LatchkeyError(
    'QUERY_TOO_COMPLEX',
    `The operation is too complex: at most ${limit} ${what} are allowed.`,
    {
      reason,
    },
  )
}

function countOperation(document: DocumentNode, operation: OperationDefinitionNode): Counts {
  const fragments = new Map<string, FragmentDefinitionNode>()
  for (const node of document.definitions) {
    if (node.kind === Kind.FRAGMENT_DEFINITION) fragments.set(node.name.value, node)
  }
  const counted = new Map<string, Counts | null>()

  function countFragment(name: string): Counts {
    const known = counted.get(name)
    if (known !== undefined) return known ?? zero // null: a circle, which validation refuses
    const fragment = fragments.get(name)
    if (fragment === undefined) return zero
    counted.set(name, null)
    const counts = countSelections(fragment.selectionSet)
    counted.set(name, counts)
    return counts
  }

  function countSelections(selectionSet: SelectionSetNode): Counts {
    const total = { ...zero }
    for (const selection of selectionSet.selections) {
      if (selection.kind === Kind.FIELD) {
        const below = selection.selectionSet ? countSelections(selection.selectionSet) : zero
        const name = selection.name.value
        const introspects = name === '__schema' || name === '__type'
        total.depth = Math.max(total.depth, introspects ? 1 : below.depth + 1)
        total.introspectionDepth = Math.max(
          total.introspectionDepth,
          introspects ? below.depth + 1 : below.introspectionDepth,
        )
        total.schemaFields = add(total.schemaFields, name === '__schema' ? 1 : 0)
        total.aliases = add(total.aliases, below.aliases + (selection.alias === undefined ? 0 : 1))
        total.fields = add(total.fields, below.fields + 1)
        total.rootFields = add(total.rootFields, 1)
        total.credentialFields = add(total.credentialFields, credentialFields.has(name) ? 1 : 0)
        total.signInFields = add(total.signInFields, signInFields.has(name) ? 1 : 0)
        continue
      }
      const below =
        selection.kind === Kind.FRAGMENT_SPREAD
          ? countFragment(selection.name.value)
          : countSelections(selection.selectionSet)
      total.depth = Math.max(total.depth, below.depth)
      total.introspectionDepth = Math.max(total.introspectionDepth, below.introspectionDepth)
      total.schemaFields = add(total.schemaFields, below.schemaFields)
      total.aliases = add(total.aliases, below.aliases)
      total.fields = add(total.fields, below.fields)
      total.rootFields = add(total.rootFields, below.rootFields)
      total.credentialFields = add(total.credentialFields, below.credentialFields)
      total.signInFields = add(total.signInFields, below.signInFields)
    }
    return total
  }

  return countSelections(operation.selectionSet)
}

const zero: Readonly<Counts> = Object.freeze({
  depth: 0,
  introspectionDepth: 0,
  schemaFields: 0,
  aliases: 0,
  rootFields: 0,
  credentialFields: 0,
  signInFields: 0,
  fields: 0,
})

/** Fragments double counts at each level: past this there is nothing left to tell apart. */
function add(one: number, other: number): number {
  return Math.min(one + other, 1_000_000)
}

function countDirectives(node: unknown): number {
  if (Array.isArray(node)) return node.reduce((sum: number, item) => sum + countDirectives(item), 0)
  if (node === null || typeof node !== 'object' || !('kind' in node)) return 0
  let count = 0
  for (const [key, value] of Object.entries(node)) {
    if (key === 'loc') continue
    if (key === 'directives' && Array.isArray(value)) count += value.length
    count += countDirectives(value)
  }
  return count
}
