import { once } from 'node:events'
import t from 'tap'
import { WebSocket } from 'ws'
import { jsonHeaders, rawPost, sendRaw } from '../http/raw.ts'
import { password, startApp } from '../support/app.ts'
import { secret } from '../support/log.ts'
import { openSocket } from '../support/socket.ts'

const viewer = '{ viewer { username } }'
const watch = 'subscription { viewerTokensChanged { tokens { nodes { name } } } }'

t.test('queries and mutations run over a socket, as the bearer of its token', async (t) => {
  const { url, createUser, signIn } = await startApp(t, { listen: true })
  const ada = await createUser()
  const token = await signIn(ada)
  const signedIn = { data: { viewer: { username: ada.username } } }
  for (const [how, headers, payload] of [
    ['in connection_init', {}, { authorization: `Token ${token}` }],
    ['with a capital letter', {}, { Authorization: `token ${token}` }],
    ['in the header', { authorization: `Token ${token}` }, undefined],
  ] as const) {
    const socket = await openSocket(t, url, { headers })
    t.match(
      await socket.init(payload),
      { type: 'connection_ack', payload: { expiresAt: /^2026-12-23/ } },
      how,
    )
    t.match(await socket.run(viewer), { type: 'next', payload: signedIn }, how)
  }
  const stranger = await openSocket(t, url)
  t.strictSame(await stranger.init(), { type: 'connection_ack', payload: {} })
  t.match(await stranger.run('{ serverInfo { name } }'), {
    payload: { data: { serverInfo: { name: 'latchkey' } } },
  })
  t.match(await stranger.run(viewer), {
    type: 'next',
    payload: {
      data: { viewer: null },
      errors: [{ extensions: { code: 'UNAUTHENTICATED', reason: 'MISSING' } }],
    },
  })
  const signIns = 'mutation ($u: String!, $p: String!) { tokenAuth(username: $u, password: $p) { token } }'
  const { payload } = await stranger.run(signIns, { u: ada.username, p: password })
  secret(payload.data.tokenAuth.token)
  stranger.send({ type: 'ping', payload: { authorization: `Token ${payload.data.tokenAuth.token}` } })
  t.match(await stranger.next(), { type: 'pong', payload: { expiresAt: String } })
  t.match(await stranger.run(viewer), { payload: signedIn }, 'after fresh credentials')
})

t.test('a ping without credentials is answered in kind, and may say null', async (t) => {
  const { url } = await startApp(t, { listen: true })
  const socket = await openSocket(t, url)
  await socket.init()
  for (const payload of [undefined, { a: 1 }]) {
    socket.send({ type: 'ping', payload })
    t.strictSame(await socket.next(), { type: 'pong', ...(payload ? { payload } : {}) })
  }
  socket.send({ type: 'ping', payload: null })
  t.match(await socket.next(), { type: 'pong' })
})

t.test('an upgrade to anything else is left alone, and the request answered', async (t) => {
  const { url } = await startApp(t, { listen: true })
  const body = JSON.stringify({ query: '{ serverInfo { name } }' })
  const headers = [
    'Connection: Upgrade, HTTP2-Settings',
    'Upgrade: h2c',
    'HTTP2-Settings: AAMAAABkAAQAoAAAAAIAAAAA',
  ]
  const { status, text } = await sendRaw(url, ...rawPost([...headers, ...jsonHeaders(body)], body))
  t.equal(status, 200)
  t.match(text, '"name":"latchkey"')
})

t.test('what is wrong with an operation is said as over HTTP', async (t) => {
  const { url, graphql } = await startApp(t, { listen: true, queryDepth: 5 })
  const overHttp = await graphql(watch)
  t.match(overHttp, {
    status: 400,
    body: { errors: [{ message: 'Subscriptions do not run over HTTP requests.' }] },
  })
  const socket = await openSocket(t, url)
  await socket.init()
  const tokenAuth = 'tokenAuth(username: "a", password: "b") { token }'
  for (const [query, code] of [
    ['{', 'GRAPHQL_PARSE_FAILED'],
    ['{ nothing }', 'GRAPHQL_VALIDATION_FAILED'],
    ['subscription { nothing }', 'GRAPHQL_VALIDATION_FAILED'],
    [
      '{ viewer { tokens { nodes { device { name } } edges { node { device { id } } } } } }',
      'QUERY_TOO_COMPLEX',
    ],
    [`mutation { a: ${tokenAuth} b: ${tokenAuth} }`, 'QUERY_TOO_COMPLEX'],
    ['query ($a: Int!) { serverInfo { name } }', 'GRAPHQL_VALIDATION_FAILED'],
    ['{ a: __typename } fragment f on Nothing { a }', 'GRAPHQL_VALIDATION_FAILED'],
    [watch, 'UNAUTHENTICATED'],
  ] as const) {
    t.match(await socket.run(query), { type: 'error', payload: [{ extensions: { code } }] }, query)
  }
  socket.send({ type: 'subscribe', id: 'x', payload: { query: '{ __typename }', variables: [] } })
  t.match(await socket.next(), { type: '4400 Invalid message received' })
})

