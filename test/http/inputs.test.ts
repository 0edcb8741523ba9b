import t from 'tap'
import { password, startApp } from '../support/app.ts'

const tokenAuth = 'mutation ($u: String!, $p: String!) { tokenAuth(username: $u, password: $p) { token } }'
const withDevice =
  'mutation ($d: DeviceInput) { tokenAuth(username: "a", password: "hunter2", device: $d) { token } }'
const tokens = 'query ($f: Int!, $a: String) { viewer { tokens(first: $f, after: $a) { totalCount } } }'
const revoke = 'mutation ($id: ID) { revokeToken(id: $id) { revoked } }'
const rename = 'mutation ($id: ID!, $n: String!) { renameToken(id: $id, name: $n) { tokenInfo { id } } }'
const uuid = '019ab000-0000-7000-8000-000000000000'

type Row = [name: string, query: string, variables: object | null, status: number, error: object]

const invalid = (message: string): object => ({
  message,
  extensions: { code: 'GRAPHQL_VALIDATION_FAILED' },
})
const badInput = (field: string, reason: string): object => ({
  extensions: { code: 'BAD_USER_INPUT', reason, field },
})
const credentials = { extensions: { code: 'UNAUTHENTICATED', reason: 'CREDENTIALS' } }
const misfit = (name: string, place: string, type: string): object =>
  invalid(`Variable "$${name}" got an invalid value at "${place}"; expected "${type}".`)

