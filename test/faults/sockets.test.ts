import { join } from 'node:path'
import t from 'tap'
import { openDomain, origin } from '../support/domain.ts'
import { startServer } from '../support/servers.ts'
import { openSocket } from '../support/socket.ts'

t.test('revoking a user closes exactly their sockets, in every process', async (t) => {
  const databaseUrl = `sqlite:${join(t.testdir(), 'latchkey.db')}`
  const domain = await openDomain(t, { url: databaseUrl, clock: { now: Date.now() } })
  const names = Array.from({ length: 20 }, (_, index) => `user${index}`)
  for (const name of [...names, 'ada']) await domain.createUser(name)
  const servers = [await startServer(t, { databaseUrl }), await startServer(t, { databaseUrl })]
  const signIn = async (name: string, index: number) =>
    (await domain.signIn(name, { address: `192.0.2.${index + 1}` })).token
  const open = async (token: string, index: number) => {
    const socket = await openSocket(t, servers[index % 2]?.url as string)
    await socket.init({ authorization: `Token ${token}` })
    return socket
  }
  const others = []
  for (const [index, name] of names.entries()) others.push(await open(await signIn(name, index), index))
  const tokens = [await signIn('ada', 20), await signIn('ada', 21)]
  const own = []
  for (let index = 0; index < 100; index++) own.push(await open(tokens[index < 50 ? 0 : 1] as string, index))
  const ada = await domain.userOf((await domain.signIn('ada')).token)
  await domain.auth.revokeAllTokens(ada, origin())
  for (const socket of own) t.equal(await socket.closed, '4401 REVOKED')
  for (const socket of others) {
    t.match(await socket.run('{ viewer { username } }'), {
      payload: { data: { viewer: { username: /^user/ } } },
    })
  }
})