t.test('each way to break the protocol or to be refused has its close code', async (t) => {
  const { url, createUser, signIn, clock } = await startApp(t, {
    listen: true,
    tokenTtl: '1h',
    tokenIdleTtl: 'off',
  })
  const ada = await createUser()
  const expired = await signIn(ada)
  clock.now += 1_800_000
  const late = await signIn(ada)
  clock.now += 1_800_000
  const init = (authorization: string) => ({ type: 'connection_init', payload: { authorization } })
  const query = { type: 'subscribe', id: '1', payload: { query: watch } }
  const cases: [string, (object | string)[]][] = [
    ['4400 Invalid message received', ['{']],
    ['4400 Invalid message received', [{ type: 'nonsense' }]],
    ['4400 Invalid message received', ['{"type":"connection_init","payload":{"__proto__":{}}}']],
    [
      '4400 Invalid message received',
      ['{"type":"connection_init","payload":{"constructor":{"prototype":1}}}'],
    ],
    ['4401 Unauthorized', [query]],
    ['4401 INVALID', [init(`Token ${late.slice(0, -1)}_`)]],
    ['4401 MALFORMED', [init('Token')]],
    ['4401 MISSING', [init('Basic abc')]],
    ['4401 MISSING', [{ type: 'connection_init', payload: { authorization: 7 } }]],
    ['4401 EXPIRED', [init(`Token ${expired}`)]],
    ['4401 INVALID', [{ type: 'connection_init', payload: { ticket: 'lks_x' } }]],
    ['4409 Subscriber for 1 already exists', [init(`Token ${late}`), query, query]],
    ['4429 Too many initialisation requests', [{ type: 'connection_init' }, { type: 'connection_init' }]],
  ]
  for (const [expected, messages] of cases) {
    const socket = await openSocket(t, url)
    for (const [index, message] of messages.entries()) {
      socket.send(message)
      if (index === 0 && messages.length > 1) await socket.next() // the acknowledgement
    }
    t.equal(await socket.closed, expected)
  }
  const twice = await openSocket(t, url)
  const long = { ...query, id: `-${'\u20ac'.repeat(100)}` }
  await twice.init({ authorization: `Token ${late}` })
  for (const message of [long, long]) twice.send(message)
  t.match(await twice.closed, /^4409 Subscriber for -\u20ac{35}$/, 'as much of a reason as there is room for')
  const headed = await openSocket(t, url, { headers: { authorization: 'Token a b' } })
  headed.send({ type: 'connection_init' })
  t.equal(await headed.closed, '4401 MALFORMED')
  const silent = await openSocket(t, url)
  t.equal(await silent.closed, '4408 Connection initialisation timeout')
  const binary = await openSocket(t, url)
  binary.webSocket.send(Buffer.from('{"type":"connection_init"}'))
  t.equal(await binary.closed, '4400 Invalid message')
  const old = await openSocket(t, url, { protocol: 'graphql-ws' }).catch((error) => error)
  t.match(String(old), /subprotocol/, 'the older protocol is not spoken')

  const fresh = await signIn(ada)
  const foreign = await signIn(await createUser())
  const changed = await openSocket(t, url)
  await changed.init({ authorization: `Token ${fresh}` })
  changed.send({ type: 'ping', payload: { authorization: `Token ${foreign}` } })
  t.equal(await changed.closed, '4403 ANOTHER_USER')
})

