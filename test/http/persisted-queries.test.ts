import { createHash } from 'node:crypto'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { loadConfig, type SettingsInput } from '../../src/config.ts'
import { startApp } from '../support/app.ts'
import { startHost } from '../support/host.ts'
import { logLines, secret } from '../support/log.ts'
import { type Message, openSocket, type RawSocket } from '../support/socket.ts'

const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex')

const named = '{ serverInfo { name } }'
const hash = sha256(named)
const notFound = {
  status: 400,
  body: {
    errors: [{ message: 'PersistedQueryNotFound', extensions: { code: 'PERSISTED_QUERY_NOT_FOUND' } }],
  },
}
const answered = { status: 200, body: { data: { serverInfo: { name: 'latchkey' } } } }

async function start(t: Test, settings: SettingsInput & { listen?: boolean } = {}) {
  const app = await startApp(t, settings)
  async function send(body: object, headers: Record<string, string> = {}) {
    const response = await app.app.inject({
      method: 'POST',
      url: '/graphql',
      headers: {
        'content-type': 'application/json',
        accept: 'application/graphql-response+json',
        ...headers,
      },
      payload: JSON.stringify(body),
    })
    return { status: response.statusCode, headers: response.headers, body: response.json() }
  }
  return { ...app, send, by: (sha256Hash: string, more: object = {}) => send(reference(sha256Hash, more)) }
}

function reference(sha256Hash: unknown, more: object = {}): object {
  return { extensions: { persistedQuery: { version: 1, sha256Hash } }, ...more }
}

/** Runs one operation over a socket by whatever payload, and returns its first message. */
function runOver(socket: RawSocket): (payload: object) => Promise<Message> {
  let count = 0
  return async (payload) => {
    const id = `${++count}`
    socket.send({ type: 'subscribe', id, payload: { query: '', ...payload } })
    const message = await socket.next(id)
    if (message.type === 'next') await socket.next(id) // complete
    return message
  }
}

t.test('a document that came with its hash is known by it from then on', async (t) => {
  const { by, app } = await start(t)
  t.match(await by(hash), notFound)
  t.notOk('data' in (await by(hash)).body)
  t.match(await by(hash, { query: named }), answered)
  t.match(await by(hash), answered)
  t.match(await by(hash, { query: '' }), answered, 'an empty document is none')
  t.match(await by(hash, { query: null }), answered)
  const extensions = encodeURIComponent(JSON.stringify({ persistedQuery: { version: 1, sha256Hash: hash } }))
  t.match((await app.inject(`/graphql?extensions=${extensions}`)).json(), answered.body, 'by GET, too')
})

t.test('under application/json an unknown hash is answered 200, as GraphQL’s own refusals', async (t) => {
  const { send } = await start(t)
  const { status, body } = await send(reference(hash), { accept: 'application/json' })
  t.match({ status, body }, { ...notFound, status: 200 })
})

t.test('a hash that is not that of the document is refused, and nothing is kept', async (t) => {
  const { by } = await start(t)
  const other = '{ serverInfo { version } }'
  for (const wrong of [sha256(other), hash.toUpperCase(), `${hash}0`, hash.slice(1), '', 'x'.repeat(256)]) {
    const answer = await by(wrong, { query: named })
    t.match(answer, { status: 400, body: { errors: [{ extensions: { code: 'BAD_REQUEST' } }] } }, wrong)
    t.match(await by(wrong), notFound)
  }
})

t.test('what is no reference to a persisted query is refused', async (t) => {
  const { send } = await start(t)
  const rows: unknown[] = [
    ...['text', 1, [], {}, { version: 1 }, { version: 2, sha256Hash: hash }, { sha256Hash: hash }],
    ...[
      { version: '1', sha256Hash: hash },
      { version: 1, sha256Hash: 5 },
      { version: 1, sha256Hash: [hash] },
    ],
    { version: 1, sha256Hash: 'a'.repeat(257) },
  ]
  for (const persistedQuery of rows) {
    for (const query of [named, undefined]) {
      const answer = await send({ query, extensions: { persistedQuery } })
      t.match(answer, { status: 400, body: { errors: [{ extensions: { code: 'BAD_REQUEST' } }] } })
    }
  }
  t.match(await send({ query: named, extensions: { persistedQuery: null } }), answered)
  t.match(await send({ query: '' }), { body: { errors: [{ extensions: { code: 'GRAPHQL_PARSE_FAILED' } }] } })
  t.match(await send({ extensions: {} }), { body: { errors: [{ extensions: { code: 'BAD_REQUEST' } }] } })
})

