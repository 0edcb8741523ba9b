import SqliteDatabase from 'better-sqlite3'
import type { InjectOptions } from 'fastify'
import t from 'tap'
import { badInput, LatchkeyError, rateLimited } from '../../src/errors.ts'
import { findRefusal, type ResponseBody, statusOf } from '../../src/http/status.ts'
import { graphqlJson, startApp } from '../support/app.ts'

/** Fields that answer, and fields that refuse in each way there is. */
const fields = {
  schema: `
    extend type Query {
      open: String @public
      none: String @public
      away: String @public
      broken: String @public
      busy: String @public
      conflict: String @public
      coded: String @public
      input: String @public
      missing: String @public
      own: String @public
      required: String! @public
      nested: Nested @public
      admin: String @auth(role: ADMIN)
    }
    type Nested { value: String! other: String! @auth }
    extend type Mutation { admit: String! @auth(role: ADMIN) }
  `,
  resolvers: {
    Query: {
      open: () => 'open',
      none: () => null,
      away: refuse(new LatchkeyError('SERVICE_UNAVAILABLE', 'Away.', { reason: 'MAIL', retryAfter: 7 })),
      broken: refuse(new Error('SELECT * FROM secrets')),
      busy: refuse(rateLimited('BUSY', 1_500, 'Busy.')),
      conflict: refuse(new LatchkeyError('CONFLICT', 'Taken.')),
      coded: refuse(Object.assign(new Error('Mine.'), { extensions: { code: 'TEAPOT', brew: 'tea' } })),
      input: refuse(badInput('name', 'SHORT', 'Too short.')),
      missing: refuse(new LatchkeyError('NOT_FOUND', 'Not there.')),
      own: refuse(Object.assign(new Error('Mine.'), { extensions: 'none' })),
      required: refuse(new LatchkeyError('FORBIDDEN', 'No.', { reason: 'DISABLED' })),
      nested: () => ({ value: 'value' }),
    },
    Mutation: { admit: () => 'admitted' },
  },
}

function refuse(error: Error): () => never {
  return () => {
    throw error
  }
}

type Row = [name: string, query: string, status: number, codes: string[]]

/** What ran: the status under `application/graphql-response+json`; under `application/json` it is 200. */
const executed: Row[] = [
  ['an answer', '{ open }', 200, []],
  ['an answer of nothing', '{ none }', 200, []],
  ['no field at all', '{ open @skip(if: true) }', 200, []],
  ['all refused, nobody signed in', '{ viewer { id } }', 401, ['UNAUTHENTICATED']],
  ['all of several refused alike', '{ viewer { id } admin }', 401, ['UNAUTHENTICATED', 'UNAUTHENTICATED']],
  ['a refused mutation', 'mutation { revokeToken { revoked } }', 401, ['UNAUTHENTICATED']],
  ['a refused mutation that erases the data', 'mutation { admit }', 401, ['UNAUTHENTICATED']],
  [
    'a wrong password',
    'mutation { tokenAuth(username: "a", password: "b") { token } }',
    401,
    ['UNAUTHENTICATED'],
  ],
  ['a part refused', '{ viewer { id } open }', 200, ['UNAUTHENTICATED']],
  ['a part refused beside an answer of nothing', '{ viewer { id } none }', 200, ['UNAUTHENTICATED']],
  ['a required field refused', '{ required open }', 403, ['FORBIDDEN']],
  ['a field below refused', '{ nested { value other } }', 401, ['UNAUTHENTICATED']],
  ['a field below refused beside an answer', '{ open nested { other } }', 200, ['UNAUTHENTICATED']],
  ['mixed classes', '{ viewer { id } busy }', 200, ['UNAUTHENTICATED', 'RATE_LIMITED']],
  ['too many', '{ busy }', 429, ['RATE_LIMITED']],
  ['a part away', '{ away }', 503, ['SERVICE_UNAVAILABLE']],
  ['a fault of ours', '{ broken }', 500, ['INTERNAL_SERVER_ERROR']],
  ['a fault of ours beside an answer', '{ broken open }', 200, ['INTERNAL_SERVER_ERROR']],
  ['not found', '{ missing }', 200, ['NOT_FOUND']],
  ['an argument that cannot be accepted', '{ input }', 200, ['BAD_USER_INPUT']],
  ['a conflict', '{ conflict }', 200, ['CONFLICT']],
  ["an application's own code", '{ coded }', 200, ['TEAPOT']],
  ['an error with odd extensions', '{ own }', 500, ['INTERNAL_SERVER_ERROR']],
]