t.test('whatever ends a token closes its socket, and no other', async (t) => {
  const { app, url, createUser, signIn, clock, graphql } = await startApp(t, {
    listen: true,
    tokenIdleTtl: '10d',
  })
  const { auth } = app.latchkey
  const open = async (token: string) => {
    const socket = await openSocket(t, url)
    t.match(await socket.init({ authorization: `Token ${token}` }), { type: 'connection_ack' })
    return socket
  }
  const bystander = await open(await signIn(await createUser()))
  const ways: [string, (user: { id: string; username: string }, token: string) => unknown, string][] = [
    [
      'revokeToken',
      (_user, token) => graphql('mutation { revokeToken { revoked } }', null, { token }),
      '4401 REVOKED',
    ],
    [
      'a new password, from another device',
      async (user) => {
        const change =
          'mutation ($c: String!, $n: String!) { changePassword(currentPassword: $c, newPassword: $n) { __typename } }'
        const token = await signIn({ ...user, password })
        const { body } = await graphql(change, { c: password, n: `${password} anew` }, { token })
        t.match(body, { data: { changePassword: {} } })
      },
      '4401 REVOKED',
    ],
    ['an end by the operator', ({ id }) => auth.endTokens(id, {}), '4401 REVOKED'],
    ['a disabled account', ({ id }) => auth.setUserActive(id, false, {}), '4401 INACTIVE'],
    ['a deleted account', ({ id }) => auth.deleteUser(id, {}), '4401 INACTIVE'],
    [
      'a rotation, after its grace',
      async (_user, token) => {
        const { body } = await graphql('mutation { rotateToken { token } }', null, { token })
        secret(body.data.rotateToken.token)
        clock.now += 30_000
      },
      '4401 REVOKED',
    ],
  ]
  for (const [way, end, expected] of ways) {
    const user = await createUser()
    const token = await signIn(user)
    const [idle, busy] = [await open(token), await open(token)]
    busy.subscribe('1', watch)
    await end(user, token)
    t.equal(await idle.closed, expected, way)
    t.equal(await busy.closed, expected, way)
  }
  const dormant = await open(await signIn(await createUser()))
  clock.now += 10 * 86_400_000 - 60_000
  t.match(await bystander.run(viewer), { type: 'next' }, 'a message is a use')
  clock.now += 60_000
  t.equal(await dormant.closed, '4401 EXPIRED', 'an idle limit')
  t.match(await bystander.run(viewer), { type: 'next' })
  clock.now += 8 * 86_400_000
  t.match(await bystander.run(viewer), { type: 'next' })
  clock.now += 9 * 86_400_000
  t.match(await bystander.run(viewer), { type: 'next' })
  clock.now += 3 * 86_400_000
  t.equal(await bystander.closed, '4401 EXPIRED')
})

t.test('a subscription tells of changes, until it is completed', async (t) => {
  const { url, createUser, signIn, graphql } = await startApp(t, { listen: true })
  const ada = await createUser()
  const token = await signIn(ada)
  const socket = await openSocket(t, url)
  await socket.init({ authorization: `Token ${token}` })
  socket.subscribe('1', watch)
  await socket.run(viewer)
  await signIn(ada, { name: 'phone' })
  const seen = async (name: string) => {
    for (;;) {
      const message = await socket.next()
      if (JSON.stringify(message).includes(name)) return message
    }
  }
  t.match(await seen('phone'), { id: '1', type: 'next' })
  const create = 'mutation { createToken(name: "script", scopes: [TOKENS]) { tokenInfo { name } } }'
  t.match((await graphql(create, null, { token })).body, {
    data: { createToken: { tokenInfo: { name: 'script' } } },
  })
  t.match(await seen('script'), { id: '1', type: 'next' })
  socket.send({ type: 'complete', id: '1' })
  await signIn(ada, { name: 'tablet' })
  t.match(await socket.run(viewer), { id: 'run2' })
})

t.test('administrators are told of what happens, and users are not', async (t) => {
  const { app, url, createUser, signIn } = await startApp(t, { listen: true })
  const admin = await createUser({ role: 'ADMIN' })
  const socket = await openSocket(t, url)
  await socket.init({ authorization: `Token ${await signIn(admin)}` })
  const audit = 'subscription { auditEventAdded { event } }'
  socket.subscribe('1', audit)
  await socket.run(viewer)
  const user = await createUser()
  const other = await openSocket(t, url)
  await other.init({ authorization: `Token ${await signIn(user)}` })
  t.match(await other.run(audit), {
    type: 'error',
    payload: [{ extensions: { code: 'FORBIDDEN', reason: 'ROLE' } }],
  })
  await app.latchkey.auth.audit.flush()
  t.match(await socket.next(), {
    id: '1',
    type: 'next',
    payload: { data: { auditEventAdded: { event: String } } },
  })
  await app.latchkey.auth.setUserRole(admin.id, 'USER', {})
  for (;;) {
    const message = await socket.next()
    if (message.type === 'next') continue
    t.match(message, { id: '1', type: 'error', payload: [{ extensions: { code: 'FORBIDDEN' } }] })
    break
  }
})

