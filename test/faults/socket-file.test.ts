import { renameSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import SqliteDatabase from 'better-sqlite3'
import t from 'tap'
import { createDatabase, startServer } from '../support/servers.ts'
import { openSocket } from '../support/socket.ts'

const viewer = '{ viewer { username } }'
const watch = 'subscription { viewerTokensChanged { username } }'

t.test(
  'a socket stays while the file is away, answers nobody from memory, and ends with its token after that',
  async (t) => {
    const { databaseUrl, file, domain } = await createDatabase(t, 'ada')
    const { token } = await domain.signIn('ada')
    await domain.database.close()
    const server = await startServer(t, { databaseUrl })
    const socket = await openSocket(t, server.url)
    await socket.init({ authorization: `Token ${token}` })
    socket.subscribe('1', watch)
    t.match(await socket.run(viewer), { payload: { data: { viewer: { username: 'ada' } } } })
    for (const part of ['', '-wal', '-shm']) renameSync(file + part, `${file}.away${part}`)
    await sleep(300) // the name is looked at ten times a second
    const away = [{ extensions: { code: 'SERVICE_UNAVAILABLE', reason: 'DATABASE' } }]
    t.match(await socket.run(viewer), { type: 'error', payload: away })
    const late = await openSocket(t, server.url)
    t.match(await late.init({ authorization: `Token ${token}` }), {
      type: /^1013 SERVICE_UNAVAILABLE retryAfter=/,
    })
    for (const part of ['', '-wal', '-shm']) renameSync(`${file}.away${part}`, file + part)
    while ((await socket.run(viewer)).type !== 'next') await sleep(20)
    t.match((await server.graphql('mutation { revokeToken { revoked } }', null, token)).status, 200)
    t.equal(await socket.closed, '4401 REVOKED')
  },
)

t.test('while another process holds the write lock, sockets are answered, and opened', async (t) => {
  const { databaseUrl, file, domain } = await createDatabase(t, 'ada')
  const { token } = await domain.signIn('ada')
  await domain.database.close()
  const server = await startServer(t, { databaseUrl })
  const socket = await openSocket(t, server.url)
  await socket.init({ authorization: `Token ${token}` })
  const holder = new SqliteDatabase(file)
  holder.exec('begin immediate')
  t.match(await socket.run(viewer), { payload: { data: { viewer: { username: 'ada' } } } })
  const other = await openSocket(t, server.url)
  t.match(await other.init({ authorization: `Token ${token}` }), { type: 'connection_ack' })
  holder.exec('commit')
  holder.close()
})

t.test(
  'a process that is killed takes its sockets with it, and what was revoked opens none anywhere',
  async (t) => {
    const { databaseUrl, domain } = await createDatabase(t, 'ada')
    const [kept, lost] = [(await domain.signIn('ada')).token, (await domain.signIn('ada')).token]
    await domain.database.close()
    const server = await startServer(t, { databaseUrl })
    const sockets = [await openSocket(t, server.url), await openSocket(t, server.url)]
    await sockets[0]?.init({ authorization: `Token ${kept}` })
    await sockets[1]?.init({ authorization: `Token ${lost}` })
    t.equal((await server.graphql('mutation { revokeToken { revoked } }', null, lost)).status, 200)
    await server.kill()
    t.match(await sockets[0]?.closed, /^1006/)
    const next = await startServer(t, { databaseUrl })
    t.match(await (await openSocket(t, next.url)).init({ authorization: `Token ${kept}` }), {
      type: 'connection_ack',
    })
    t.match(await (await openSocket(t, next.url)).init({ authorization: `Token ${lost}` }), {
      type: '4401 REVOKED',
    })
  },
)
