import {
  coerceInputValue,
  GraphQLError,
  type GraphQLFormattedError,
  type GraphQLInputType,
  type GraphQLSchema,
  isInputType,
  Kind,
  locatedError,
  type OperationDefinitionNode,
  parse,
  print,
  typeFromAST,
} from 'graphql'
import { LatchkeyError } from '../errors.ts'

/** Called with everything that is masked; it never reaches the client. */
export type ReportFault = (error: unknown) => void

/**
 * An error of a resolver as clients see it. What Latchkey or the application meant to say is said: a `LatchkeyError`, or
 * an error whose `extensions.code` is text. All else becomes one fixed message with the request's id, and is reported.
 */
export function formatResolverError(
  error: GraphQLFormattedError | GraphQLError,
  requestId: string,
  report: ReportFault,
): GraphQLFormattedError {
  const original = 'originalError' in error ? rootOf(error) : undefined
  const place = {
    ...(error.locations ? { locations: error.locations } : {}),
    ...(error.path ? { path: error.path } : {}),
  }
  if (original instanceof LatchkeyError) {
    if (original.cause !== undefined) report(original.cause)
    return { message: original.message, ...place, extensions: original.extensions }
  }
  if (isMeantForClients(original)) {
    return { message: original.message, ...place, extensions: { ...original.extensions } }
  }
  report(original ?? error)
  return {
    message: 'Internal server error.',
    ...place,
    extensions: { code: 'INTERNAL_SERVER_ERROR', requestId },
  }
}

/** What code of an application threw before anything ran, by the same rule. */
export function formatThrown(thrown: unknown, requestId: string, report: ReportFault): GraphQLFormattedError {
  return formatResolverError(locatedError(thrown, undefined), requestId, report)
}

/** A refusal before anything ran: `GRAPHQL_VALIDATION_FAILED` unless the error says otherwise. */
export function formatRequestError(error: unknown, options: { suggestions: boolean }): GraphQLFormattedError {
  if (error instanceof LatchkeyError) return { message: error.message, extensions: error.extensions }
  // graphql-js gives up comparing fields that answer under one name; its words would say nothing.
  if ((error as GraphQLError).message === 'Validation aborted.') {
    const extensions = { code: 'QUERY_TOO_COMPLEX', reason: 'FIELDS' }
    return { message: 'The operation is too complex: it asks for one field too many times.', extensions }
  }
  const { message, locations } = error as GraphQLError
  const withoutValue = hideLiteral(error as GraphQLError, message)
  return {
    message: options.suggestions ? withoutValue : withoutValue.replace(/ ?Did you mean [\s\S]*$/, ''),
    ...(locations ? { locations } : {}),
    extensions: { code: 'GRAPHQL_VALIDATION_FAILED' },
  }
}

/** One error for many of a kind: the same message, or one more unknown directive, says nothing new. */
export function withoutRepeats(errors: readonly GraphQLFormattedError[]): GraphQLFormattedError[] {
  const seen = new Set<string>()
  return errors.filter(({ message }) => {
    if (message.startsWith('Too many validation errors')) return false
    const key = message.startsWith('Unknown directive') ? 'Unknown directive' : message
    if (seen.has(key)) return false
    seen.add(key)
    return true
  })
}

/** Whether the values of variables are what graphql-js refuses, not the document. */
export function isAboutVariables(error: { message: string }): boolean {
  return /^Variable "\$\w+" (got invalid value|of (required|non-null) type)/.test(error.message)
}

/** Refuses null for variables that may only be left out. */
export function refuseNulls(names: readonly string[]): GraphQLFormattedError[] {
  return names.map((name) => invalid(`Variable "$${name}" must not be null where it is used.`))
}

/** No more is said of the variables of one request. */
const maxMessages = 10

/** Says which variables do not fit their types, by path and type alone: graphql-js would print their values. */
export function describeVariables(
  schema: GraphQLSchema,
  source: string,
  variables: Record<string, unknown>,
): GraphQLFormattedError[] {
  const misfits = findMisfits(schema, source, variables)
  return misfits.length > 0 ? misfits : [invalid('The variables do not fit the operation.')]
}

/** The same, or nothing where all of them fit. */
export function findMisfits(
  schema: GraphQLSchema,
  source: string,
  variables: Record<string, unknown>,
): GraphQLFormattedError[] {
  const [operation] = parse(source).definitions.filter(
    (node): node is OperationDefinitionNode => node.kind === Kind.OPERATION_DEFINITION,
  )
  const messages: string[] = []
  for (const definition of operation?.variableDefinitions ?? []) {
    const name = definition.variable.name.value
    const type = typeFromAST(schema, definition.type as Parameters<typeof typeFromAST>[1])
    const expected = print(definition.type)
    if (!Object.hasOwn(variables, name)) {
      if (definition.defaultValue === undefined && expected.endsWith('!')) {
        messages.push(`Variable "$${name}" of required type "${expected}" was not provided.`)
      }
    } else if (variables[name] === null) {
      if (expected.endsWith('!')) messages.push(`Variable "$${name}" of type "${expected}" must not be null.`)
    } else if (isInputType(type)) {
      messages.push(
        ...describeValue(
          variables[name],
          type,
          `Variable "$${name}" got an invalid value at "${name}`,
          expected,
        ),
      )
    }
    if (messages.length >= maxMessages) break
  }
  return messages.slice(0, maxMessages).map(invalid)
}

/** Stops as soon as enough is said: graphql-js looks for a similar name for each of thousands of unknown fields. */
function describeValue(value: unknown, type: GraphQLInputType, where: string, expected: string): string[] {
  const messages: string[] = []
  try {
    coerceInputValue(value, type, (path) => {
      const place = path.map((step) => (typeof step === 'number' ? `[${step}]` : `.${step}`)).join('')
      messages.push(`${where}${place}"; expected "${expected}".`)
      if (messages.length >= maxMessages) throw new Error('enough was said')
    })
  } catch {
    // graphql-js reports what scalars throw: only enough of it comes to here
  }
  return messages
}

function invalid(message: string): GraphQLFormattedError {
  return { message, extensions: { code: 'GRAPHQL_VALIDATION_FAILED' } }
}

function rootOf(error: GraphQLError): unknown {
  let root: unknown = error.originalError ?? undefined
  while (root instanceof GraphQLError && root.originalError) root = root.originalError
  return root
}

/** Errors of an embedding application that carry a code of their own (GraphQLError, Mercurius' ErrorWithProps). */
function isMeantForClients(error: unknown): error is Error & { extensions: Record<string, unknown> } {
  if (!(error instanceof Error) || !('extensions' in error)) return false
  const { extensions } = error as { extensions?: unknown }
  return (
    typeof extensions === 'object' &&
    extensions !== null &&
    typeof (extensions as { code?: unknown }).code === 'string'
  )
}

const literalKinds = new Set<string>([
  Kind.INT,
  Kind.FLOAT,
  Kind.STRING,
  Kind.BOOLEAN,
  Kind.ENUM,
  Kind.LIST,
  Kind.OBJECT,
  Kind.OBJECT_FIELD,
])

/** graphql-js quotes a literal that does not fit; it may be a password. */
function hideLiteral(error: GraphQLError, message: string): string {
  if (!error.nodes?.some((node) => literalKinds.has(node.kind))) return message
  return message
    .replace(/(, found |: )[\s\S]*$/, '.')
    .replace(/^Value "[\s\S]*?"(?= does not exist in)/, 'Value')
}