t.test('pages of other origins open no socket', async (t) => {
  const settings = { corsOrigins: 'https://app.example.org,https://b.example' }
  const { url } = await startApp(t, { listen: true, ...settings })
  for (const [origin, status] of [
    ['https://app.example.org', 101],
    ['https://b.example', 101],
    [url, 101],
    ['https://evil.example', 403],
    ['null', 403],
  ] as const) {
    const webSocket = new WebSocket(`${url.replace('http', 'ws')}/graphql`, 'graphql-transport-ws', {
      origin,
    })
    const opened = once(webSocket, 'open').then(() => 101)
    const refused = once(webSocket, 'unexpected-response').then(([, response]) => response.statusCode)
    opened.catch(() => {})
    refused.catch(() => {})
    t.equal(await Promise.race([opened, refused]), status, origin)
    webSocket.on('error', () => {})
    webSocket.terminate()
  }
})

t.test('an application that closes sends its clients elsewhere', async (t) => {
  const { app, url } = await startApp(t, { listen: true })
  const socket = await openSocket(t, url)
  await socket.init()
  await app.close()
  t.match(await socket.closed, /^1001 GOING_AWAY retryAfter=[1-5]$/)
})

t.test('a token that was rotated too long ago ends its family over a socket as over HTTP', async (t) => {
  const { app, url, createUser, signIn, clock, graphql } = await startApp(t, { listen: true })
  const ada = await createUser()
  const old = await signIn(ada)
  const { body } = await graphql('mutation { rotateToken { token } }', null, { token: old })
  const token = secret(body.data.rotateToken.token)
  const owner = await openSocket(t, url)
  t.match(await owner.init({ authorization: `Token ${token}` }), { type: 'connection_ack' })
  clock.now += 30_000
  const thief = await openSocket(t, url)
  t.match(await thief.init({ authorization: `Token ${old}` }), { type: '4401 REVOKED' })
  t.equal(await owner.closed, '4401 REVOKED')
  await app.latchkey.auth.audit.flush()
  const { items } = await app.latchkey.auth.listAuditEvents({ userId: ada.id }, 10, null)
  t.ok(items.some(({ node }) => node.event === 'authn_token_reuse'))
})

t.test('what one user is told reaches no other', async (t) => {
  const { url, createUser, signIn } = await startApp(t, { listen: true })
  const users = [await createUser(), await createUser()]
  const sockets = []
  for (const user of users) {
    const socket = await openSocket(t, url)
    await socket.init({ authorization: `Token ${await signIn(user)}` })
    socket.subscribe('1', 'subscription { viewerTokensChanged { username } }')
    await socket.run(viewer)
    sockets.push(socket)
  }
  for (const user of users) await signIn(user, { name: 'another' })
  for (const [index, socket] of sockets.entries()) {
    const told = new Set([(await socket.next()).payload.data.viewerTokensChanged.username])
    socket.subscribe('2', viewer)
    for (let message = await socket.next(); message.id !== '2'; message = await socket.next())
      told.add(message.payload.data.viewerTokensChanged.username)
    t.strictSame([...told], [users[index]?.username])
  }
})

t.test(
  'fresh credentials on a live connection take the place of those before, and subscriptions go on',
  async (t) => {
    const { url, createUser, signIn, clock, graphql } = await startApp(t, { listen: true })
    const ada = await createUser()
    const token = await signIn(ada)
    const [socket, left] = [await openSocket(t, url), await openSocket(t, url)]
    for (const each of [socket, left]) await each.init({ authorization: `Token ${token}` })
    socket.subscribe('1', 'subscription { viewerTokensChanged { username } }')
    t.match(await socket.run(viewer), { type: 'next' })
    const { body } = await graphql('mutation { rotateToken { token } }', null, { token })
    const next = secret(body.data.rotateToken.token)
    socket.send({ type: 'ping', payload: { authorization: `Token ${next}` } })
    for (let message = await socket.next(); message.type !== 'pong'; message = await socket.next())
      t.match(message, { id: '1', type: 'next' })
    clock.now += 30_000
    t.equal(await left.closed, '4401 REVOKED', 'the one that was not told')
    await signIn(ada)
    t.match(await socket.next(), { id: '1', type: 'next' })
    socket.send({ type: 'ping', payload: { authorization: `Token ${token.slice(0, -1)}_` } })
    t.equal(await socket.closed, '4401 INVALID', 'wrong ones end it')
  },
)
