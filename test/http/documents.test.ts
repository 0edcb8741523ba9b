import t from 'tap'
import { type Answer, password, startApp } from '../support/app.ts'

const repeat = (count: number, text: (index: number) => string): string =>
  Array.from({ length: count }, (_, index) => text(index)).join(' ')

/** Documents that break naive servers; a code and a reason each, and nothing of them runs. */
const shapes: [name: string, query: string, reason: string][] = [
  ['a query 10,000 levels deep', `${'{ a '.repeat(10_000)}${'}'.repeat(10_000)}`, 'TOKENS'],
  [
    'a list literal 10,000 levels deep',
    `{ viewer(a: ${'['.repeat(10_000)}${']'.repeat(10_000)}) { id } }`,
    'TOKENS',
  ],
  ['10,000 equal fields', `{ ${'a '.repeat(10_000)}}`, 'TOKENS'],
  ['10,000 equal directives', `{ __typename ${'@a '.repeat(10_000)}}`, 'TOKENS'],
  [
    '1,000 aliases of tokenAuth',
    `mutation { ${repeat(1_000, (n) => `a${n}: tokenAuth(username: "a", password: "b") { token }`)} }`,
    'TOKENS',
  ],
  ['a query 400 levels deep', `${'{ a '.repeat(300)}${'}'.repeat(300)}`, 'DEPTH'],
  ['16 aliases', `{ ${repeat(16, (n) => `a${n}: __typename`)} }`, 'ALIASES'],
  ['51 directives', `{ __typename ${'@a '.repeat(51)}}`, 'DIRECTIVES'],
  ['21 root fields', `{ ${'__typename '.repeat(21)}}`, 'ROOT_FIELDS'],
  ['a fragment fan-out of 2^22', fanOut(22), 'FIELDS'],
  [
    'a fragment fan-out of 2^22 at the root',
    fanOut(22)
      .replace('{ viewer { ...F0 } }', '{ ...F0 }')
      .replaceAll('on User', 'on Query')
      .replace('{ id }', '{ __typename }'),
    'ROOT_FIELDS',
  ],
  [
    'two tokenAuth',
    'mutation { a: tokenAuth(username: "a", password: "b") { token } b: tokenAuth(username: "a", password: "c") { token } }',
    'CREDENTIAL_FIELDS',
  ],
  [
    'two tokenAuth that would merge',
    'mutation { tokenAuth(username: "a", password: "b") { token } tokenAuth(username: "a", password: "b") { token } }',
    'CREDENTIAL_FIELDS',
  ],
  [
    'tokenAuth and signUp',
    'mutation { tokenAuth(username: "a", password: "b") { token } signUp(username: "a", password: "b") { id } }',
    'CREDENTIAL_FIELDS',
  ],
  [
    'tokenAuth in two fragments',
    'mutation { ...A ...B } fragment A on Mutation { a: tokenAuth(username: "a", password: "b") { token } } fragment B on Mutation { b: tokenAuth(username: "a", password: "b") { token } }',
    'CREDENTIAL_FIELDS',
  ],
  [
    'tokenAuth in one fragment twice',
    'mutation { ...A ... on Mutation { ...A } } fragment A on Mutation { a: tokenAuth(username: "a", password: "b") { token } }',
    'CREDENTIAL_FIELDS',
  ],
  [
    'tokenAuth that is skipped beside another',
    'mutation { a: tokenAuth(username: "a", password: "b") @skip(if: true) { token } tokenAuth(username: "a", password: "b") { token } }',
    'CREDENTIAL_FIELDS',
  ],
]

/** Fragments of which each brings in the next twice. */
function fanOut(levels: number): string {
  const fragments = repeat(
    levels,
    (level) => `fragment F${level} on User { ...F${level + 1} ...F${level + 1} }`,
  )
  return `{ viewer { ...F0 } } ${fragments} fragment F${levels} on User { id }`
}

t.test('documents that are too large in any way are refused before they are validated or run', async (t) => {
  const { app, graphql, createUser, signIn } = await startApp(t)
  const token = await signIn(await createUser())
  for (const [name, query, reason] of shapes) {
    const answer = await graphql(query, null, { token })
    t.equal(answer.status, 400, name)
    t.strictSame(Object.keys(answer.body), ['errors'], name)
    t.match(answer.body.errors, [{ extensions: { code: 'QUERY_TOO_COMPLEX', reason } }], name)
    t.equal(answer.body.errors.length, 1, name)
    if (query.startsWith('mutation')) continue
    const search = new URLSearchParams({ query })
    t.equal(
      (await app.inject({ url: `/graphql?${search}` })).json().errors[0].extensions.reason,
      reason,
      `${name}, by GET`,
    )
  }
})