/** Every `hunter2` stands for a secret: it must not come back. */
const rows: Row[] = [
  ['a list for text', tokenAuth, { u: ['hunter2'], p: 'x' }, 400, misfit('u', 'u', 'String!')],
  ['an object for text', tokenAuth, { u: 'a', p: { $ne: 'hunter2' } }, 400, misfit('p', 'p', 'String!')],
  ['a number for text', tokenAuth, { u: 'a', p: 12345678 }, 400, misfit('p', 'p', 'String!')],
  ['true for text', tokenAuth, { u: true, p: 'hunter2' }, 400, misfit('u', 'u', 'String!')],
  [
    'null for text',
    tokenAuth,
    { u: 'hunter2', p: null },
    400,
    invalid('Variable "$p" of type "String!" must not be null.'),
  ],
  [
    'nothing for text',
    tokenAuth,
    { u: 'hunter2' },
    400,
    invalid('Variable "$p" of required type "String!" was not provided.'),
  ],
  [
    'no variables',
    tokenAuth,
    null,
    400,
    invalid('Variable "$u" of required type "String!" was not provided.'),
  ],
  [
    'only others',
    tokenAuth,
    { hunter2: 'hunter2' },
    400,
    invalid('Variable "$u" of required type "String!" was not provided.'),
  ],
  [
    'an inherited name',
    'mutation ($toString: String!) { tokenAuth(username: $toString, password: "hunter2") { token } }',
    {},
    400,
    invalid('Variable "$toString" of required type "String!" was not provided.'),
  ],
  [
    'an object in a field of an object',
    withDevice,
    { d: { id: { hunter2: 1 } } },
    400,
    misfit('d', 'd.id', 'DeviceInput'),
  ],
  ['an unknown field', withDevice, { d: { hunter2: 1 } }, 400, misfit('d', 'd', 'DeviceInput')],
  [
    'constructor as a field',
    withDevice,
    { d: { constructor: 'hunter2' } },
    400,
    misfit('d', 'd', 'DeviceInput'),
  ],
  ['a list for an object', withDevice, { d: [] }, 400, misfit('d', 'd', 'DeviceInput')],
  ['text for an object', withDevice, { d: 'hunter2' }, 400, misfit('d', 'd', 'DeviceInput')],
  ['a fraction for a whole number', tokens, { f: 1.5 }, 400, misfit('f', 'f', 'Int!')],
  ['a huge number', tokens, { f: 1e10 }, 400, misfit('f', 'f', 'Int!')],
  ['text for a number', tokens, { f: 'hunter2' }, 400, misfit('f', 'f', 'Int!')],
  ['an object for an id', revoke, { id: { hunter2: 1 } }, 400, misfit('id', 'id', 'ID')],
  ['true for an id', revoke, { id: true }, 400, misfit('id', 'id', 'ID')],
  [
    'text for a switch',
    'query ($x: Boolean!) { viewer @skip(if: $x) { id } }',
    { x: 'hunter2' },
    400,
    misfit('x', 'x', 'Boolean!'),
  ],
  [
    'null where there is a default',
    'query ($f: Int) { viewer { tokens(first: $f) { totalCount } } }',
    { f: null },
    400,
    invalid('Variable "$f" must not be null where it is used.'),
  ],
  [
    'null for a variable with a default',
    'query ($f: Int = 5) { viewer { tokens(first: $f) { totalCount } } }',
    { f: null },
    400,
    invalid('Variable "$f" must not be null where it is used.'),
  ],
  [
    'null for a switch with a default',
    'query ($x: Boolean = true) { viewer @skip(if: $x) { id } }',
    { x: null },
    400,
    invalid('Variable "$x" must not be null where it is used.'),
  ],
  [
    'null in a list with a default',
    'query ($x: String = "x") { echo(list: ["hunter2", $x]) }',
    { x: null },
    400,
    invalid('Variable "$x" must not be null where it is used.'),
  ],
  [
    'null in a list in a fragment of one of two',
    'query A($x: String = "x") { ...F } query B { __typename } fragment F on Query { echo(list: ["hunter2", $x]) }',
    { x: null },
    400,
    invalid('Variable "$x" must not be null where it is used.'),
  ],
  [
    'a variable of another type than its place',
    'query ($x: Boolean) { echo(list: [$x]) }',
    { x: null },
    400,
    invalid('Variable "$x" of type "Boolean" used in position expecting type "String!".'),
  ],
  [
    'a variable that nothing uses',
    'query ($hunter: String) { __typename }',
    { hunter: 'hunter2' },
    400,
    invalid('Variable "$hunter" is never used.'),
  ],
  [
    'a variable that is not declared',
    '{ viewer { tokens(first: $first) { totalCount } } }',
    { first: 'hunter2' },
    400,
    invalid('Variable "$first" is not defined.'),
  ],
  [
    'a variable of an output type',
    'query ($x: User) { viewer @skip(if: $x) { id } }',
    { x: 'hunter2' },
    400,
    invalid('Variable "$x" cannot be non-input type "User".'),
  ],
  [
    'a name for text',
    'mutation { tokenAuth(username: "a", password: hunter2) { token } }',
    null,
    400,
    invalid('String cannot represent a non string value.'),
  ],
  [
    'a number for text, written',
    'mutation { tokenAuth(username: "a", password: 12345678) { token } }',
    null,
    400,
    invalid('String cannot represent a non string value.'),
  ],
  [
    'a list for text, written',
    'mutation { tokenAuth(username: "a", password: ["hunter2"]) { token } }',
    null,
    400,
    invalid('String cannot represent a non string value.'),
  ],
  [
    'an object for text, written',
    'mutation { tokenAuth(username: "a", password: {a: "hunter2"}) { token } }',
    null,
    400,
    invalid('String cannot represent a non string value.'),
  ],
  [
    'text for an object, written',
    'mutation { tokenAuth(username: "a", password: "x", device: "hunter2") { token } }',
    null,
    400,
    invalid('Expected value of type "DeviceInput".'),
  ],
  [
    'text for a number, written',
    '{ viewer { tokens(first: "hunter2") { totalCount } } }',
    null,
    400,
    invalid('Int cannot represent non-integer value.'),
  ],
  [
    '1e9, which is no whole number in GraphQL',
    '{ viewer { tokens(first: 1e9) { totalCount } } }',
    null,
    400,
    invalid('Int cannot represent non-integer value.'),
  ],
  [
    'a huge number, written',
    '{ viewer { tokens(first: 10000000000) { totalCount } } }',
    null,
    400,
    invalid('Int cannot represent non 32-bit signed integer value.'),
  ],
  [
    'a name for an id',
    'mutation { revokeToken(id: hunter2) { revoked } }',
    null,
    400,
    invalid('ID cannot represent a non-string and non-integer value.'),
  ],
  [
    'a name for an enum',
    '{ grade(role: hunter2) }',
    null,
    400,
    invalid('Value does not exist in "Role" enum.'),
  ],
  [
    'text for an enum',
    '{ grade(role: "hunter2") }',
    null,
    400,
    invalid('Enum "Role" cannot represent non-enum value.'),
  ],
  [
    'no time for a DateTime',
    '{ since(time: "hunter2") }',
    null,
    400,
    invalid('DateTime must be RFC 3339 text, for example 2026-11-23T09:30:00.000Z.'),
  ],
  [
    'no time for a DateTime in a variable',
    'query ($t: DateTime) { since(time: $t) }',
    { t: 'hunter2' },
    400,
    misfit('t', 't', 'DateTime'),
  ],
  [
    'a field twice in an object',
    'mutation { tokenAuth(username: "a", password: "x", device: {id: "hunter2", id: "hunter2"}) { token } }',
    null,
    400,
    invalid('There can be only one input field named "id".'),
  ],
  [
    'text without its end',
    'mutation { tokenAuth(username: "a", password: "hunter2) { token } }',
    null,
    400,
    { message: 'Syntax error at line 1, column 68.', extensions: { code: 'GRAPHQL_PARSE_FAILED' } },
  ],
  [
    'text with a NUL',
    'mutation { tokenAuth(username: "a", password: "hunter2\0") { token } }',
    null,
    401,
    credentials,
  ],
  [
    'half a surrogate in an escape',
    'mutation { tokenAuth(username: "a", password: "hunter2\\ud800") { token } }',
    null,
    400,
    { message: 'Syntax error at line 1, column 55.', extensions: { code: 'GRAPHQL_PARSE_FAILED' } },
  ],
  [
    'a raw lone surrogate',
    'mutation { tokenAuth(username: "a", password: "hunter2\ud800") { token } }',
    null,
    400,
    { message: /^Syntax error at line 1/, extensions: { code: 'GRAPHQL_PARSE_FAILED' } },
  ],
  ['NUL in a username', tokenAuth, { u: 'a\0b', p: 'hunter2' }, 200, badInput('username', 'ILL_FORMED')],
  [
    'a lone surrogate in a username',
    tokenAuth,
    { u: 'a\ud800', p: 'hunter2' },
    200,
    badInput('username', 'ILL_FORMED'),
  ],
  [
    'a username of 100,000 letters',
    tokenAuth,
    { u: 'a'.repeat(90_000), p: 'hunter2' },
    200,
    badInput('username', 'ILL_FORMED'),
  ],
  [
    'a lone surrogate in a password',
    tokenAuth,
    { u: 'user1', p: 'hunter2\ud800' },
    200,
    badInput('password', 'ILL_FORMED'),
  ],
  [
    'half a pair in a password',
    tokenAuth,
    { u: 'user1', p: '\udfffhunter2' },
    200,
    badInput('password', 'ILL_FORMED'),
  ],
  [
    'a password of 1,025 letters',
    tokenAuth,
    { u: 'user1', p: 'x'.repeat(1_025) },
    200,
    badInput('password', 'TOO_LONG'),
  ],
  [
    'a password of 90,000 letters',
    tokenAuth,
    { u: 'user1', p: 'x'.repeat(90_000) },
    200,
    badInput('password', 'TOO_LONG'),
  ],
  ['NUL behind a password', tokenAuth, { u: 'user1', p: `${password}\0` }, 401, credentials],
  ['an empty password', tokenAuth, { u: 'user1', p: '' }, 401, credentials],
  ['an empty username', tokenAuth, { u: '', p: 'hunter2' }, 401, credentials],
  ['SQL in a username', tokenAuth, { u: `' or 1=1; --`, p: 'hunter2' }, 401, credentials],
  ['a wildcard for a username', tokenAuth, { u: '%', p: 'hunter2' }, 401, credentials],
  ['a prototype name for a username', tokenAuth, { u: '__proto__', p: 'hunter2' }, 401, credentials],
  ['first of 0', tokens, { f: 0 }, 200, badInput('first', 'RANGE')],
  ['first of -1', tokens, { f: -1 }, 200, badInput('first', 'RANGE')],
  ['first of 101', tokens, { f: 101 }, 200, badInput('first', 'RANGE')],
  ['first of 1e9', tokens, { f: 1e9 }, 200, badInput('first', 'RANGE')],
  ['a cursor that is text', tokens, { f: 1, a: 'hunter2' }, 200, badInput('after', 'CURSOR')],
  ['an empty cursor', tokens, { f: 1, a: '' }, 200, badInput('after', 'CURSOR')],
  ['a cursor with SQL in it', tokens, { f: 1, a: `${uuid}' or 1=1` }, 200, badInput('after', 'CURSOR')],
  ['a cursor with NUL', tokens, { f: 1, a: `${uuid}\0` }, 200, badInput('after', 'CURSOR')],
  [
    'a cursor in base64',
    tokens,
    { f: 1, a: Buffer.from(uuid).toString('base64') },
    200,
    badInput('after', 'CURSOR'),
  ],
  ['a number for an id', revoke, { id: 12345 }, 200, badInput('id', 'ID')],
  ['an empty id', revoke, { id: '' }, 200, badInput('id', 'ID')],
  ['an id that is a name', revoke, { id: 'hunter2' }, 200, badInput('id', 'ID')],
  ['an id with a blank', revoke, { id: ` ${uuid}` }, 200, badInput('id', 'ID')],
  ['an id of 90,000 letters', revoke, { id: 'a'.repeat(90_000) }, 200, badInput('id', 'ID')],
  ['an id with a lone surrogate', rename, { id: '\ud800', n: 'x' }, 200, badInput('id', 'ID')],
  ['an unknown id', rename, { id: uuid, n: 'x' }, 200, { extensions: { code: 'NOT_FOUND' } }],
  [
    'a name with a lone surrogate',
    rename,
    { id: uuid, n: 'hunter2\ud800' },
    200,
    badInput('name', 'CHARACTERS'),
  ],
  ['a name with NUL', rename, { id: uuid, n: 'hunter2\0' }, 200, badInput('name', 'CHARACTERS')],
  [
    'a device with a lone surrogate',
    withDevice,
    { d: { name: '\ud800' } },
    200,
    badInput('device.name', 'CHARACTERS'),
  ],
]

