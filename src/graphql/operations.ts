import {
  type DocumentNode,
  GraphQLError,
  type GraphQLObjectType,
  type GraphQLSchema,
  isNonNullType,
  Kind,
  type OperationDefinitionNode,
  OperationTypeNode,
  parse,
  print,
  separateOperations,
  specifiedRules,
  TypeInfo,
  type ValidationRule,
  validate,
  visit,
  visitWithTypeInfo,
} from 'graphql'
import { LRUCache } from 'lru-cache'
import { LatchkeyError } from '../errors.ts'
import { checkLimits, checkRows, isSignIn, type QueryLimits, tooComplex } from './limits.ts'
import { dependsOnVariables, findRequestedLists, type RequestedList } from './rows.ts'

/** An operation that may run, once it is valid. */
export interface Operation {
  kind: 'query' | 'mutation' | 'subscription'
  name: string | null
  /** The first field at the root, where the schema has it. */
  field: string | null
  /** Whether it only signs in or up, which a bad token does not hinder. */
  signsIn: boolean
  /** Variables that may be left out but not be null, for they stand where a default does. */
  defaulted: readonly string[]
  /** The lists it asks for, where it depends on variables how many rows that makes; else they were counted already. */
  lists: readonly RequestedList[] | null
  /** The document with this operation alone: Mercurius keeps one compiled function per document text. */
  source: string
}

/** Reads a document, checks it against the limits and picks the operation. Keeps what it read, in bounded memory. */
export type FindOperation = (source: string, operationName: string | null) => Operation | readonly Error[]

const cacheEntries = 1_000
const cacheCharacters = 4_000_000

export function createFindOperation(deps: {
  schema: GraphQLSchema
  limits: QueryLimits
  rules: readonly ValidationRule[]
  maxErrors: number
}): FindOperation {
  const cache = new LRUCache<string, Operation>({
    max: cacheEntries,
    maxSize: cacheCharacters,
    sizeCalculation: (operation, key) => key.length + operation.source.length,
  })

  return (source, operationName) => {
    // Neither a name nor the beginning of a document has a NUL in it, so that no two pairs make the same key.
    const key = operationName === null ? source : `${operationName}\0${source}`
    const known = cache.get(key)
    if (known !== undefined) return known
    const found = readOperation(deps, source, operationName)
    if ('kind' in found) cache.set(key, found)
    return found
  }
}

function readOperation(
  deps: Parameters<typeof createFindOperation>[0],
  source: string,
  operationName: string | null,
): Operation | readonly Error[] {
  const document = parseDocument(source, deps.limits.tokens)
  if (document instanceof Error) return [document]
  const operation = pickOperation(document, operationName)
  if (operation instanceof Error) return [operation]
  const refusal = checkLimits(document, operation, deps.limits)
  if (refusal !== null) return [refusal]
  const lists = findRequestedLists(deps.schema, document, operation)
  const isOpen = dependsOnVariables(lists)
  const tooMany = isOpen ? null : checkRows(lists, {}, deps.limits)
  if (tooMany !== null) return [tooMany]

  const alone = isAlone(document)
  const name = operation.name?.value ?? null
  if (!alone) {
    const errors = validate(deps.schema, document, [...specifiedRules, ...deps.rules], {
      maxErrors: deps.maxErrors,
    })
    if (errors.length > 0) return errors
  }
  const own = separateOperations(document)[name ?? ''] as DocumentNode // picked above: it is there
  return {
    kind: operation.operation,
    name,
    field: findFirstField(deps.schema, operation),
    signsIn: operation.operation === OperationTypeNode.MUTATION && isSignIn(document, operation),
    defaulted: findDefaultedVariables(deps.schema, own),
    lists: isOpen ? lists : null,
    source: alone ? source : print(own),
  }
}

/** What is only valid or not is not known yet: the name of the field may be anything. */
function findFirstField(
  schema: GraphQLSchema,
  { operation, selectionSet }: OperationDefinitionNode,
): string | null {
  const field = selectionSet.selections.find((selection) => selection.kind === Kind.FIELD)?.name.value
  // Latchkey's own part of the schema has a root of each kind.
  const fields = (schema.getRootType(operation) as GraphQLObjectType).getFields()
  return field !== undefined && Object.hasOwn(fields, field) ? field : null
}

function parseDocument(source: string, maxTokens: number): DocumentNode | Error {
  try {
    return parse(source, { maxTokens })
  } catch (error) {
    if (error instanceof GraphQLError && error.message.includes('tokens. Parsing aborted')) {
      return tooComplex('TOKENS', 'tokens', maxTokens)
    }
    return new LatchkeyError('GRAPHQL_PARSE_FAILED', describeSyntaxError(error))
  }
}

/** Where the text stops being GraphQL, without the text. */
function describeSyntaxError(error: unknown): string {
  const place = error instanceof GraphQLError ? error.locations?.[0] : undefined
  return place ? `Syntax error at line ${place.line}, column ${place.column}.` : 'Syntax error.'
}

function pickOperation(
  document: DocumentNode,
  operationName: string | null,
): OperationDefinitionNode | Error {
  const operations = document.definitions.filter((node) => node.kind === Kind.OPERATION_DEFINITION)
  if (operationName === null) {
    const [only] = operations
    if (only !== undefined && operations.length === 1) return only
    return unresolved(
      operations.length === 0
        ? 'The document has no operation.'
        : 'The document has several operations: say which with operationName.',
    )
  }
  const named = operations.find((node) => node.name?.value === operationName)
  return named ?? unresolved('The document has no operation of that name.')
}

/** The document does not say which operation to run, or one that does not run here. */
export function unresolved(message: string): LatchkeyError {
  return new LatchkeyError('OPERATION_RESOLUTION_FAILURE', message)
}

/**
 * A nullable variable may stand where null may not, if one of the two has a default (GraphQL §5.8.5). Compiled queries
 * would hand a null there on to the resolver.
 */
function findDefaultedVariables(schema: GraphQLSchema, document: DocumentNode): string[] {
  const hasDefault = new Map<string, boolean>()
  const names = new Set<string>()
  const types = new TypeInfo(schema)
  const visitor = visitWithTypeInfo(types, {
    VariableDefinition({ variable, type, defaultValue }) {
      if (type.kind !== Kind.NON_NULL_TYPE) hasDefault.set(variable.name.value, defaultValue !== undefined)
      return false
    },
    Variable({ name: { value: name } }) {
      if (!isNonNullType(types.getInputType())) return
      if (hasDefault.get(name) || (hasDefault.has(name) && types.getDefaultValue() !== undefined))
        names.add(name)
    },
  })
  // Operations first: they declare the variables that fragments use.
  const inOrder = document.definitions.toSorted((one) => (one.kind === Kind.OPERATION_DEFINITION ? -1 : 1))
  for (const definition of inOrder) visit(definition, visitor)
  return [...names]
}

function isAlone(document: DocumentNode): boolean {
  let operations = 0
  for (const node of document.definitions) if (node.kind === Kind.OPERATION_DEFINITION) operations++
  return operations === 1
}