/** What could not run: 400, or 200 under `application/json`. */
const refused: Row[] = [
  ['no GraphQL', '{ viewer', 400, ['GRAPHQL_PARSE_FAILED']],
  ['an empty document', '', 400, ['GRAPHQL_PARSE_FAILED']],
  ['a comment alone', '# nothing', 400, ['GRAPHQL_PARSE_FAILED']],
  ['an unknown field', '{ nothing }', 400, ['GRAPHQL_VALIDATION_FAILED']],
  [
    'two unknown fields',
    '{ nothing noone }',
    400,
    ['GRAPHQL_VALIDATION_FAILED', 'GRAPHQL_VALIDATION_FAILED'],
  ],
  [
    'a missing variable',
    'query ($n: Int!) { viewer { tokens(first: $n) { totalCount } } }',
    400,
    ['GRAPHQL_VALIDATION_FAILED'],
  ],
  ['no operation', 'fragment F on Query { open }', 400, ['OPERATION_RESOLUTION_FAILURE']],
  [
    'several operations and no name',
    'query A { open } query B { open }',
    400,
    ['OPERATION_RESOLUTION_FAILURE'],
  ],
  ['two operations without a name', '{ open } { none }', 400, ['OPERATION_RESOLUTION_FAILURE']],
  ['a subscription', 'subscription { open }', 400, ['OPERATION_RESOLUTION_FAILURE']],
  ['too deep', `{ a ${'{ a '.repeat(10)}${'}'.repeat(10)} }`, 400, ['QUERY_TOO_COMPLEX']],
]

t.test('an operation that ran has data and the status of its class', async (t) => {
  const app = await startApp(t, { plugin: fields })
  for (const [name, query, status, codes] of executed) {
    for (const [accept, expected] of [
      [graphqlJson, status],
      ['application/json', 200],
    ] as const) {
      const answer = await app.graphql(query, null, { accept })
      t.strictSame([answer.status, codesOf(answer)], [expected, codes], `${name}, as ${accept}`)
      t.hasOwnProp(answer.body, 'data', name)
      t.equal('errors' in answer.body, codes.length > 0, 'errors are there only when there are some')
      t.equal(answer.headers['content-type'], `${accept}; charset=utf-8`)
      checkConstantHeaders(t, answer)
    }
  }
})

t.test('an operation that could not run has no data, and is the client’s fault', async (t) => {
  const app = await startApp(t, { plugin: fields })
  for (const [name, query, status, codes] of refused) {
    for (const [accept, expected] of [
      [graphqlJson, status],
      ['application/json', 200],
    ] as const) {
      const answer = await app.graphql(query, null, { accept })
      t.strictSame([answer.status, codesOf(answer)], [expected, codes], `${name}, as ${accept}`)
      t.strictSame(Object.keys(answer.body), ['errors'], name)
      checkConstantHeaders(t, answer)
    }
  }
})

t.test('with a token, what the role refuses is 403, and nothing challenges', async (t) => {
  const { graphql, createUser, signIn } = await startApp(t, { plugin: fields })
  const token = await signIn(await createUser())
  const rows: [string, number, number][] = [
    ['{ admin }', 403, 1],
    ['mutation { admit }', 403, 1],
    ['{ admin required }', 403, 2],
    ['{ admin open }', 200, 1],
    ['{ admin busy }', 200, 2],
    ['{ viewer { id } }', 200, 0],
  ]
  for (const [query, status, errors] of rows) {
    const answer = await graphql(query, null, { token })
    t.strictSame([answer.status, codesOf(answer).length], [status, errors], query)
    t.notOk(answer.headers['www-authenticate'])
  }
})

t.test('what was refused as UNAUTHENTICATED challenges on any status', async (t) => {
  const { graphql } = await startApp(t, { plugin: fields })
  const bare = 'Token realm="latchkey"'
  const invalid = `${bare}, error="invalid_token"`
  const rows: [string, string | undefined, string | undefined][] = [
    ['{ viewer { id } }', undefined, bare],
    ['{ viewer { id } open }', undefined, bare],
    ['{ viewer { id } }', 'x', invalid],
    ['{ viewer { id } open }', 'x', invalid],
    ['mutation { tokenAuth(username: "a", password: "b") { token } }', 'x', bare],
    ['{ open }', 'x', undefined],
    ['{ nothing }', 'x', undefined],
    ['{ required }', undefined, undefined],
  ]
  for (const [query, token, challenge] of rows) {
    for (const accept of [graphqlJson, 'application/json']) {
      const answer = await graphql(query, null, { accept, ...(token === undefined ? {} : { token }) })
      t.equal(answer.headers['www-authenticate'], challenge, `${query} with ${token}, as ${accept}`)
    }
  }
})

