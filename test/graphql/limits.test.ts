import { gql, InMemoryCache } from '@apollo/client'
import { getIntrospectionQuery, print } from 'graphql'
import t from 'tap'
import type { SettingsInput } from '../../src/config.ts'
import { send } from '../fuzz/fuzz.ts'
import { startApp } from '../support/app.ts'

type Row = [name: string, settings: SettingsInput, allowed: string, refused: string]

const times = (count: number, text: (index: number) => string): string =>
  Array.from({ length: count }, (_, index) => text(index)).join(' ')
const fields = (count: number): string => times(count, () => '__typename')
const aliases = (count: number): string => times(count, (index) => `a${index}: __typename`)
const included = (count: number): string => times(count, () => '__typename @include(if: true)')
const nested = (levels: number): string =>
  `{ viewer ${'{ friend '.repeat(levels - 2)}{ id }${'}'.repeat(levels - 2)} }`
const typeChain = (levels: number): string =>
  `{ __type(name: "User") { ${'ofType { '.repeat(levels - 2)}name${' }'.repeat(levels - 2)} } }`
const schemaChain = (levels: number): string =>
  `{ __schema { queryType { ${'ofType { '.repeat(levels - 3)}name${' }'.repeat(levels - 3)} } } }`

const tokensOf = (first: number | null): string =>
  `{ viewer { tokens${first === null ? '' : `(first: ${first})`} { totalCount } } }`
const friendsOf = (pages: string): string => `{ viewer { friends(${pages}) { id } } }`