t.test('what cannot run is not kept', async (t) => {
  const { by } = await start(t)
  for (const query of ['{', '{ a: __typename '.repeat(20), `{ ${'a '.repeat(2_000)}}`]) {
    t.not((await by(sha256(query), { query })).status, 200)
    t.match(await by(sha256(query)), notFound)
  }
})

t.test('so many are kept, and of so many characters: who was not asked for longest has to go', async (t) => {
  const { by } = await start(t, { persistedQueriesLimit: 2, persistedQueriesSize: '1KiB' })
  const documents = ['a', 'b', 'c'].map((alias) => `{ ${alias}: __typename }`)
  const [a = '', b = '', c = ''] = documents
  const known = async () => {
    const statuses = []
    for (const query of documents) statuses.push((await by(sha256(query))).status === 200)
    return statuses
  }
  for (const query of [a, b]) await by(sha256(query), { query })
  await by(sha256(a))
  await by(sha256(c), { query: c })
  t.strictSame(await known(), [true, false, true])
  const large = `{ ${' '.repeat(900)}__typename }`
  t.match(await by(sha256(large), { query: large }), { status: 200 })
  t.match(await by(sha256(large)), { status: 200 })
  t.strictSame(await known(), [false, false, false], 'it took the place of both')
  const tooLarge = `{ ${' '.repeat(1_100)}__typename }`
  t.match(await by(sha256(tooLarge), { query: tooLarge }), { status: 200 })
  t.match(await by(sha256(tooLarge)), notFound)
})

t.test('a document by its hash is held to what any other is', async (t) => {
  const { by, graphql, createUser, app } = await start(t, { introspection: 'off' })
  const user = await createUser()
  const rows: [query: string, code: string][] = [
    ['{ viewer { id } }', 'UNAUTHENTICATED'],
    ['{ __schema { types { name } } }', 'GRAPHQL_VALIDATION_FAILED'],
    ['{ serverInfo { nonsense } }', 'GRAPHQL_VALIDATION_FAILED'],
  ]
  for (const [query, code] of rows) {
    for (const more of [{ query }, {}]) {
      t.match((await by(sha256(query), more)).body, { errors: [{ extensions: { code } }] }, query)
    }
  }
  const twice = `mutation ($u: String!, $p: String!) { a: tokenAuth(username: $u, password: $p) { token } b: tokenAuth(username: $u, password: $p) { token } }`
  const refused = await by(sha256(twice), { query: twice, variables: { u: user.username, p: user.password } })
  t.match(refused.body, { errors: [{ extensions: { reason: 'CREDENTIAL_FIELDS' } }] })
  const signIn = 'mutation ($u: String!, $p: String!) { tokenAuth(username: $u, password: $p) { token } }'
  const variables = { u: user.username, p: user.password }
  await by(sha256(signIn), { query: signIn, variables })
  const { body } = await by(sha256(signIn), { variables })
  t.match(secret(body.data.tokenAuth.token), /^lk_/)
  const extensions = encodeURIComponent(
    JSON.stringify({ persistedQuery: { version: 1, sha256Hash: sha256(signIn) } }),
  )
  t.equal((await app.inject(`/graphql?extensions=${extensions}`)).statusCode, 405, 'a mutation needs POST')
  t.ok(graphql)
})

t.test('PERSISTED_QUERIES=off knows none, and says so', async (t) => {
  const { by } = await start(t, { persistedQueries: 'off' })
  t.match(await by(hash, { query: named }), answered)
  t.match(await by(hash), {
    status: 400,
    body: {
      errors: [
        { message: 'PersistedQueryNotSupported', extensions: { code: 'PERSISTED_QUERY_NOT_SUPPORTED' } },
      ],
    },
  })
})

const signIn = 'mutation SignIn($u: String!, $p: String!) { tokenAuth(username: $u, password: $p) { token } }'