const plugin = {
  schema: `extend type Query {
    echo(list: [String!]! = []): [String!] @public
    grade(role: Role): String @public
    since(time: DateTime): DateTime @public
  }`,
  resolvers: { Query: { echo: (_parent: unknown, { list }: { list: string[] }) => list } },
}

for (const queryJit of [0, 1]) {
  t.test(
    `what does not fit is refused by name and never said back, ${queryJit ? 'compiled' : 'not compiled'}`,
    async (t) => {
      const { app, createUser, signIn } = await startApp(t, {
        queryNodes: 1_000_000_000,
        queryJit,
        plugin,
        rateLimitAddressFailures: 100_000,
        rateLimitAccountFailures: 1_000,
      })
      const token = await signIn(await createUser())
      for (const [name, query, variables, status, error] of rows) {
        const payload = { query, variables, ...(query.startsWith('query A') ? { operationName: 'A' } : {}) }
        for (let time = 0; time < 3; time++) {
          const response = await app.inject({
            method: 'POST',
            url: '/graphql',
            headers: {
              'content-type': 'application/json',
              accept: 'application/graphql-response+json',
              authorization: `Token ${token}`,
            },
            payload: JSON.stringify(payload),
          })
          const { data, errors } = response.json()
          t.equal(response.statusCode, status, name)
          t.match(errors[0], error, name)
          t.equal(data === undefined, status === 400, name)
          t.notMatch(response.body, /hunter2|12345678|SQLITE|select |\.ts:|\.js:|node_modules| {4}at /i, name)
        }
      }
    },
  )
}

