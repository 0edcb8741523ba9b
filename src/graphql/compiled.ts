import {
  type DocumentNode,
  type GraphQLSchema,
  getVariableValues,
  Kind,
  parse,
  type VariableDefinitionNode,
} from 'graphql'
import { type CompiledQuery, compileQuery, isCompiledQuery } from 'graphql-jit'
import { findUncompilableInputs, hasVariableOf } from './compilable.ts'
import type { Operation } from './operations.ts'

/** What a compiled operation answers, with errors as resolvers threw them; without data where variables do not fit. */
export type Executed = Awaited<ReturnType<CompiledQuery['query']>>

/** Runs a valid operation with its compiled function: at once where no resolver is asynchronous. */
export type RunCompiled = (
  context: object,
  variables: Record<string, unknown> | null,
) => Executed | Promise<Executed>

/** Compiled operations, of those that have run often enough. */
export interface CompiledOperations {
  /** The compiled function of an operation, or null. */
  find(operation: Operation): RunCompiled | null
  /** Takes note that a valid operation has run. */
  ran(operation: Operation): void
}

/**
 * Compiles what has run so often that it is worth it: documents that are sent once make the server compile nothing.
 * Compiled functions live as long as the operation is kept.
 */
export function createCompiledOperations(schema: GraphQLSchema, afterRuns: number): CompiledOperations {
  const compiled = new WeakMap<Operation, RunCompiled>()
  const runs = new WeakMap<Operation, number>()
  const uncompilable = findUncompilableInputs(schema)

  function compile({ source }: Operation): RunCompiled | null {
    const document = parse(source)
    if (hasVariableOf(document, uncompilable)) return null
    const query = compileQuery(schema, document)
    return isCompiledQuery(query) ? toRunCompiled(schema, document, query) : null
  }

  return {
    find: (operation) => compiled.get(operation) ?? null,
    ran(operation) {
      const count = (runs.get(operation) ?? 0) + 1
      runs.set(operation, count)
      if (count !== afterRuns) return // whatever comes of it, it is tried once
      const run = compile(operation)
      if (run !== null) compiled.set(operation, run)
    },
  }
}

/** With variables checked by graphql-js, as for an operation that is not compiled: graphql-jit is not of one mind with it. */
function toRunCompiled(schema: GraphQLSchema, document: DocumentNode, compiled: CompiledQuery): RunCompiled {
  const operation = document.definitions.find((node) => node.kind === Kind.OPERATION_DEFINITION)
  const definitions = operation?.variableDefinitions as readonly VariableDefinitionNode[] // it was compiled, and read by `parse`
  if (definitions.length === 0) return (context) => compiled.query({}, context, {})
  return (context, variables) => {
    const { errors } = getVariableValues(schema, definitions, variables ?? {}, { maxErrors: 1 })
    return errors === undefined ? compiled.query({}, context, variables) : { errors }
  }
}
