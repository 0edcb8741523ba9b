import t from 'tap'
import { password, startApp } from '../support/app.ts'
import { isOnPostgres } from '../support/database.ts'
import { logLines } from '../support/log.ts'
import { openSocket, type RawSocket } from '../support/socket.ts'

const watch = 'subscription { viewerTokensChanged { tokens { nodes { name } } } }'

t.test('limits hold for sockets, operations and messages', async (t) => {
  const settings = { socketLimitUser: 2, socketLimitAddress: 3, socketOperations: 2, rateLimitRequests: 12 }
  const { url, createUser, signIn } = await startApp(t, { listen: true, bodyLimit: '2KiB', ...settings })
  const token = await signIn(await createUser())
  const mine = []
  for (let count = 0; count < 3; count++) {
    const socket = await openSocket(t, url)
    mine.push((await socket.init({ authorization: `Token ${token}` })).type)
    if (count === 0) {
      for (const id of ['1', '2', '3']) socket.subscribe(id, watch)
      t.match(await socket.next(), {
        id: '3',
        type: 'error',
        payload: [{ extensions: { reason: 'OPERATIONS' } }],
      })
      socket.send({ type: 'complete', id: '1' })
      socket.send({ type: 'complete', id: '2' })
      // What they had asked of the database is still under way where that is a server.
      while ((await socket.run('{ serverInfo { name } }')).type === 'error') {}
      const codes = new Set()
      for (let sent = 0; sent < 15; sent++) {
        const { type, payload } = await socket.run('{ serverInfo { name } }')
        codes.add(`${type} ${payload[0]?.extensions.reason ?? ''}`)
      }
      t.strictSame([...codes], ['next ', 'error REQUESTS'])
    }
  }
  t.strictSame(mine, ['connection_ack', 'connection_ack', '1013 TOO_MANY_SOCKETS'])
  const large = await openSocket(t, url)
  large.send(`"${'x'.repeat(3_000)}"`)
  t.match(await large.closed, /^1009/)
  const strangers = []
  for (let count = 0; count < 4; count++) strangers.push(await openSocket(t, url))
  t.equal(await strangers[3]?.closed, '1013 TOO_MANY_SOCKETS')
})

t.test('who gives no sign of life, or does nothing, is let go', async (t) => {
  const settings = { socketPingInterval: '100ms', socketIdleTimeout: '200ms' }
  const { url } = await startApp(t, { listen: true, ...settings })
  const idle = await openSocket(t, url)
  await idle.init()
  t.equal(await idle.closed, '1001 IDLE')
  const dead = await openSocket(t, url)
  await dead.init()
  dead.webSocket.pong = () => {}
  t.match(await dead.closed, /^1006/)
})