t.test('several variables that do not fit are told at once, ten at the most', async (t) => {
  const { graphql } = await startApp(t)
  for (const [count, told] of [
    [2, 2],
    [10, 10],
    [12, 10],
  ] as const) {
    const names = Array.from({ length: count }, (_, index) => `v${index}`)
    const declared = names.map((name) => `$${name}: Boolean!`).join(' ')
    const used = names.map((name) => `${name}: __typename @include(if: $${name})`).join(' ')
    const values = Object.fromEntries(names.map((name) => [name, 'hunter2']))
    const { body } = await graphql(`query (${declared}) { ${used} }`, values)
    t.equal(body.errors.length, told)
    t.notMatch(JSON.stringify(body), 'hunter2')
  }
})

t.test('DateTime takes RFC 3339, written or in a variable', async (t) => {
  const { graphql } = await startApp(t, {
    plugin: {
      ...plugin,
      resolvers: { Query: { since: (_parent: unknown, { time }: { time: number }) => time } },
    },
  })
  const expected = { data: { since: '2026-11-23T09:30:00.000Z' } }
  t.strictSame((await graphql('{ since(time: "2026-11-23T10:30:00+01:00") }')).body, expected)
  t.strictSame(
    (await graphql('query ($t: DateTime) { since(time: $t) }', { t: '2026-11-23T09:30:00Z' })).body,
    expected,
  )
})