t.test('what is worth trying again says when, under both media types', async (t) => {
  const { graphql } = await startApp(t, { plugin: fields })
  for (const accept of [graphqlJson, 'application/json']) {
    const busy = await graphql('{ busy }', null, { accept })
    t.equal(busy.headers['retry-after'], '2')
    t.strictSame(busy.body.errors[0].extensions, { code: 'RATE_LIMITED', reason: 'BUSY', retryAfter: 2 })
    const away = await graphql('{ away open }', null, { accept })
    t.equal(away.headers['retry-after'], '7')
    t.strictSame(away.body.errors[0].extensions, {
      code: 'SERVICE_UNAVAILABLE',
      reason: 'MAIL',
      retryAfter: 7,
    })
    t.notOk((await graphql('{ missing }', null, { accept })).headers['retry-after'])
  }
})

t.test('a fault of ours is masked and carries the id under which it is logged', async (t) => {
  const { graphql } = await startApp(t, { plugin: fields })
  const { headers, body } = await graphql('{ broken }')
  t.strictSame(body, {
    data: { broken: null },
    errors: [
      {
        message: 'Internal server error.',
        locations: [{ line: 1, column: 3 }],
        path: ['broken'],
        extensions: { code: 'INTERNAL_SERVER_ERROR', requestId: headers['x-request-id'] },
      },
    ],
  })
})

t.test("an application's error that has a code keeps its words and its extensions", async (t) => {
  const { graphql } = await startApp(t, { plugin: fields })
  t.match((await graphql('{ coded }')).body.errors, [
    { message: 'Mine.', extensions: { code: 'TEAPOT', brew: 'tea' } },
  ])
})

t.test('without the database a token that could be one is 503, and the rest goes on', async (t) => {
  const file = `${t.testdir()}/latchkey.db`
  const { app, graphql, createUser, signIn } = await startApp(t, {
    databaseUrl: `sqlite:${file}`,
    plugin: fields,
  })
  const user = await createUser()
  const token = await signIn(user)
  const connection = new SqliteDatabase(file)
  connection.exec('drop table latchkey_tokens; drop table latchkey_users')
  connection.close()

  const away = {
    code: 'SERVICE_UNAVAILABLE',
    reason: 'DATABASE',
    retryAfter: 5,
  }
  for (const accept of [graphqlJson, 'application/json']) {
    const answer = await graphql('{ open }', null, { token, accept })
    t.equal(answer.status, 503)
    t.equal(answer.headers['retry-after'], '5')
    t.strictSame(answer.body, {
      errors: [{ message: 'The service cannot reach its database. Try again later.', extensions: away }],
    })
    checkConstantHeaders(t, answer)
  }
  const signedIn = await graphql(
    'mutation ($u: String!, $p: String!) { tokenAuth(username: $u, password: $p) { token } }',
    {
      u: user.username,
      p: user.password,
    },
  )
  t.match(signedIn, {
    status: 503,
    headers: { 'retry-after': '5' },
    body: { errors: [{ extensions: away }] },
  })

  t.match(await graphql('{ open }'), { status: 200, body: { data: { open: 'open' } } }, 'no token')
  t.match(
    await graphql('{ viewer { id } }', null, { token: `${token}0` }),
    { status: 401, body: { errors: [{ extensions: { reason: 'INVALID' } }] } },
    'a token that cannot be one',
  )
  t.equal((await app.inject('/healthz')).statusCode, 200)
  const ready = await app.inject('/readyz')
  t.equal(ready.statusCode, 503)
  t.strictSame(ready.json(), { status: 'unavailable' })
  checkConstantHeaders(t, { headers: ready.headers })
})

t.test('the answer comes in the media type that the client prefers of the two, or as 406', async (t) => {
  const { app } = await startApp(t)
  const json = 'application/json; charset=utf-8'
  const graphql = `${graphqlJson}; charset=utf-8`
  const rows: [accept: string | undefined, type: string | null][] = [
    [undefined, json],
    ['', json],
    ['*/*', json],
    ['application/*', json],
    ['application/json', json],
    ['application/json; charset=utf-8', json],
    ['application/json;charset=UTF-8', json],
    ['APPLICATION/JSON', json],
    [graphqlJson, graphql],
    [`${graphqlJson}; charset=utf-8`, graphql],
    [`${graphqlJson}, application/json`, graphql],
    [`${graphqlJson},application/json;q=0.9`, graphql],
    [`${graphqlJson};q=0.9, application/json`, json],
    [`application/json;q=0.5, ${graphqlJson};q=0.4`, json],
    [`application/json;q=0.4, ${graphqlJson};q=0.5`, graphql],
    [`application/json;q=0, ${graphqlJson}`, graphql],
    [`application/json;q=0, */*`, graphql],
    [`text/html, */*;q=0.1`, json],
    [`text/event-stream, ${graphqlJson};q=0.2`, graphql],
    [`${graphqlJson}; charset=utf-8, application/json; charset=utf-8`, graphql],
    ['text/html', null],
    ['text/*', null],
    ['application/xml, text/plain', null],
    ['application/json;q=0', null],
    ['*/*;q=0', null],
    [`${graphqlJson}; charset=latin1`, null],
    ['nonsense', null],
    ['application/json-seq', null],
  ]
  for (const [accept, type] of rows) {
    for (const method of ['POST', 'GET'] as const) {
      const response = await app.inject({
        method,
        url: method === 'GET' ? '/graphql?query={__typename}' : '/graphql',
        headers: {
          ...(accept === undefined ? {} : { accept }),
          ...(method === 'GET' ? {} : { 'content-type': 'application/json' }),
        },
        ...(method === 'GET' ? {} : { payload: '{"query":"{__typename}"}' }),
      })
      const name = `${method} with ${accept}`
      t.strictSame(
        [response.statusCode, response.headers['content-type']],
        type === null ? [406, json] : [200, type],
        name,
      )
      checkConstantHeaders(t, response)
      if (type !== null) continue
      const { errors, ...rest } = response.json()
      t.strictSame([errors[0].extensions.code, Object.keys(rest)], ['NOT_ACCEPTABLE', []], name)
    }
  }
})

