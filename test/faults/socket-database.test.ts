import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import SqliteDatabase from 'better-sqlite3'
import { Kysely, SqliteDialect } from 'kysely'
import t from 'tap'
import { startApp } from '../support/app.ts'
import { startHost } from '../support/host.ts'
import { openSocket } from '../support/socket.ts'

const viewer = '{ viewer { username } }'
const month = 31 * 86_400_000

t.test('while the database is away sockets stay, and are judged once it is back', async (t) => {
  const sqlite = new SqliteDatabase(join(t.testdir(), 'app.db'))
  const prepare = sqlite.prepare.bind(sqlite)
  let fault: Error | null = null
  sqlite.prepare = ((text: string) => {
    if (fault !== null) throw fault
    return prepare(text)
  }) as typeof sqlite.prepare
  const database = new Kysely<unknown>({ dialect: new SqliteDialect({ database: sqlite }) })
  let now = Date.parse('2026-11-23T09:00:00.000Z')
  const host = await startHost(t, { database, clock: () => now })
  const url = await host.app.listen({ host: '127.0.0.1', port: 0 })
  const { token } = await host.signIn('ada')
  const socket = await openSocket(t, url)
  await socket.init({ authorization: `Token ${token}` })
  socket.subscribe('1', 'subscription { viewerTokensChanged { tokens { nodes { name } } } }')
  t.match(await socket.run(viewer), { type: 'next' })
  await host.signIn('grace')
  await sleep(200) // a few polls

  fault = new SqliteDatabase.SqliteError('disk I/O error', 'SQLITE_IOERR')
  const refused = await openSocket(t, url)
  t.match(await refused.init({ authorization: `Token ${token}` }), {
    type: /^1013 SERVICE_UNAVAILABLE retryAfter=/,
  })
  t.match(await socket.run(viewer), {
    type: 'error',
    payload: [{ extensions: { code: 'SERVICE_UNAVAILABLE', reason: 'DATABASE' } }],
  })
  fault = new TypeError('a defect')
  const failed = await openSocket(t, url)
  t.match(await failed.init({ authorization: `Token ${token}` }), { type: /INTERNAL_SERVER_ERROR/ })
  fault = new SqliteDatabase.SqliteError('disk I/O error', 'SQLITE_IOERR')
  await sleep(200) // a few polls
  fault = null

  fault = new SqliteDatabase.SqliteError('disk I/O error', 'SQLITE_IOERR')
  now += month
  await sleep(800) // it is tried again
  t.equal(socket.webSocket.readyState, socket.webSocket.OPEN)
  fault = null
  t.equal(await socket.closed, '4401 EXPIRED')
  await host.app.close()
  await database.destroy()
})

t.test('the record is followed on after the database was away, and over many pages', async (t) => {
  const sqlite = new SqliteDatabase(join(t.testdir(), 'app.db'))
  const prepare = sqlite.prepare.bind(sqlite)
  let isAway = false
  sqlite.prepare = ((text: string) => {
    if (isAway) throw new SqliteDatabase.SqliteError('disk I/O error', 'SQLITE_IOERR')
    return prepare(text)
  }) as typeof sqlite.prepare
  const database = new Kysely<unknown>({ dialect: new SqliteDialect({ database: sqlite }) })
  const host = await startHost(t, { database })
  const url = await host.app.listen({ host: '127.0.0.1', port: 0 })
  const { auth } = host.app.latchkey
  const { token } = await host.signIn('ada')
  const idOf = async (shown: string): Promise<string> =>
    (await host.query('{ viewer { id } }', { token: shown })).body.data.viewer.id
  await auth.setUserRole(await idOf(token), 'ADMIN', {})
  const grace = await idOf((await host.signIn('grace')).token)
  for (let turn = 0; turn < 210; turn++) await auth.setUserActive(grace, turn % 2 === 1, {})
  await auth.audit.flush()
  const socket = await openSocket(t, url)
  await socket.init({ authorization: `Token ${token}` })
  socket.subscribe('1', 'subscription { auditEventAdded { event } }')
  t.match(await socket.run(viewer), { type: 'next' })
  isAway = true
  await sleep(1_500) // longer than between two looks
  isAway = false
  await auth.setUserActive(grace, false, {})
  await auth.audit.flush()
  t.match(await socket.next(), { id: '1', type: 'next', payload: { data: { auditEventAdded: {} } } })
  socket.webSocket.terminate()
  await socket.closed
  await host.app.close()
  await database.destroy()
})

t.test('a token that is known ends its socket as one that is looked up each time', async (t) => {
  for (const tokenCache of ['1000', 'off']) {
    const { url, createUser, signIn, clock, graphql } = await startApp(t, {
      listen: true,
      databaseUrl: `sqlite:${join(t.testdir(tokenCache === 'off' ? { a: '' } : {}), `${tokenCache}.db`)}`,
      tokenCache,
    })
    const token = await signIn(await createUser())
    const create = 'mutation { createToken(name: "script", scopes: [ACCOUNT], expiresIn: "1d") { token } }'
    const { body } = await graphql(create, null, { token })
    const open = async (shown: string) => {
      const socket = await openSocket(t, url)
      t.match(await socket.init({ authorization: `Token ${shown}` }), { type: 'connection_ack' })
      t.match(await socket.run(`query Again ${viewer}`), { type: 'next' })
      t.match(await socket.run(viewer), { type: 'next' })
      return socket
    }
    const [device, script] = [await open(token), await open(body.data.createToken.token)]
    clock.now += 86_400_000
    t.equal(await script.closed, '4401 EXPIRED')
    clock.now += month
    t.equal(await device.closed, '4401 EXPIRED')
  }
})

t.test('a token that is gone from the database ends its socket', async (t) => {
  for (const tokenCache of ['1000', 'off']) {
    const file = join(t.testdir(), 'latchkey.db')
    const settings = { listen: true, databaseUrl: `sqlite:${file}`, tokenCache }
    const { app, url, createUser, signIn } = await startApp(t, settings)
    const socket = await openSocket(t, url)
    await socket.init({ authorization: `Token ${await signIn(await createUser())}` })
    const shell = new SqliteDatabase(file)
    shell.exec('delete from latchkey_tokens')
    shell.close()
    t.equal(await socket.closed, '4401 INVALID')
    await app.close()
  }
})
