import { once } from 'node:events'
import t from 'tap'
import { WebSocket } from 'ws'
import { startApp } from '../support/app.ts'
import { signInWithCookie } from '../support/cookie.ts'
import { openSocket } from '../support/socket.ts'

const viewer = '{ viewer { username } }'

t.test('the cookie opens a socket for pages of the own origin, and ends with its token', async (t) => {
  const app = await startApp(t, { listen: true, corsOrigins: 'https://app.example.org' })
  const { url, createUser, graphql } = app
  const ada = await createUser()
  const { cookie, ...ownPage } = await signInWithCookie(app, ada)
  const sockets = []
  for (const headers of [
    { cookie, origin: url },
    { cookie, origin: url, ...ownPage },
    { cookie, origin: 'https://app.example.org', 'sec-fetch-site': 'cross-site' },
  ]) {
    const socket = await openSocket(t, url, { headers })
    t.match(await socket.init(), { type: 'connection_ack', payload: { expiresAt: String } })
    t.match(await socket.run(viewer), { payload: { data: { viewer: { username: ada.username } } } })
    sockets.push(socket)
  }
  for (const field of ['rotateToken { token }', 'createSocketTicket { ticket }']) {
    t.match(
      await sockets[0]?.run(`mutation { ${field} }`),
      { payload: { errors: [{ extensions: { code: 'FORBIDDEN', reason: 'NO_TOKEN' } }] } },
      'no script gets a token out of the cookie',
    )
  }
  const revoke = 'mutation { revokeToken { revoked } }'
  t.match((await graphql(revoke, null, { headers: { cookie, ...ownPage } })).body, {
    data: { revokeToken: { revoked: true } },
  })
  for (const socket of sockets) t.equal(await socket.closed, '4401 REVOKED')
})

t.test('pages of other origins, and clients that are no browser, open none with the cookie', async (t) => {
  const app = await startApp(t, { listen: true })
  const { url } = app
  const { cookie } = await signInWithCookie(app, await app.createUser())
  const address = `${url.replace('http', 'ws')}/graphql`
  for (const headers of [
    { cookie, origin: 'https://evil.example' },
    { cookie, origin: url, 'sec-fetch-site': 'cross-site' },
    { cookie, origin: url.replace('http:', 'https:') },
    { cookie },
  ]) {
    const webSocket = new WebSocket(address, 'graphql-transport-ws', { headers })
    webSocket.on('error', () => {})
    const [, response] = await once(webSocket, 'unexpected-response')
    t.equal(response.statusCode, 403, JSON.stringify({ ...headers, cookie: '' }))
    webSocket.terminate()
  }
})

t.test('what a message presents goes before the cookie, and a bad cookie is a bad token', async (t) => {
  const app = await startApp(t, { listen: true })
  const { url, createUser, signIn } = app
  const { cookie } = await signInWithCookie(app, await createUser())
  const grace = await createUser()
  const socket = await openSocket(t, url, { headers: { cookie, origin: url } })
  await socket.init({ authorization: `Token ${await signIn(grace)}` })
  t.match(await socket.run(viewer), { payload: { data: { viewer: { username: grace.username } } } })
  const bad = await openSocket(t, url, { headers: { cookie: 'latchkey=a; latchkey=b', origin: url } })
  t.match(await bad.init(), { type: '4401 MALFORMED' })
  const none = await openSocket(t, url, { headers: { cookie: 'latchkey=', origin: url } })
  t.strictSame(await none.init(), { type: 'connection_ack', payload: {} })
})