t.test('hundreds of aliases of tokenAuth check no password, even where aliases are allowed', async (t) => {
  const { graphql, createUser } = await startApp(t, {
    queryTokens: 5_000,
    queryAliases: 10_000,
    queryRootFields: 10_000,
    queryFields: 100_000,
  })
  const user = await createUser()
  const field = (n: number): string =>
    `a${n}: tokenAuth(username: "${user.username}", password: "wrong") { token }`
  t.match((await graphql(`mutation { ${repeat(350, field)} }`)).body, {
    errors: [{ extensions: { code: 'QUERY_TOO_COMPLEX', reason: 'CREDENTIAL_FIELDS' } }],
  })
  t.match(
    (await graphql(`mutation { tokenAuth(username: "${user.username}", password: "${password}") { token } }`))
      .body,
    { data: { tokenAuth: { token: String } } },
    'no failure was counted',
  )
})

t.test('a document that is not valid is one request error, and repeats are told once', async (t) => {
  const { graphql } = await startApp(t)
  const rows: [name: string, query: string, errors: number][] = [
    ['ten unknown directives', `{ __typename ${repeat(10, (n) => `@a${n}`)} }`, 1],
    ['ten times one unknown directive', `{ __typename ${'@a '.repeat(10)} }`, 1],
    ['ten unknown fields', `{ ${repeat(10, (n) => `f${n}`)} }`, 10],
    ['twenty unknown fields', `{ ${repeat(20, (n) => `f${n}`)} }`, 10],
    ['ten times one unknown field', `{ ${'nothing '.repeat(10)} }`, 1],
    ['a fragment that holds itself', '{ ...A } fragment A on Query { ...A }', 1],
    [
      'fragments in a circle',
      '{ ...A } fragment A on Query { ...B } fragment B on Query { ...C } fragment C on Query { ...A }',
      1,
    ],
    [
      'a circle through a field',
      '{ viewer { ...A } } fragment A on User { tokens { nodes { id } } ...B } fragment B on User { ...A }',
      1,
    ],
    ['an unknown fragment', '{ ...Nothing }', 1],
    ['a fragment that nothing uses', '{ __typename } fragment A on Query { __typename }', 1],
    ['a prototype name as a field', '{ constructor }', 1],
    ['__proto__ as a field', '{ __proto__ }', 1],
    ['a prototype name as a type', '{ ... on constructor { id } }', 1],
    ['a prototype name as a fragment', '{ ...constructor }', 1],
    ['a prototype name as an argument', '{ viewer(toString: 1) { id } }', 1],
    ['a prototype name as a directive', '{ __typename @constructor }', 1],
    [
      'a prototype name as an input field',
      'mutation { tokenAuth(username: "a", password: "b", device: { constructor: "x" }) { token } }',
      1,
    ],
  ]
  for (const [name, query, errors] of rows) {
    const answer = await graphql(query)
    t.strictSame(
      [answer.status, Object.keys(answer.body), answer.body.errors.length],
      [400, ['errors'], errors],
      name,
    )
    for (const error of answer.body.errors)
      t.match(error.extensions, { code: 'GRAPHQL_VALIDATION_FAILED' }, name)
  }
})

t.test('in production nothing tells what a misspelt name may have meant', async (t) => {
  const production = await startApp(t, { production: true, requireHttps: 'off' })
  const development = await startApp(t)
  const rows: [name: string, query: string, variables?: object][] = [
    ['a field', '{ viewr { id } }'],
    ['a field below', '{ viewer { usernam } }'],
    ['an argument', '{ viewer { tokens(frist: 1) { totalCount } } }'],
    ['a directive’s argument', '{ viewer @skip(iff: true) { id } }'],
    ['a type', '{ viewer { ... on Usr { id } } }'],
    ['a variable’s type', 'query ($role: Rol) { __typename }'],
    [
      'an input field',
      'mutation { tokenAuth(username: "a", password: "b", device: { nam: "x" }) { token } }',
    ],
    ['an enum value', '{ grade(role: ADMN) }'],
    ['an enum value as text', '{ grade(role: "ADMIN") }'],
    [
      'an input field in a variable',
      'mutation ($d: DeviceInput) { tokenAuth(username: "a", password: "b", device: $d) { token } }',
      { d: { nam: 'x' } },
    ],
    ['a directive', '{ viewer @skp(if: true) { id } }'],
    ['a fragment', '{ ...Viewr } fragment Viewer on Query { __typename }'],
  ]
  const withEnum = {
    schema: 'extend type Query { grade(role: Role): String @public }',
    resolvers: { Query: { grade: () => null } },
  }
  const enumApp = await startApp(t, { production: true, requireHttps: 'off', plugin: withEnum })
  const enumDevelopment = await startApp(t, { plugin: withEnum })
  let suggested = 0
  for (const [name, query, variables] of rows) {
    const [hidden, open] = name.startsWith('an enum') ? [enumApp, enumDevelopment] : [production, development]
    for (const source of [query, `${query} query Other { __typename }`]) {
      if (source !== query && query.startsWith('{')) continue
      const answer = await hidden.graphql(source, variables)
      t.equal(answer.status, 400, name)
      t.notMatch(JSON.stringify(answer.body), /did you mean|"(viewer|username|first|name|ADMIN)"/i, name)
    }
    if (/Did you mean/.test(JSON.stringify((await open.graphql(query, variables)).body))) suggested++
  }
  t.ok(suggested >= 7, 'in development they do')
})

