import {
  type GraphQLArgument,
  GraphQLBoolean,
  type GraphQLInputType,
  type GraphQLNamedType,
  GraphQLNonNull,
  type GraphQLOutputType,
  type GraphQLSchema,
  getNamedType,
  getNullableType,
  isAbstractType,
  isEnumType,
  isInputObjectType,
  isLeafType,
  isListType,
  isNonNullType,
  isRequiredArgument,
} from 'graphql'
import { fc, marker } from './fuzz.ts'

/** A request with a document that is written along the schema, right in most places. */
export interface FuzzedRequest {
  query: string
  variables: Record<string, unknown>
  operationName: string | null
}

/** Draws values; fast-check's `gen`. */
type Draw = fc.GeneratorValue

const oddTexts = [
  marker,
  `${marker}"\\u0000`,
  '',
  ' ',
  '1',
  '\ud800',
  '2026-11-23T09:30:00Z',
  'x'.repeat(300),
  '12h',
  '\u202eabc',
]
const oddNumbers = [0, -1, 1, 3, 100, 101, 2 ** 31, -(2 ** 31) - 1, 1e40, 0.5]

/** Writes one document by drawing; `roots` are the root fields it may ask for. */
export function writeRequest(
  draw: Draw,
  schema: GraphQLSchema,
  roots: (name: string) => boolean,
): FuzzedRequest {
  const variables: Record<string, unknown> = {}
  const declarations: string[] = []
  const fragments: string[] = []
  // Numbers from the middle: fast-check has a liking for the ends of a range.
  const seldom = (): boolean => draw(fc.integer, { min: 0, max: 10 }) === 5
  const wrongly = (): boolean => draw(fc.integer, { min: 0, max: 60 }) === 30
  const pick = <T>(values: readonly T[]): T => values[draw(fc.nat, { max: values.length - 1 })] as T

  function selection(type: GraphQLOutputType, depth: number): string {
    const named = getNamedType(type)
    if (isLeafType(named)) return wrongly() ? '{ id }' : ''
    if (depth > 0 && wrongly()) return ''
    const picked = Array.from({ length: draw(fc.integer, { min: 1, max: depth > 3 ? 1 : 3 }) }, () =>
      selected(named, depth),
    )
    return `{ ${picked.join(' ')} }`
  }

  function selected(type: GraphQLNamedType, depth: number): string {
    if (isAbstractType(type)) {
      const possible = schema.getPossibleTypes(type)
      const one = !wrongly() ? pick(possible) : pick(schema.getType('User') ? ['User'] : ['Query'])
      return seldom() ? '__typename' : `... on ${one} ${directive()} ${body(String(one), depth)}`
    }
    if (seldom()) return `... ${directive()} ${selection(type as GraphQLOutputType, depth)}`
    if (seldom()) {
      const name = `F${fragments.length}`
      fragments.push('')
      const text = `fragment ${name} on ${wrongly() ? 'Query' : type.name} ${selection(type as GraphQLOutputType, depth + 1)}`
      fragments[Number(name.slice(1))] = text
      return `...${wrongly() ? 'F0' : name} ${directive()}`
    }
    if (!('getFields' in type)) return '__typename'
    const isRoot = type === schema.getQueryType() || type === schema.getMutationType()
    const fields = Object.values(type.getFields()).filter(({ name }) => !isRoot || roots(name))
    const field = wrongly() ? null : pick(fields)
    if (field === null)
      return pick(['__typename', 'nothing', '__proto__', 'constructor', '__schema { queryType { name } }'])
    const alias = seldom()
      ? `${pick(['a', 'b', '__typename', 'constructor', '__proto__', 'toString'])}: `
      : ''
    const text = 'args' in field && field.args.length > 0 ? argumentsOf(field.args) : ''
    const below = depth > 5 ? '{ __typename }' : selection(field.type as GraphQLOutputType, depth + 1)
    return `${alias}${field.name}${text} ${directive()} ${isLeafType(getNamedType(field.type)) ? '' : below}`
  }

  function body(name: string, depth: number): string {
    const type = schema.getType(name)
    return type === undefined ? '{ id }' : selection(type as GraphQLOutputType, depth)
  }

  function directive(): string {
    if (wrongly()) return pick(['@nothing', '@deprecated', '@include'])
    if (!seldom()) return ''
    const condition = seldom() ? argument(new GraphQLNonNull(GraphQLBoolean)) : pick(['true', 'false'])
    return `${pick(['@include', '@skip'])}(if: ${condition})`
  }

  function argumentsOf(args: readonly GraphQLArgument[]): string {
    const given = args.filter((arg) => (isRequiredArgument(arg) ? !wrongly() : draw(fc.boolean)))
    const texts = given.map((arg) => `${arg.name}: ${argument(arg.type)}`)
    if (wrongly()) texts.push('nothing: 1')
    return texts.length > 0 ? `(${texts.join(', ')})` : ''
  }

  function argument(type: GraphQLInputType): string {
    return draw(fc.boolean) ? literal(type, 0) : variable(type)
  }

  function variable(type: GraphQLInputType): string {
    const index = declarations.push('') - 1
    const name = `v${index}`
    const declared = !wrongly() ? String(type) : pick(['Int', 'String!', '[ID]', 'Boolean', 'Nothing'])
    const nullable = !wrongly() ? declared : declared.replace(/!$/, '')
    const fallback = seldom() ? ` = ${literal(type, 2)}` : ''
    declarations[index] = `$${name}: ${nullable}${fallback}`
    if (!wrongly()) variables[name] = !seldom() ? value(type, 0) : anything()
    return `$${name}`
  }

  function literal(type: GraphQLInputType, depth: number): string {
    if (wrongly())
      return pick([
        'null',
        '1',
        '"x"',
        '[]',
        '{}',
        'RED',
        '$v0',
        '$nothing',
        '1.5',
        '[[1]]',
        '{ a: { a: 1 } }',
      ])
    const nullable = getNullableType(type)
    if (isListType(nullable)) {
      return `[${Array.from({ length: draw(fc.nat, { max: 3 }) }, () => literal(nullable.ofType, depth + 1)).join(', ')}]`
    }
    if (isInputObjectType(nullable)) {
      if (depth > 3) return '{}'
      const fields = Object.values(nullable.getFields()).filter(
        ({ type }) => isNonNullType(type) || draw(fc.boolean),
      )
      const texts = fields.map(
        (field) =>
          `${field.name}: ${draw(fc.boolean) ? literal(field.type, depth + 1) : variable(field.type)}`,
      )
      return `{ ${texts.join(', ')} }`
    }
    const given = value(nullable, 0)
    if (typeof given === 'object') return 'null'
    return isEnumType(nullable) && /^\w+$/.test(String(given)) ? String(given) : JSON.stringify(given)
  }

  function value(type: GraphQLInputType, depth: number): unknown {
    if (wrongly()) return anything()
    const nullable = getNullableType(type)
    if (isListType(nullable)) {
      if (seldom()) return value(nullable.ofType, depth + 1)
      return Array.from({ length: draw(fc.nat, { max: 3 }) }, () => value(nullable.ofType, depth + 1))
    }
    if (isInputObjectType(nullable)) {
      if (depth > 3) return {}
      const fields = Object.values(nullable.getFields()).filter(
        ({ type }) => isNonNullType(type) || draw(fc.boolean),
      )
      return Object.fromEntries(fields.map((field) => [field.name, value(field.type, depth + 1)]))
    }
    if (isEnumType(nullable)) return pick(nullable.getValues()).name
    if (nullable.name === 'Boolean') return draw(fc.boolean)
    if (nullable.name === 'Int' || nullable.name === 'Float') return pick(oddNumbers)
    return pick(oddTexts)
  }

  function anything(): unknown {
    return pick<unknown>([
      null,
      true,
      marker,
      1,
      1.5,
      [],
      [marker],
      [[null]],
      {},
      { [marker]: marker },
      { constructor: 1 },
      'RED',
      '',
    ])
  }

  const isMutation = draw(fc.boolean)
  const root = (isMutation ? schema.getMutationType() : schema.getQueryType()) as GraphQLOutputType
  const text = selection(root, 0)
  const name = draw(fc.boolean) ? 'A' : ''
  const declared = declarations.length > 0 ? `(${declarations.join(', ')})` : ''
  const operation = `${isMutation ? 'mutation' : 'query'} ${name || (declared ? 'B' : '')}${declared} ${text}`
  const others = seldom() ? ' query Z { __typename }' : ''
  const operationName = wrongly() ? pick(['A', 'B', 'Z', 'nothing']) : others === '' ? null : name || 'B'
  if (wrongly()) variables.nothing = anything()
  return { query: `${operation} ${fragments.join(' ')}${others}`, variables, operationName }
}

