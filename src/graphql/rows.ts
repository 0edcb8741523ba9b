import {
  type DocumentNode,
  type FragmentDefinitionNode,
  type GraphQLNamedType,
  type GraphQLSchema,
  getNamedType,
  isInterfaceType,
  isObjectType,
  Kind,
  type OperationDefinitionNode,
  type SelectionSetNode,
  type ValueNode,
  type VariableDefinitionNode,
} from 'graphql'

/** How many rows are asked for, or the variable that says so and what counts where its value is no number. */
type Size = number | { variable: string; otherwise: number }

/** A list that an operation asks for by `first` or `last`, and the lists in each of its rows. */
export interface RequestedList {
  sizes: readonly Size[]
  below: readonly RequestedList[]
}

/** What a variable asks for whose value is no number: the largest page of Latchkey's own lists. */
const largestPage = 100

/** Sizes and sums above this say no more. */
const most = 1_000_000_000

/**
 * The lists of an operation, through fragments, each of which is read once. There are no more of them than fields: call it
 * when fields have been counted.
 */
export function findRequestedLists(
  schema: GraphQLSchema,
  document: DocumentNode,
  operation: OperationDefinitionNode,
): RequestedList[] {
  const fragments = new Map<string, FragmentDefinitionNode>()
  for (const node of document.definitions) {
    if (node.kind === Kind.FRAGMENT_DEFINITION) fragments.set(node.name.value, node)
  }
  const defaults = new Map<string, ValueNode | undefined>()
  // Parsed, so that there is a list even of none.
  for (const {
    variable,
    defaultValue,
  } of operation.variableDefinitions as readonly VariableDefinitionNode[]) {
    defaults.set(variable.name.value, defaultValue)
  }
  const found = new Map<string, RequestedList[]>()

  function ofFragment(name: string): RequestedList[] {
    const known = found.get(name)
    if (known !== undefined) return known
    found.set(name, []) // a circle, which validation refuses, asks for nothing
    const fragment = fragments.get(name)
    if (fragment === undefined) return []
    const lists = ofSelections(fragment.selectionSet, schema.getType(fragment.typeCondition.name.value))
    found.set(name, lists)
    return lists
  }

  function ofSelections(
    selectionSet: SelectionSetNode,
    type: GraphQLNamedType | null | undefined,
  ): RequestedList[] {
    return selectionSet.selections.flatMap((selection) => {
      if (selection.kind === Kind.FRAGMENT_SPREAD) return ofFragment(selection.name.value)
      if (selection.kind === Kind.INLINE_FRAGMENT) {
        const condition = selection.typeCondition?.name.value
        return ofSelections(
          selection.selectionSet,
          condition === undefined ? type : schema.getType(condition),
        )
      }
      const field =
        isObjectType(type) || isInterfaceType(type) ? type.getFields()[selection.name.value] : undefined
      const below = selection.selectionSet
        ? ofSelections(selection.selectionSet, field && getNamedType(field.type))
        : []
      const sizes = ['first', 'last'].flatMap((name) => {
        const given = selection.arguments?.find((argument) => argument.name.value === name)?.value
        return given === undefined
          ? toSizes(field?.args.find((argument) => argument.name === name)?.defaultValue)
          : readSizes(given)
      })
      return sizes.length > 0 ? [{ sizes, below }] : below
    })
  }

  function readSizes(value: ValueNode): Size[] {
    if (value.kind === Kind.NULL) return [largestPage] // as a variable that is null
    if (value.kind !== Kind.VARIABLE) return toSizes(literalOf(value))
    const variable = value.name.value
    return [{ variable, otherwise: Math.max(largestPage, ...toSizes(literalOf(defaults.get(variable)))) }]
  }

  return ofSelections(operation.selectionSet, schema.getRootType(operation.operation))
}

/** Whether variables decide how many rows are asked for. */
export function dependsOnVariables(lists: readonly RequestedList[]): boolean {
  return lists.some(
    ({ sizes, below }) => sizes.some((size) => typeof size === 'object') || dependsOnVariables(below),
  )
}

/** How many rows are asked for in all: those of a list, and in each of them those of the lists below. */
export function countRows(
  lists: readonly RequestedList[],
  variables: Readonly<Record<string, unknown>>,
): number {
  let rows = 0
  for (const { sizes, below } of lists) {
    const size = Math.max(...sizes.map((one) => (typeof one === 'number' ? one : sizeOf(one, variables))))
    rows = Math.min(rows + size * (1 + countRows(below, variables)), most)
  }
  return rows
}

function sizeOf(
  { variable, otherwise }: { variable: string; otherwise: number },
  variables: Readonly<Record<string, unknown>>,
): number {
  const value = variables[variable]
  return typeof value === 'number' ? bounded(value) : otherwise
}

function literalOf(value: ValueNode | undefined): number | undefined {
  return value?.kind === Kind.INT ? Number(value.value) : undefined
}

function toSizes(value: unknown): number[] {
  return typeof value === 'number' ? [bounded(value)] : []
}

/** A list of fewer than no rows is refused later. */
function bounded(size: number): number {
  return Math.min(Math.max(size, 0), most)
}