t.test('in production the schema cannot be read, by whatever way', async (t) => {
  const { app, graphql } = await startApp(t, { production: true, requireHttps: 'off' })
  for (const query of [
    '{ __schema { types { name } } }',
    '{ __type(name: "User") { fields { name } } }',
    '{ a: __schema { types { name } } }',
    '{ a: __type(name: "User") { name } }',
    '{ ...F } fragment F on Query { __schema { types { name } } }',
    '{ ... on Query { __type(name: "User") { name } } }',
    '{ ... { __schema { queryType { name } } } }',
    '{ __typename __schema @include(if: false) { queryType { name } } }',
    'query A { __typename } query B { __schema { queryType { name } } }',
    'query B { __schema { queryType { name } } } query A { __typename }',
    'fragment F on Query { __schema { queryType { name } } } query A { __typename ...F }',
  ]) {
    for (let time = 0; time < 8; time++) {
      const search = query.includes('query B') ? { operationName: 'B' } : {}
      const answer = await ask(query, search)
      t.equal(answer.status, 400, query)
      t.match(answer.body.errors, [{ extensions: { code: 'GRAPHQL_VALIDATION_FAILED' } }], query)
      t.notMatch(JSON.stringify(answer.body), 'username', query)
    }
  }
  for (const query of [
    '{ __typename }',
    '{ ...F } fragment F on Query { a: __typename }',
    '{ serverInfo { __typename } }',
  ]) {
    t.equal((await graphql(query)).status, 200, query)
  }

  async function ask(query: string, { operationName }: { operationName?: string }): Promise<Answer> {
    const response = await app.inject({
      method: 'POST',
      url: '/graphql',
      headers: { 'content-type': 'application/json', accept: 'application/graphql-response+json' },
      payload: { query, operationName },
    })
    return { status: response.statusCode, headers: response.headers, body: response.json() }
  }
})

t.test('each name of a document runs its own operation, compiled or not', async (t) => {
  const { app, createUser, signIn } = await startApp(t, { queryJit: 2 })
  const user = await createUser()
  const token = await signIn(user)
  const query = `
    query Who { viewer { ...Name } }
    query Server { serverInfo { name } }
    query Count($first: Int!) { viewer { tokens(first: $first) { totalCount } } }
    query Both { viewer { ...Name } serverInfo { name } }
    mutation Rename { updateViewer { user { ...Name } } }
    fragment Name on User { username }
  `
  const who = { viewer: { username: user.username } }
  const server = { serverInfo: { name: 'latchkey' } }
  const expected: [string, object][] = [
    ['Who', who],
    ['Server', server],
    ['Count', { viewer: { tokens: { totalCount: 1 } } }],
    ['Both', { ...who, ...server }],
    ['Rename', { updateViewer: { user: { username: user.username } } }],
  ]
  for (let round = 0; round < 10; round++) {
    for (const [operationName, data] of expected) {
      const response = await app.inject({
        method: 'POST',
        url: '/graphql',
        headers: { 'content-type': 'application/json', authorization: `Token ${token}` },
        payload: { query, operationName, variables: { first: 1 } },
      })
      t.strictSame(response.json(), { data }, `${operationName}, time ${round + 1}`)
    }
    for (const operationName of ['None', 'constructor', '__proto__', 'Name', undefined]) {
      const response = await app.inject({
        method: 'POST',
        url: '/graphql',
        headers: { 'content-type': 'application/json' },
        payload: { query, operationName },
      })
      t.match(response.json(), { errors: [{ extensions: { code: 'OPERATION_RESOLUTION_FAILURE' } }] })
    }
  }
})

t.test('the same document refuses and answers by who asks, compiled or not', async (t) => {
  const { graphql, createUser, signIn } = await startApp(t, { queryJit: 2 })
  const [ada, bob] = [await createUser(), await createUser()]
  const tokens = [await signIn(ada), await signIn(bob), undefined, 'lk_bad'] as const
  for (let round = 0; round < 6; round++) {
    for (const [index, token] of tokens.entries()) {
      const { status, body } = await graphql(
        '{ viewer { username email } }',
        null,
        token === undefined ? {} : { token },
      )
      const user = [ada, bob][index]
      t.strictSame(
        [status, body.data],
        user === undefined
          ? [401, { viewer: null }]
          : [200, { viewer: { username: user.username, email: null } }],
      )
    }
  }
})

t.test('one field too many times is too complex, in words of its own', async (t) => {
  const { createUser, graphql, signIn } = await startApp(t)
  const token = await signIn(await createUser())
  const { status, body } = await graphql(`{ viewer { ${'username '.repeat(980)} } }`, null, { token })
  t.equal(status, 400)
  t.match(body, { errors: [{ extensions: { code: 'QUERY_TOO_COMPLEX', reason: 'FIELDS' } }] })
})