/** Exactly as much as a setting allows, and one more. */
const boundaries: Record<string, Row[]> = {
  TOKENS: [
    ['words and braces', { queryTokens: 50, queryRootFields: 100 }, `{ ${fields(48)} }`, `{ ${fields(49)} }`],
    [
      'comments and commas are none',
      { queryTokens: 50, queryRootFields: 100 },
      `# a comment of many words\n{ ${fields(48).replaceAll(' ', ',')} }`,
      `{ ${fields(49).replaceAll(' ', ',')} }`,
    ],
    [
      'of all operations together',
      { queryTokens: 50, queryRootFields: 100 },
      `query A { ${fields(24)} } query B { ${fields(18)} }`,
      `query A { ${fields(24)} } query B { ${fields(19)} }`,
    ],
    [
      'the default',
      {},
      `{ echo(list: [${times(991, () => '"x"')}]) }`,
      `{ echo(list: [${times(992, () => '"x"')}]) }`,
    ],
  ],
  DEPTH: [
    ['fields', { queryDepth: 3 }, nested(3), nested(4)],
    ['the least', { queryDepth: 1 }, '{ __typename }', '{ viewer { id } }'],
    [
      'through fragments',
      { queryDepth: 3 },
      '{ ...A } fragment A on Query { viewer { ...B } } fragment B on User { friend { id } }',
      '{ ...A } fragment A on Query { viewer { ...B } } fragment B on User { friend { ...C } } fragment C on User { friend { id } }',
    ],
    [
      'through inline fragments, which are no level of their own',
      { queryDepth: 2 },
      '{ ... on Query { ... { viewer { ... on User { id } } } } }',
      '{ ... on Query { ... { viewer { ... on User { friend { id } } } } } }',
    ],
    [
      'at the deepest of several places',
      { queryDepth: 3 },
      '{ __typename viewer { id friend { id } } }',
      '{ __typename viewer { id friend { id friend { id } } } }',
    ],
    ['the default', {}, nested(10), nested(11)],
    ['introspection has its own: 16', { queryDepth: 1 }, typeChain(16), typeChain(17)],
    ['introspection of the whole', { queryDepth: 1 }, schemaChain(16), schemaChain(17)],
    [
      'introspection in a fragment',
      { queryDepth: 1 },
      `{ ...A } fragment A on Query ${typeChain(16)}`,
      `{ ...A } fragment A on Query ${typeChain(17)}`,
    ],
    [
      'introspection does not hide a deep field',
      { queryDepth: 3 },
      `{ a: __schema { queryType { name } } ${nested(3).slice(1)}`,
      `{ a: __schema { queryType { name } } ${nested(4).slice(1)}`,
    ],
  ],
  ALIASES: [
    ['at the root', { queryAliases: 3 }, `{ ${aliases(3)} }`, `{ ${aliases(4)} }`],
    ['none at all', { queryAliases: 0 }, '{ __typename }', '{ a: __typename }'],
    ['below', { queryAliases: 2 }, '{ a: viewer { b: id } }', '{ a: viewer { b: id c: id } }'],
    [
      'as often as fragments bring them in',
      { queryAliases: 3 },
      '{ x: viewer { ...A } viewer { ...A } } fragment A on User { a: id }',
      '{ x: viewer { ...A } viewer { ...A ... { ...A } } } fragment A on User { a: id }',
    ],
    ['the default', {}, `{ ${aliases(15)} }`, `{ ${aliases(16)} }`],
  ],
  DIRECTIVES: [
    ['on fields', { queryDirectives: 3 }, `{ ${included(3)} }`, `{ ${included(4)} }`],
    ['none at all', { queryDirectives: 0 }, '{ __typename }', '{ __typename @include(if: true) }'],
    [
      'on fragments and their spreads',
      { queryDirectives: 2 },
      '{ ...A @skip(if: false) ... @include(if: true) { __typename } } fragment A on Query { __typename }',
      '{ ...A @skip(if: false) ... @include(if: true) { __typename } } fragment A on Query { __typename @skip(if: false) }',
    ],
    [
      'of all operations together',
      { queryDirectives: 2 },
      `query A { ${included(1)} } query B { ${included(1)} }`,
      `query A { ${included(1)} } query B { ${included(2)} }`,
    ],
    ['the default', { queryRootFields: 100 }, `{ ${included(50)} }`, `{ ${included(51)} }`],
  ],
  ROOT_FIELDS: [
    [
      'the schema is read once',
      {},
      '{ a: __schema { queryType { name } } __typename }',
      '{ a: __schema { queryType { name } } b: __schema { queryType { name } } }',
    ],
    [
      'the schema by way of fragments',
      {},
      '{ ...A } fragment A on Query { __schema { queryType { name } } }',
      '{ ...A ...B } fragment A on Query { a: __schema { queryType { name } } } fragment B on Query { b: __schema { queryType { name } } }',
    ],
    [
      'at the root alone',
      { queryRootFields: 2 },
      '{ __typename viewer { id username role } }',
      `{ ${fields(3)} }`,
    ],
    [
      'as often as fragments bring them in',
      { queryRootFields: 2 },
      '{ ...A ...A } fragment A on Query { __typename }',
      '{ ...A ...A ... { ...A } } fragment A on Query { __typename }',
    ],
    ['the default', {}, `{ ${fields(20)} }`, `{ ${fields(21)} }`],
  ],
  FIELDS: [
    [
      'on all levels',
      { queryFields: 4 },
      '{ viewer { id username role } }',
      '{ viewer { id username role createdAt } }',
    ],
    [
      'as often as fragments bring them in',
      { queryFields: 5 },
      '{ viewer { ...A ...A } } fragment A on User { id role }',
      '{ viewer { ...A ...A id } } fragment A on User { id role }',
    ],
    [
      'the default',
      {},
      `{ viewer { ${times(333, () => '...A')} } } fragment A on User { id username role }`,
      `{ viewer { ${times(333, () => '...A')} id } } fragment A on User { id username role }`,
    ],
  ],
  NODES: [
    ['of a list', { queryNodes: 10 }, tokensOf(10), tokensOf(11)],
    [
      'of lists beside each other',
      { queryNodes: 10 },
      '{ viewer { a: tokens(first: 4) { totalCount } b: tokens(first: 6) { totalCount } } }',
      '{ viewer { a: tokens(first: 4) { totalCount } b: tokens(first: 7) { totalCount } } }',
    ],
    [
      'by default of the argument',
      { queryNodes: 20 },
      tokensOf(null),
      '{ viewer { tokens { totalCount } a: tokens(first: 1) { totalCount } } }',
    ],
    [
      'of an application, in each row of the list around it',
      { queryNodes: 35 }, // 5 and 5 times 6
      '{ viewer { friends(first: 5) { friends(last: 6) { id } } } }',
      '{ viewer { friends(first: 5) { friends(last: 6) { id } tokens(first: 1) { totalCount } } } }',
    ],
    [
      'as often as fragments bring them in',
      { queryNodes: 20 }, // 4, and 4 times 4
      '{ viewer { ...A } } fragment A on User { friends(first: 4) { ...B } } fragment B on User { ... { ... on User { friends(first: 4) { id } } } }',
      '{ viewer { ...A } a: viewer { ...A } } fragment A on User { friends(first: 4) { ...B } } fragment B on User { friends(first: 4) { id } }',
    ],
    [
      'the larger of both ends',
      { queryNodes: 5 },
      friendsOf('first: 5, last: 2'),
      friendsOf('first: 5, last: 6'),
    ],
    ['none for what says none', { queryNodes: 1 }, friendsOf('last: -1000'), friendsOf('last: 2')],
    [
      'a number that no other is larger than',
      { queryNodes: 1 },
      friendsOf('first: 1'),
      friendsOf(`first: ${'9'.repeat(400)}`),
    ],
    [
      'the largest page where null stands for a number',
      { queryNodes: 100 },
      friendsOf('first: null'),
      friendsOf('first: null, last: 101'),
    ],
    [
      'the default',
      {}, // 40, and 40 times 49
      '{ viewer { friends(first: 40) { friends(first: 49) { id } } } }',
      '{ viewer { friends(first: 40) { friends(first: 50) { id } } } }',
    ],
  ],
}

