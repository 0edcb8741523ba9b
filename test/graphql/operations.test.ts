import { NoSchemaIntrospectionCustomRule, parse } from 'graphql'
import t from 'tap'
import { LatchkeyError } from '../../src/errors.ts'
import { createFindOperation, type FindOperation, type Operation } from '../../src/graphql/operations.ts'
import { loadSchema } from '../../src/graphql/schema.ts'

const limits = {
  tokens: 1_000,
  depth: 10,
  aliases: 15,
  directives: 50,
  rootFields: 20,
  fields: 1_000,
  nodes: 2_000,
}
const schema = loadSchema()

function createFind(rules = [NoSchemaIntrospectionCustomRule]): FindOperation {
  return createFindOperation({ schema, limits, rules, maxErrors: 3 })
}

function requireOperation(found: ReturnType<FindOperation>): Operation {
  if ('kind' in found) return found
  throw new Error(`no operation: ${found}`)
}

const document = `
  query Read($first: Int = 5, $role: Boolean!) { viewer { ...Name tokens(first: $first) { totalCount } role @skip(if: $role) } }
  query Other { serverInfo { ...Server } }
  mutation Write { updateViewer { user { ...Name } } }
  mutation Enter { tokenAuth(username: "a", password: "b") { token } }
  fragment Name on User { username }
  fragment Server on ServerInfo { name }
`

t.test('the operation that runs is the one that is named, or the only one', (t) => {
  const find = createFind()
  const rows: [source: string, name: string | null, expected: object][] = [
    ['{ __typename }', null, { kind: 'query', name: null, signsIn: false }],
    ['query A { __typename }', null, { kind: 'query', name: 'A' }],
    ['query A { __typename }', 'A', { kind: 'query', name: 'A' }],
    ['mutation { __typename }', null, { kind: 'mutation', name: null, signsIn: false }],
    [document, 'Read', { kind: 'query', name: 'Read', signsIn: false, defaulted: ['first'] }],
    [document, 'Other', { kind: 'query', name: 'Other' }],
    [document, 'Write', { kind: 'mutation', name: 'Write', signsIn: false, defaulted: [] }],
    [document, 'Enter', { kind: 'mutation', name: 'Enter', signsIn: true }],
  ]
  for (const [source, name, expected] of rows) t.match(find(source, name), expected, `${name} of ${source}`)
  t.end()
})

t.test('an operation runs from a document of its own, with the fragments that it needs', (t) => {
  const find = createFind()
  const sources = ['Read', 'Other', 'Write', 'Enter'].map(
    (name) => requireOperation(find(document, name)).source,
  )
  t.equal(new Set(sources).size, 4)
  const names = sources.map((source) =>
    parse(source).definitions.map((node) => ('name' in node ? node.name?.value : null)),
  )
  t.strictSame(names, [['Read', 'Name'], ['Other', 'Server'], ['Write', 'Name'], ['Enter']])
  t.equal(requireOperation(find('{ __typename } # as it is', null)).source, '{ __typename } # as it is')
  t.end()
})

t.test('what cannot run says why, and never what was sent', (t) => {
  const find = createFind()
  const rows: [source: string, name: string | null, code: string, message: string | RegExp][] = [
    ['', null, 'GRAPHQL_PARSE_FAILED', 'Syntax error at line 1, column 1.'],
    ['{\n  hunter2(: ) }', null, 'GRAPHQL_PARSE_FAILED', 'Syntax error at line 2, column 11.'],
    [
      'fragment A on Query { __typename }',
      null,
      'OPERATION_RESOLUTION_FAILURE',
      'The document has no operation.',
    ],
    ['type A { b: C }', null, 'OPERATION_RESOLUTION_FAILURE', 'The document has no operation.'],
    [
      document,
      null,
      'OPERATION_RESOLUTION_FAILURE',
      'The document has several operations: say which with operationName.',
    ],
    [document, 'hunter2', 'OPERATION_RESOLUTION_FAILURE', 'The document has no operation of that name.'],
    [document, 'Name', 'OPERATION_RESOLUTION_FAILURE', 'The document has no operation of that name.'],
    [
      '{ __typename }',
      'hunter2',
      'OPERATION_RESOLUTION_FAILURE',
      'The document has no operation of that name.',
    ],
    [`{ ${'a '.repeat(999)}}`, null, 'QUERY_TOO_COMPLEX', /at most 1000 tokens/],
  ]
  for (const [source, name, code, message] of rows) {
    const found = find(source, name)
    t.notOk('kind' in found, source)
    if ('kind' in found) continue
    const [error] = found
    t.type(error, LatchkeyError)
    t.match(error, { code, message }, source.slice(0, 60))
  }
  t.end()
})