t.test('each kind of answer has the constant headers', async (t) => {
  const { app } = await startApp(t, { corsOrigins: 'https://app.example.org', bodyLimit: '1KiB' })
  const json = { 'content-type': 'application/json' }
  const rows: [status: number, request: InjectOptions][] = [
    [200, { method: 'POST', url: '/graphql', headers: json, payload: '{"query":"{__typename}"}' }],
    [200, { url: '/graphql?query={__typename}' }],
    [400, { method: 'POST', url: '/graphql', headers: json, payload: 'no JSON' }],
    [405, { method: 'PUT', url: '/graphql' }],
    [406, { url: '/graphql?query={__typename}', headers: { accept: 'text/html' } }],
    [
      413,
      {
        method: 'POST',
        url: '/graphql',
        headers: json,
        payload: JSON.stringify({ query: ' '.repeat(2_000) }),
      },
    ],
    [415, { method: 'POST', url: '/graphql', headers: { 'content-type': 'text/plain' }, payload: '{}' }],
    [404, { url: '/nothing' }],
    [404, { method: 'POST', url: '/', headers: json, payload: '{}' }],
    [400, { url: '/%' }],
    [400, { url: '/graphql%zz' }],
    [200, { url: '/healthz' }],
    [200, { url: '/readyz' }],
    [
      204,
      {
        method: 'OPTIONS',
        url: '/graphql',
        headers: { origin: 'https://app.example.org', 'access-control-request-method': 'POST' },
      },
    ],
    [405, { method: 'OPTIONS', url: '/graphql' }],
  ]
  const ids = new Set<unknown>()
  for (const [status, request] of rows) {
    const response = await app.inject(request)
    t.equal(response.statusCode, status, JSON.stringify(request).slice(0, 80))
    checkConstantHeaders(t, response)
    ids.add(response.headers['x-request-id'])
  }
  t.equal(ids.size, rows.length, 'no two requests share an id')
  const named = await app.inject({
    url: '/healthz',
    headers: { 'x-request-id': 'mine', 'request-id': 'mine' },
  })
  t.not(named.headers['x-request-id'], 'mine')
})

function codesOf({ body }: { body: { errors?: { extensions: { code: string } }[] } }): string[] {
  return (body.errors ?? []).map((error) => error.extensions.code)
}

function checkConstantHeaders(
  t: { match: (found: object, pattern: object) => void },
  answer: { headers: object },
): void {
  t.match(answer.headers, {
    'cache-control': 'no-store',
    'x-content-type-options': 'nosniff',
    'referrer-policy': 'no-referrer',
    'cross-origin-resource-policy': 'same-origin',
    'x-request-id': /^[\w-]{8}-[0-9a-z]+$/,
  })
}

t.test('an error without a code is a 400 where nothing ran, and leaves 200 where something did', (t) => {
  const rows: [body: ResponseBody, status: number][] = [
    [{ data: null, errors: [] }, 200],
    [{ errors: [] }, 400],
    [{ data: null, errors: [{ message: 'no extensions' }] }, 200],
    [{ errors: [{ message: 'no extensions' }] }, 400],
    [{ data: null, errors: [{ message: '', extensions: { code: 'NOBODY_KNOWS' } }] }, 200],
    [{ data: null, errors: [{ message: '', extensions: { code: 'FORBIDDEN' } }] }, 403],
  ]
  for (const [body, status] of rows) t.equal(statusOf(body, graphqlJson), status, JSON.stringify(body))
  t.equal(findRefusal([]), null)
  t.strictSame(findRefusal([{ message: '' }]), { code: 'undefined', reason: null, retryAfter: null })
  t.end()
})