const withFriends = {
  schema:
    'extend type User { friend: User friends(first: Int, last: Int): [User!] } extend type Query { echo(list: [String!]!): Int @public }',
  resolvers: { User: { friend: (user: object) => user, friends: (user: object) => [user] } },
}

for (const [reason, rows] of Object.entries(boundaries)) {
  t.test(`${reason}: exactly the limit is allowed, and one more is not`, async (t) => {
    for (const [name, settings, allowed, refused] of rows) {
      const { app, createUser, signIn } = await startApp(t, { ...settings, plugin: withFriends })
      const token = await signInAnyway(settings, { createUser, signIn })
      async function ask(query: string) {
        const response = await app.inject({
          method: 'POST',
          url: '/graphql',
          headers: {
            'content-type': 'application/json',
            accept: 'application/graphql-response+json',
            ...(token === null ? {} : { authorization: `Token ${token}` }),
          },
          payload: { query, ...(query.startsWith('query A') ? { operationName: 'A' } : {}) },
        })
        return response.json()
      }
      const answer = await ask(allowed)
      t.strictSame(
        (answer.errors ?? []).filter((error: Failed) => error.extensions.code !== 'UNAUTHENTICATED'),
        [],
        `${name}: allowed`,
      )
      t.match(
        await ask(refused),
        { data: undefined, errors: [{ extensions: { code: 'QUERY_TOO_COMPLEX', reason } }] },
        `${name}: refused`,
      )
    }
  })
}

interface Failed {
  extensions: { code: string }
}

/** A token, unless the limits of the row are too narrow for signing in. */
async function signInAnyway(
  settings: SettingsInput,
  { createUser, signIn }: Pick<Awaited<ReturnType<typeof startApp>>, 'createUser' | 'signIn'>,
): Promise<string | null> {
  const narrow = Number(settings.queryDepth ?? 2) < 2
  return narrow ? null : signIn(await createUser())
}

t.test('a refusal says which limit it is, and what is allowed', async (t) => {
  const { graphql } = await startApp(t, { queryAliases: 1 })
  t.strictSame((await graphql(`{ ${aliases(2)} }`)).body, {
    errors: [
      {
        message: 'The operation is too complex: at most 1 aliases are allowed.',
        extensions: { code: 'QUERY_TOO_COMPLEX', reason: 'ALIASES' },
      },
    ],
  })
})

