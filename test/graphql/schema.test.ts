import {
  type GraphQLArgument,
  getNamedType,
  isEnumType,
  isInputObjectType,
  isIntrospectionType,
  isNonNullType,
  isObjectType,
  isSpecifiedScalarType,
} from 'graphql'
import t from 'tap'
import { loadSchema, mergeResolvers } from '../../src/graphql/schema.ts'
import { startApp } from '../support/app.ts'

const schema = loadSchema()
const ownTypes = Object.values(schema.getTypeMap()).filter(
  (type) => !isIntrospectionType(type) && !isSpecifiedScalarType(type),
)

/** Everything in the schema that people read about, by its path. */
function* described(): Generator<[path: string, description: string | null | undefined]> {
  function* ofArguments(path: string, args: readonly GraphQLArgument[]): ReturnType<typeof described> {
    for (const arg of args) yield [`${path}(${arg.name}:)`, arg.description]
  }
  for (const type of ownTypes) {
    yield [type.name, type.description]
    if (isEnumType(type)) {
      for (const value of type.getValues()) yield [`${type.name}.${value.name}`, value.description]
    }
    if (isInputObjectType(type)) {
      for (const field of Object.values(type.getFields()))
        yield [`${type.name}.${field.name}`, field.description]
    }
    if (isObjectType(type)) {
      for (const field of Object.values(type.getFields())) {
        yield [`${type.name}.${field.name}`, field.description]
        yield* ofArguments(`${type.name}.${field.name}`, field.args)
      }
    }
  }
  for (const name of ['auth', 'public']) {
    const directive = schema.getDirective(name)
    yield [`@${name}`, directive?.description]
    yield* ofArguments(`@${name}`, directive?.args ?? [])
  }
}

t.test('every type, field, argument, value and directive has a description', (t) => {
  let count = 0
  for (const [path, description] of described()) {
    t.match(description, /^[\S\s]+[.`]$/, path)
    count++
  }
  t.ok(count > 90, 'all of them were looked at')
  t.end()
})

t.test('clients read the same descriptions by introspection', async (t) => {
  const { graphql } = await startApp(t)
  const { body } = await graphql(
    '{ __type(name: "Mutation") { fields { name description args { name description } } } }',
  )
  const fields: { name: string; description: string; args: { description: string }[] }[] =
    body.data.__type.fields
  t.equal(fields.length, Object.keys(schema.getMutationType()?.getFields() ?? {}).length)
  for (const field of fields) {
    t.equal(field.description, schema.getMutationType()?.getFields()[field.name]?.description, field.name)
    for (const { description } of field.args) t.ok(description)
  }
})

t.test(
  'each mutation answers with a payload of its own kind, and one refusal does not erase the rest',
  (t) => {
    for (const field of Object.values(schema.getMutationType()?.getFields() ?? {})) {
      t.match(getNamedType(field.type).name, /Payload$/, field.name)
      t.notOk(isNonNullType(field.type), field.name)
    }
    t.notOk(isNonNullType(schema.getQueryType()?.getFields().viewer?.type))
    t.end()
  },
)

t.test('a token goes out in one place, and of passwords only those that are to be replaced', (t) => {
  const roots = [schema.getQueryType(), schema.getMutationType()]
  const secrets = ownTypes
    .filter((type) => isObjectType(type))
    .filter((type) => !roots.includes(type))
    .flatMap((type) => Object.keys(type.getFields()).map((field) => `${type.name}.${field}`))
    .filter((path) => /\.(token|.*(digest|secret|hash|password).*)$/i.test(path))
  t.strictSame(secrets.sort(), [
    'CreateUserPayload.temporaryPassword',
    'ServerInfo.passwordMinLength',
    'SetUserPasswordPayload.temporaryPassword',
    'TemporaryPassword.password',
    'TokenAuthPayload.token',
  ])
  t.end()
})

t.test('resolvers may stand for what a type can have, and for nothing else', (t) => {
  const own = loadSchema([
    `extend type Query { place: Place @public colour: Colour @public }
     interface Being { id: ID! }
     extend type User implements Being
     union Place = User | Device
     enum Colour { RED GREEN }
     scalar Money`,
  ])
  const resolver = (): null => null
  const rows: [map: Record<string, Record<string, unknown>>, problem: string | null][] = [
    [{ Query: { place: resolver } }, null],
    [{ User: { isTypeOf: resolver } }, null],
    [{ Being: { resolveType: resolver } }, null],
    [{ Place: { resolveType: resolver } }, null],
    [{ Colour: { RED: '#f00', GREEN: '#0f0' } }, null],
    [{ Money: { serialize: resolver, parseValue: resolver } }, null],
    [{ Nothing: { a: resolver } }, 'Nothing: a resolver stands for a type that the schema does not have.'],
    [
      { Query: { plaice: resolver } },
      'Query.plaice: a resolver stands for a field that the schema does not have.',
    ],
    [{ Being: { id: resolver } }, 'Being.id: a resolver stands for a field that the schema does not have.'],
    [{ Place: { id: resolver } }, 'Place.id: a resolver stands for a field that the schema does not have.'],
    [
      { Colour: { BLUE: '#00f' } },
      'Colour.BLUE: a resolver stands for a field that the schema does not have.',
    ],
    [{ Query: { viewer: resolver } }, 'Query.viewer: two resolvers stand for one field.'],
  ]
  for (const [map, problem] of rows) {
    const merge = () => mergeResolvers(own, [{ Query: { viewer: resolver } }, map])
    if (problem === null) t.match(merge(), map)
    else t.throws(merge, { message: `The schema breaks 1 rule(s):\n  - ${problem}` })
  }
  t.end()
})