t.test('a client that asks for signs of life and reads none is cut off', async (t) => {
  const { app, url } = await startApp(t, { listen: true, socketBuffer: '64KiB' })
  const socket = await openSocket(t, url)
  await socket.init()
  socket.webSocket.pause()
  const payload = Buffer.alloc(125)
  while (app.websocketServer.clients.size > 0) {
    for (let count = 0; count < 1_000; count++) socket.webSocket.ping(payload)
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
  t.pass('the server has let it go')
})

t.test('what is no operation is counted as well, over all sockets of a token', async (t) => {
  const floods: [what: string, send: (socket: RawSocket) => void][] = [
    ['ping', (socket) => socket.send({ type: 'ping' })],
    ['complete', (socket) => socket.send({ type: 'complete', id: 'none' })],
    ['pong', (socket) => socket.send({ type: 'pong' })],
    ['a ping of WebSocket', ({ webSocket }) => webSocket.ping()],
    ['a pong of WebSocket', ({ webSocket }) => webSocket.pong()],
  ]
  for (const [what, send] of floods) {
    const { url, createUser, signIn } = await startApp(t, { listen: true, rateLimitRequests: 5 })
    const authorization = `Token ${await signIn(await createUser())}`
    const [socket, other] = [await openSocket(t, url), await openSocket(t, url)]
    for (const each of [socket, other])
      t.match(await each.init({ authorization }), { type: 'connection_ack' })
    for (let count = 0; count < 49; count++) send(socket)
    t.match(await other.run('{ serverInfo { name } }'), { type: 'next' }, `${what}: 50 are not too many`)
    send(socket)
    t.match(await socket.closed, /^1013 RATE_LIMITED retryAfter=\d+$/, what)
    other.send({ type: 'ping' })
    t.match(await other.closed, /^1013 RATE_LIMITED retryAfter=\d+$/, `${what}: they are one count`)
  }
})

t.test('the security log hears once a minute of who lacks rights, over sockets and requests', async (t) => {
  const { url, createUser, signIn, graphql } = await startApp(t, { listen: true })
  const user = await createUser()
  const token = await signIn(user)
  const socket = await openSocket(t, url)
  await socket.init({ authorization: `Token ${token}` })
  const before = logLines().length
  const query = '{ users { nodes { id } } }'
  for (let count = 0; count < 3; count++)
    t.match(await socket.run(query), { payload: { errors: [{ extensions: { reason: 'ROLE' } }] } })
  await graphql(query, null, { token })
  const events = logLines()
    .slice(before)
    .map((line) => JSON.parse(line))
    .filter(({ event, userId }) => event === 'authz_fail' && userId === user.id)
  t.equal(events.length, 1)
})

t.test('fresh credentials count as requests', async (t) => {
  const { url, createUser, signIn } = await startApp(t, { listen: true, rateLimitRequests: 5 })
  const authorization = `Token ${await signIn(await createUser())}`
  const socket = await openSocket(t, url)
  await socket.init({ authorization })
  for (let count = 0; count < 6; count++) socket.send({ type: 'ping', payload: { authorization } })
  t.match(await socket.closed, /^1013 RATE_LIMITED retryAfter=\d+$/)
})

t.test(
  'messages are counted by token: one that is stolen keeps its owner’s others from nothing',
  async (t) => {
    const { url, createUser, signIn } = await startApp(t, { listen: true, rateLimitRequests: 5 })
    const user = await createUser()
    const [mine, stolen] = [await openSocket(t, url), await openSocket(t, url)]
    for (const socket of [mine, stolen]) await socket.init({ authorization: `Token ${await signIn(user)}` })
    const types = []
    for (let count = 0; count < 6; count++) types.push((await stolen.run('{ serverInfo { name } }')).type)
    t.strictSame(types, ['next', 'next', 'next', 'next', 'next', 'error'])
    t.match(await mine.run('mutation { revokeOtherTokens { count } }'), {
      payload: { data: { revokeOtherTokens: { count: 1 } } },
    })
    t.match(await stolen.closed, /^4401 REVOKED/)
  },
)

t.test('messages of those who are not signed in are counted by their address', async (t) => {
  const { url } = await startApp(t, { listen: true, rateLimitRequests: 5 })
  const [one, other] = [await openSocket(t, url), await openSocket(t, url)]
  for (const socket of [one, other]) await socket.init()
  const types = []
  for (let count = 0; count < 3; count++)
    for (const socket of [one, other])
      types.push((await socket.run('query Who { serverInfo { name } }')).type)
  const answered = types.filter((type) => type === 'next')
  t.ok(answered.length < types.length, `${answered.length} of ${types.length}`)
})

t.test('sign-ins over sockets are counted with those over HTTP', async (t) => {
  const { url, createUser, graphql } = await startApp(t, { listen: true })
  const { username } = await createUser()
  const signIn = 'mutation ($u: String!, $p: String!) { tokenAuth(username: $u, password: $p) { token } }'
  const sockets = await Promise.all(Array.from({ length: 4 }, () => openSocket(t, url)))
  for (const socket of sockets) await socket.init()
  // On a server each that is refused has waited for two seconds, and five do so at a time.
  const each = isOnPostgres ? 8 : 25
  const tries = sockets.flatMap((socket) =>
    Array.from({ length: each }, (_, index) => ({ socket, id: `${index}` })),
  )
  for (const { socket, id } of tries) socket.subscribe(id, signIn, { u: username, p: `not ${password}` })
  const reasons = []
  for (const socket of sockets) {
    while (reasons.length < tries.length) {
      const { type, payload } = await socket.next()
      if (type === 'next') reasons.push(`${payload.errors[0].extensions.code}`)
      if (reasons.length % each === 0 && type === 'next') break
    }
  }
  t.equal(reasons.filter((code) => code === 'UNAUTHENTICATED').length, 5)
  t.equal(reasons.filter((code) => code === 'RATE_LIMITED').length, tries.length - 5)
  const { body } = await graphql(signIn, { u: username, p: password })
  t.match(body, { errors: [{ extensions: { code: 'RATE_LIMITED' } }] }, 'and then over HTTP')
})