t.test('only one operation of a document counts, apart from its tokens and directives', async (t) => {
  const { app } = await startApp(t, { queryAliases: 1, queryDepth: 2, queryFields: 3, queryRootFields: 2 })
  const query = `
    query Small { a: __typename }
    query Aliases { ${aliases(3)} }
    query Deep { viewer { tokens { nodes { id } } } }
    mutation Many { a: signUp(username: "a", password: "b") { id } b: signUp(username: "a", password: "b") { id } }
  `
  for (const [operationName, reason] of [
    ['Small', undefined],
    ['Aliases', 'ALIASES'],
    ['Deep', 'DEPTH'],
    ['Many', 'ALIASES'],
  ]) {
    const response = await app.inject({
      method: 'POST',
      url: '/graphql',
      headers: { 'content-type': 'application/json' },
      payload: { query, operationName },
    })
    t.equal(response.json().errors?.[0].extensions.reason, reason, String(operationName))
  }
})

t.test('a password is checked or set at most once in a request', async (t) => {
  const { graphql, createUser, signIn } = await startApp(t)
  const token = await signIn(await createUser())
  const one = {
    tokenAuth: 'tokenAuth(username: "a", password: "b") { token }',
    signUp: 'signUp(username: "a", password: "b") { id }',
    changePassword: 'changePassword(currentPassword: "a", newPassword: "b") { revokedTokens }',
  }
  for (const [first, text] of Object.entries(one)) {
    const alone = await graphql(`mutation { ${text} }`, null, { token })
    t.not(alone.status, 400, `${first} alone`)
    for (const [second, other] of Object.entries(one)) {
      t.match(
        (await graphql(`mutation { a: ${text} b: ${other} }`, null, { token })).body,
        { data: undefined, errors: [{ extensions: { reason: 'CREDENTIAL_FIELDS' } }] },
        `${first} and ${second}`,
      )
    }
  }
})

t.test('a field of a query that is called like one of them is none', async (t) => {
  const { graphql } = await startApp(t, {
    plugin: {
      schema: 'extend type Query { tokenAuth: String @public }',
      resolvers: { Query: { tokenAuth: () => 'a field' } },
    },
  })
  t.strictSame((await graphql('{ tokenAuth a: tokenAuth }')).body, {
    data: { tokenAuth: 'a field', a: 'a field' },
  })
})

t.test('the default limits have room for what tools and clients send', async (t) => {
  const { graphql, createUser, signIn } = await startApp(t)
  const token = await signIn(await createUser())
  for (const options of [
    {},
    { descriptions: false },
    {
      inputValueDeprecation: true,
      schemaDescription: true,
      specifiedByUrl: true,
      directiveIsRepeatable: true,
    },
    { inputValueDeprecation: true, schemaDescription: true, specifiedByUrl: true, oneOf: true },
  ]) {
    const { status, body } = await graphql(getIntrospectionQuery(options))
    t.equal(status, 200, JSON.stringify(options))
    t.equal(body.data.__schema.queryType.name, 'Query')
  }
  // Apollo adds __typename to each selection.
  const document = new InMemoryCache().transformDocument(gql`
    query Account($first: Int = 20, $after: String, $withServer: Boolean = true) {
      serverInfo @include(if: $withServer) { name version signUp tokenScheme tokenHeader passwordMinLength }
      viewer {
        ...Profile
        tokens(first: $first, after: $after) {
          totalCount
          pageInfo { ...Page }
          edges { cursor node { ...TokenRow device { ...DeviceRow } } }
        }
      }
    }
    fragment Profile on User { id username email role createdAt lastSignInAt }
    fragment Page on PageInfo { hasNextPage hasPreviousPage startCursor endCursor }
    fragment TokenRow on Token { id name createdAt lastUsedAt lastUsedAddress userAgent expiresAt current }
    fragment DeviceRow on Device { id name platform }
  `)
  const { status, body } = await graphql(print(document), {}, { token })
  t.equal(status, 200)
  t.match(body, {
    errors: undefined,
    data: { viewer: { __typename: 'User', tokens: { totalCount: 1, edges: [{ node: { current: true } }] } } },
  })
})

/** Values within values, the innermost being an empty object. */
function nestValues(open: string, close: string, levels: number): unknown {
  return JSON.parse(`${open.repeat(levels)}{}${close.repeat(levels)}`)
}

