import {
  type DocumentNode,
  type GraphQLInputType,
  type GraphQLSchema,
  getNamedType,
  isInputObjectType,
  isNonNullType,
  Kind,
  type TypeNode,
} from 'graphql'

/** Compiled queries spell out the fields of each variable's type; a type that holds itself would never come to an end. */
const maxFields = 500

/**
 * The input types that must not be the type of a variable in a compiled query: graphql-jit spells out what they hold,
 * without end where a type holds itself, and asks for fields that may be left out because they have a default.
 */
export function findUncompilableInputs(schema: GraphQLSchema): ReadonlySet<string> {
  const found = new Set<string>()
  for (const type of Object.values(schema.getTypeMap())) {
    if (isInputObjectType(type) && countFields(type, maxFields) > maxFields) found.add(type.name)
  }
  return found
}

/** Whether a variable of a document has one of these types. */
export function hasVariableOf(document: DocumentNode, types: ReadonlySet<string>): boolean {
  return document.definitions.some(
    (definition) =>
      definition.kind === Kind.OPERATION_DEFINITION &&
      definition.variableDefinitions?.some(({ type }) => types.has(nameOf(type))),
  )
}

/** How many fields a type has in all, spelled out; more than `limit` as soon as it is not to be compiled. */
function countFields(type: GraphQLInputType, limit: number): number {
  const named = getNamedType(type)
  if (!isInputObjectType(named)) return 0
  let count = 0
  for (const field of Object.values(named.getFields())) {
    if (isNonNullType(field.type) && field.defaultValue !== undefined) return limit + 1
    count++
    if (count > limit) return limit + 1
    count += countFields(field.type, limit - count)
  }
  return count
}

function nameOf(type: TypeNode): string {
  return type.kind === Kind.NAMED_TYPE ? type.name.value : nameOf(type.type)
}
