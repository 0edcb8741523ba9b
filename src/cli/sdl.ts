import {
  type ASTNode,
  type GraphQLNamedType,
  type GraphQLSchema,
  print,
  type TypeDefinitionNode,
  type TypeExtensionNode,
} from 'graphql'

/** A schema as SDL in the order of its sources. Unlike graphql's `printSchema` it keeps applied directives: `@auth` is the point. */
export function printSdl(schema: GraphQLSchema): string {
  const nodes: ASTNode[] = [
    ...schema.getDirectives().flatMap(({ astNode }) => astNode ?? []),
    ...Object.values(schema.getTypeMap()).flatMap(mergeExtensions),
  ]
  return `${nodes.sort(bySource).map(print).join('\n\n')}\n`
}

/** The definition of a type with what its extensions add; nothing for a built-in type. */
function mergeExtensions(type: GraphQLNamedType): TypeDefinitionNode[] {
  const { astNode, extensionASTNodes } = type
  if (!astNode) return []
  const parts: (TypeDefinitionNode | TypeExtensionNode)[] = [astNode, ...extensionASTNodes]
  const merged: Record<string, unknown> = { ...astNode }
  for (const list of ['directives', 'interfaces', 'fields', 'values', 'types']) {
    merged[list] = parts.flatMap(
      (part) => (part as unknown as Record<string, object[] | undefined>)[list] ?? [],
    )
  }
  // The definition with longer lists of what it may have: `print` reads those that its kind has.
  return [merged as unknown as TypeDefinitionNode]
}

function bySource(one: ASTNode, other: ASTNode): number {
  return Number(one.loc?.start) - Number(other.loc?.start)
}