t.test('variables nest no deeper than can be read, compiled or not', async (t) => {
  const plugin = {
    schema:
      'input Where { not: Where, or: Where, and: [Where!] } scalar Any extend type Query { find(where: Where, any: Any): Int @public }',
    resolvers: { Query: { find: () => 1 } },
  }
  const { app } = await startApp(t, { queryJit: 1, plugin })
  const query = 'query ($where: Where, $any: Any) { find(where: $where, any: $any) }'
  const ask = (variables: object) => send(app, { payload: JSON.stringify({ query, variables }) })
  for (let turn = 0; turn < 3; turn++) {
    for (const [name, open, close] of [
      ['where', '{"not":', '}'],
      ['where', '{"and":', '}'],
      ['any', '[', ']'],
    ] as const) {
      t.match(await ask({ [name]: nestValues(open, close, 199) }), {
        status: 200,
        body: { data: { find: 1 } },
      })
      for (const levels of [200, 4_000]) {
        t.match((await ask({ [name]: nestValues(open, close, levels) })).body, {
          data: undefined,
          errors: [{ extensions: { code: 'QUERY_TOO_COMPLEX', reason: 'VARIABLES' } }],
        })
      }
    }
  }
})

t.test('what is wrong with a large object is said ten times at the most', async (t) => {
  const plugin = {
    schema: 'scalar Any extend type Query { keep(any: Any): Int @public }',
    resolvers: { Query: { keep: (_parent: unknown, { any }: { any: object }) => Object.keys(any).length } },
  }
  const { graphql } = await startApp(t, { plugin })
  const large = Object.fromEntries(Array.from({ length: 3_000 }, (_, index) => [`k${index}`, index]))
  const one = await graphql(
    'mutation ($d: DeviceInput, $e: Int) { tokenAuth(username: "a", password: "b", device: $d) { token } }',
    { d: large, e: 'x' },
  )
  t.equal(one.body.data, undefined)
  t.equal(one.body.errors.length, 10)
  const fits = await graphql('query ($any: Any) { keep(any: $any) }', { any: large })
  t.strictSame(fits.body, { data: { keep: 3_000 } }, 'a large object that is meant goes through')
})

t.test('variables count with their value, or as a page where there is none', async (t) => {
  const { graphql, createUser, signIn } = await startApp(t, { queryNodes: 150, plugin: withFriends })
  const token = await signIn(await createUser())
  const two = '{ viewer { friends(first: $n) { id } tokens(first: 50) { totalCount } } }'
  const rows: [variables: string, values: object | null, refused: boolean][] = [
    ['$n: Int', { n: 100 }, false],
    ['$n: Int', { n: 101 }, true],
    ['$n: Int', {}, false],
    ['$n: Int', null, false],
    ['$n: Int = 5', {}, false],
    ['$n: Int = 101', {}, true],
    ['$n: Int = 101', null, true],
    ['$n: Int = 101', { n: 1 }, false],
    ['$n: Int', { n: null }, false],
    ['$n: Int', { n: -1000 }, false],
  ]
  for (const [declared, values, refused] of rows) {
    for (const source of [
      `query (${declared}) ${two}`,
      `query (${declared}) { ...A } fragment A on Query ${two}`,
    ]) {
      const { body } = await graphql(source, values, { token })
      const name = `${source} ${JSON.stringify(values)}`
      if (refused) t.match(body, { data: undefined, errors: [{ extensions: { reason: 'NODES' } }] }, name)
      else t.match(body, { data: { viewer: { tokens: { totalCount: 1 } } }, errors: undefined }, name)
    }
  }
})

t.test('fragments without fields are read once, whatever they spread', async (t) => {
  const { graphql } = await startApp(t)
  const chain = times(60, (n) => `fragment F${n} on Query { ...F${n + 1} ...F${n + 1} ...Gone }`)
  const { body } = await graphql(`{ __typename ...F0 } ${chain} fragment F60 on Query { ...F0 }`)
  t.match(body.errors, [{ extensions: { code: 'GRAPHQL_VALIDATION_FAILED' } }])
})
