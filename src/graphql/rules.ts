import { type ASTVisitor, GraphQLError, type ValidationContext } from 'graphql'

/** Refuses `__proto__` as an alias: compiled queries would set the prototype of the answer, and leave the field out. */
export function NoPrototypeAliasRule(context: ValidationContext): ASTVisitor {
  return {
    Field(node) {
      if (node.alias?.value !== '__proto__') return
      context.reportError(new GraphQLError('An alias must not be "__proto__".', { nodes: node.alias }))
    },
  }
}
