import { readFileSync } from 'node:fs'
import {
  buildSchema,
  type GraphQLSchema,
  isEnumType,
  isInterfaceType,
  isObjectType,
  isUnionType,
  validateSchema,
} from 'graphql'
import { checkDirectives } from './guard.ts'

/** Resolvers as Mercurius takes them: type → field → function. */
export type ResolverMap = Record<string, Record<string, unknown>>

const ownSdl = readFileSync(new URL('../../schema.graphql', import.meta.url), 'utf8')

/** Latchkey's own schema with an application's, which extends it: `extend type Query { … }`. Throws with every problem. */
export function loadSchema(applicationSdl: readonly string[] = []): GraphQLSchema {
  const schema = build([ownSdl, ...applicationSdl].join('\n'))
  const problems = [...validateSchema(schema).map((error) => error.message), ...checkDirectives(schema)]
  if (problems.length > 0) throw schemaError(problems)
  return schema
}

/** Joins resolver maps, and refuses one that answers for another's field or for a field that the schema does not have. */
export function mergeResolvers(schema: GraphQLSchema, maps: readonly ResolverMap[]): ResolverMap {
  const merged: ResolverMap = {}
  const problems: string[] = []
  for (const map of maps) {
    for (const [typeName, fields] of Object.entries(map)) {
      const known = fieldNames(schema, typeName)
      if (known === null) {
        problems.push(`${typeName}: a resolver stands for a type that the schema does not have.`)
        continue
      }
      const own = merged[typeName] ?? {}
      for (const field of Object.keys(fields)) {
        if (field in own) problems.push(`${typeName}.${field}: two resolvers stand for one field.`)
        if (known.size > 0 && !known.has(field)) {
          problems.push(`${typeName}.${field}: a resolver stands for a field that the schema does not have.`)
        }
      }
      merged[typeName] = { ...own, ...fields }
    }
  }
  if (problems.length > 0) throw schemaError(problems)
  return merged
}

function build(sdl: string): GraphQLSchema {
  try {
    return buildSchema(sdl)
  } catch (error) {
    const hint = /There can be only one type named "(Query|Mutation|Subscription)"/.test(String(error))
      ? ' Write "extend type" for Query and Mutation, which Latchkey defines.'
      : ''
    throw new Error(`The schema cannot be built: ${(error as Error).message}${hint}`, { cause: error })
  }
}

/** The fields that resolvers may stand for; empty where any property may (scalars), null for an unknown type. */
function fieldNames(schema: GraphQLSchema, typeName: string): Set<string> | null {
  const type = schema.getType(typeName)
  if (type === undefined) return null
  if (isObjectType(type)) return new Set([...Object.keys(type.getFields()), 'isTypeOf'])
  if (isInterfaceType(type) || isUnionType(type)) return new Set(['resolveType'])
  if (isEnumType(type)) return new Set(type.getValues().map((value) => value.name))
  return new Set()
}

function schemaError(problems: readonly string[]): Error {
  return new Error(
    `The schema breaks ${problems.length} rule(s):\n${problems.map((line) => `  - ${line}`).join('\n')}`,
  )
}