t.test('with several operations the whole document has to be valid', (t) => {
  const find = createFind()
  const rows: [source: string, errors: number][] = [
    ['query A { __typename } query B { nothing }', 1],
    ['query A { __typename } query A { __typename }', 1],
    ['query A { __typename } { __typename }', 1],
    ['query A { __typename } query B { __schema { queryType { name } } }', 2],
    ['query A { a b c d e f } query B { __typename }', 4],
    ['query A { __typename } query B { __typename } type C { d: E }', 2],
  ]
  for (const [source, errors] of rows) {
    const found = find(source, 'A')
    t.equal('kind' in found ? 0 : found.length, errors, source)
  }
  t.match(createFind([])('query A { __typename } query B { __schema { queryType { name } } }', 'A'), {
    kind: 'query',
  })
  t.end()
})

t.test('a document that was read is kept; a name that it does not have is not', (t) => {
  const find = createFind()
  const [first, again] = [find(document, 'Read'), find(document, 'Read')]
  t.equal(first, again)
  t.not(find(document, 'Other'), first)
  t.not(find(`${document} `, 'Read'), first, 'by its whole text')
  t.not(find(document, 'None'), find(document, 'None'))
  t.end()
})

t.test('a mutation signs in when it does nothing else', (t) => {
  const find = createFind()
  const rows: [source: string, signsIn: boolean][] = [
    ['mutation { tokenAuth(username: "a", password: "b") { token } }', true],
    ['mutation { x: tokenAuth(username: "a", password: "b") { token } }', true],
    ['mutation { signUp(username: "a", password: "b") { id } }', true],
    ['mutation { ...F } fragment F on Mutation { signUp(username: "a", password: "b") { id } }', true],
    ['mutation { ... { signUp(username: "a", password: "b") { id } } }', true],
    ['mutation { __typename }', false],
    ['mutation { tokenAuth(username: "a", password: "b") { token } __typename }', false],
    ['mutation { changePassword(currentPassword: "a", newPassword: "b") { revokedTokens } }', false],
    ['mutation { revokeToken { tokenAuth: revoked } }', false],
    ['mutation { tokenAuth: revokeToken { revoked } }', false],
    ['query { tokenAuth }', false],
  ]
  for (const [source, signsIn] of rows) t.equal(requireOperation(find(source, null)).signsIn, signsIn, source)
  t.end()
})

t.test('variables that may be left out but not be null are known', (t) => {
  const find = createFind()
  const rows: [source: string, names: string[]][] = [
    ['query ($f: Int) { viewer { tokens(first: $f) { totalCount } } }', ['f']],
    ['query ($f: Int = 1) { viewer { tokens(first: $f) { totalCount } } }', ['f']],
    ['query ($f: Int!) { viewer { tokens(first: $f) { totalCount } } }', []],
    ['query ($f: Int! = 1) { viewer { tokens(first: $f) { totalCount } } }', []],
    ['query ($a: String) { viewer { tokens(after: $a) { totalCount } } }', []],
    ['query ($x: Boolean = true) { viewer @skip(if: $x) { id } }', ['x']],
    ['query ($x: Boolean) { viewer @skip(if: $x) { id } }', []],
    ['fragment F on User { tokens(first: $f) { totalCount } } query ($f: Int) { viewer { ...F } }', ['f']],
    ['query ($n: String = "x") { viewer { nothing(here: $n) } }', []],
  ]
  for (const [source, names] of rows)
    t.strictSame(requireOperation(find(source, null)).defaulted, names, source)
  t.end()
})

t.test('text that nests deeper than it can be read is refused, even where its tokens are allowed', (t) => {
  const find = createFindOperation({
    schema,
    limits: { ...limits, tokens: 100_000 },
    rules: [],
    maxErrors: 3,
  })
  t.match(find(`{ a(b: ${'['.repeat(40_000)}${']'.repeat(40_000)}) }`, null), [
    { code: 'GRAPHQL_PARSE_FAILED', message: 'Syntax error.' },
  ])
  t.end()
})