/** The same operations in either form of a manifest. */
const manifests = {
  'apollo.json': JSON.stringify({
    format: 'apollo-persisted-query-manifest',
    version: 1,
    operations: [
      { id: hash, name: 'Server', type: 'query', body: named },
      { id: 'sign-in-1', name: 'SignIn', type: 'mutation', body: signIn },
    ],
  }),
  'codegen.json': JSON.stringify({ [hash]: named, 'sign-in-1': signIn }),
}

t.test('with PERSISTED_QUERIES=only nothing runs but the operations of the manifest', async (t) => {
  const folder = t.testdir(manifests)
  for (const file of Object.keys(manifests)) {
    const { by, send, app, createUser, graphql } = await start(t, {
      persistedQueries: 'only',
      persistedQueriesManifest: join(folder, file),
    })
    const user = await createUser()
    t.match(await by(hash), answered)
    t.match(await by(hash, { query: '{ viewer { id } }' }), answered, 'the hash decides')
    t.match(await send({ query: named }), answered, 'the very text of one')
    const { body } = await by('sign-in-1', { variables: { u: user.username, p: user.password } })
    t.match(secret(body.data.tokenAuth.token), /^lk_/)

    const unknown = [
      { query: '{ viewer { id } }' },
      { query: '{ __typename }' },
      { query: `${named} ` },
      { query: 'this is not GraphQL {' },
      { query: '' },
      reference(sha256('{ viewer { id } }')),
      reference(sha256('{ viewer { id } }'), { query: '{ viewer { id } }' }),
      reference('__proto__'),
      reference('constructor'),
    ]
    for (const request of unknown) {
      const answer = await send(request)
      t.match(answer, {
        status: 400,
        body: { errors: [{ extensions: { code: 'PERSISTED_QUERY_NOT_FOUND' } }] },
      })
      t.notMatch(JSON.stringify(answer.body), /Syntax|GRAPHQL/, 'it was not parsed')
    }
    t.match(await by(sha256('{ viewer { id } }')), { status: 400 }, 'nor was one of them kept')
    const byGet = await app.inject(`/graphql?query=${encodeURIComponent('{ viewer { id } }')}`)
    t.equal(byGet.json().errors[0].extensions.code, 'PERSISTED_QUERY_NOT_FOUND')
    t.equal((await graphql(named)).status, 200)
  }
})

t.test('a socket names documents by their hashes as a request does', async (t) => {
  const { url, by } = await start(t, { listen: true })
  const socket = await openSocket(t, url)
  await socket.init()
  const run = runOver(socket)
  t.match(await run(reference(hash)), { type: 'error', payload: notFound.body.errors })
  t.match(await run(reference(sha256('{ a }'), { query: named })), {
    type: 'error',
    payload: [{ extensions: { code: 'BAD_REQUEST' } }],
  })
  t.match(await run(reference(hash, { query: named })), { type: 'next', payload: answered.body })
  t.match(await run(reference(hash)), { type: 'next', payload: answered.body })
  t.match(await by(hash), answered, 'and a request knows it as well')

  const subscription = 'subscription { viewerTokensChanged { id } }'
  const refused = { type: 'error', payload: [{ extensions: { code: 'UNAUTHENTICATED' } }] }
  t.match(await run(reference(sha256(subscription), { query: subscription })), refused)
  t.match(await run(reference(sha256(subscription))), refused, 'a subscription, too')

  const off = await start(t, { listen: true, persistedQueries: 'off' })
  const plain = await openSocket(t, off.url)
  await plain.init()
  const notSupported = [{ message: 'PersistedQueryNotSupported' }]
  t.match(await runOver(plain)(reference(hash)), { type: 'error', payload: notSupported })
  plain.send({ type: 'subscribe', id: 'none', payload: reference(hash) })
  t.equal(await plain.closed, '4400 Invalid message received', 'graphql-transport-ws asks for a query')
})