/** The text with some of its lexical tokens dropped, doubled, swapped or replaced. */
export function mutateText(draw: Draw, text: string): string {
  const tokens = text.match(/\w+|"[^"]*"|\.\.\.|\S/g) ?? []
  for (let count = draw(fc.integer, { min: 1, max: 4 }); count > 0 && tokens.length > 0; count--) {
    const at = draw(fc.nat, { max: tokens.length - 1 })
    const token = tokens[at] as string
    const change = draw(fc.nat, { max: 4 })
    if (change === 0) tokens.splice(at, 1)
    else if (change === 1) tokens.splice(at, 0, token)
    else if (change === 2) tokens.splice(at, 1, tokens[draw(fc.nat, { max: tokens.length - 1 })] as string)
    else if (change === 3)
      tokens.splice(
        at,
        1,
        draw(fc.constantFrom, '{', '}', '(', ')', '$', '"""', '"', '\\', '#', '\0', '@', '!', '&', '\ufeff'),
      )
    else
      tokens.splice(
        at,
        0,
        draw(
          fc.constantFrom,
          '... on User { id }',
          '{ id }',
          '(id: 1)',
          'query',
          'fragment',
          'on',
          'null',
          '"""x"""',
        ),
      )
  }
  return tokens.join(' ')
}