t.test(
  'a socket runs what is in the manifest, and nothing else, where known operations alone run',
  async (t) => {
    const watch = 'subscription { viewerTokensChanged { username } }'
    const folder = t.testdir({ 'manifest.json': JSON.stringify({ [hash]: named, watch, 'sign-in': signIn }) })
    const { url, createUser, by } = await start(t, {
      listen: true,
      persistedQueries: 'only',
      persistedQueriesManifest: join(folder, 'manifest.json'),
    })
    t.match(await by('watch'), { status: 400, body: { errors: [{ message: /do not run over HTTP/ }] } })
    const { username, password } = await createUser()
    const variables = { u: username, p: password }
    const { body } = await by('sign-in', { variables })
    const socket = await openSocket(t, url)
    await socket.init({ authorization: `Token ${secret(body.data.tokenAuth.token)}` })
    socket.send({ type: 'subscribe', id: 'watch', payload: reference('watch', { query: '' }) })
    const run = runOver(socket)
    t.match(await run(reference(hash)), { type: 'next', payload: answered.body })
    t.match(await run({ query: named }), { type: 'next', payload: answered.body }, 'its very text')
    for (const unknown of [
      { query: '{ viewer { id } }' },
      { query: 'subscription { viewerTokensChanged { id } }' },
      reference(sha256('{ viewer { id } }'), { query: '{ viewer { id } }' }),
    ]) {
      const code = 'PERSISTED_QUERY_NOT_FOUND'
      t.match(await run(unknown), { type: 'error', payload: [{ extensions: { code } }] })
    }
    await by('sign-in', { variables })
    const data = { viewerTokensChanged: { username } }
    t.strictSame(await socket.next(), { id: 'watch', type: 'next', payload: { data } })
  },
)

t.test('a manifest may be there from the start where others are kept, too', async (t) => {
  const folder = t.testdir(manifests)
  const { by } = await start(t, {
    persistedQueriesManifest: join(folder, 'apollo.json'),
    persistedQueriesLimit: 1,
  })
  t.match(await by(hash), answered)
  t.match(await by(hash, { query: named }), answered)
  const other = '{ __typename }'
  await by(sha256(other), { query: other })
  t.match(await by(sha256(other)), { status: 200 })
  t.match(await by(hash), answered, 'it takes no place of those')
})

t.test('what of a manifest cannot run is said at the start', async (t) => {
  const folder = t.testdir({ 'broken.json': JSON.stringify({ typo: '{ serverInfo { nam } ', fine: named }) })
  await start(t, { persistedQueries: 'only', persistedQueriesManifest: join(folder, 'broken.json') })
  const line = logLines().find((line) => line.includes('an operation of the manifest cannot run'))
  t.match(JSON.parse(line ?? '{}'), { level: 40, id: 'typo', errors: [{ message: /Syntax error/ }] })
})

t.test('a file that is no manifest is refused at the start', async (t) => {
  const folder = t.testdir({
    'text.json': 'query { viewer { id } }',
    'list.json': '[]',
    'null.json': 'null',
    'numbers.json': '{"a":1}',
    'format.json': '{"format":"another","operations":[]}',
    'no-operations.json': '{"format":"apollo-persisted-query-manifest"}',
    'no-body.json': '{"format":"apollo-persisted-query-manifest","operations":[{"id":"a"}]}',
    'no-object.json': '{"format":"apollo-persisted-query-manifest","operations":[null]}',
  })
  const rows: [file: string, message: RegExp][] = [
    ['nowhere.json', /nowhere\.json cannot be read \(ENOENT\)\./],
    ['text.json', /text\.json is no JSON\./],
    ...['list', 'null', 'numbers', 'format', 'no-operations', 'no-body', 'no-object'].map(
      (name) =>
        [`${name}.json`, new RegExp(`${name}\\.json is no manifest of persisted queries`)] as [
          string,
          RegExp,
        ],
    ),
  ]
  for (const [file, message] of rows) {
    const options = { persistedQueries: 'only', persistedQueriesManifest: join(folder, file) } as const
    await t.rejects(startHost(t, options), { message }, file)
  }
  t.throws(() => loadConfig({ PERSISTED_QUERIES: 'only' }), {
    message: /PERSISTED_QUERIES_MANIFEST must name/,
  })
  t.throws(() => loadConfig({ PERSISTED_QUERIES: 'off', PERSISTED_QUERIES_MANIFEST: 'a.json' }), {
    message: /PERSISTED_QUERIES must be on or only/,
  })
})
