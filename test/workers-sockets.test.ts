import { once } from 'node:events'
import t from 'tap'
import { createBench, password } from './cli/command.ts'
import { secret } from './support/log.ts'
import { openSocket } from './support/socket.ts'

t.test('sockets of all workers end with their token, and with the service', async (t) => {
  const bench = createBench(t, { WORKERS: '2' })
  const running = bench.start(['serve'])
  const [, address = ''] = await running.said(/listens on (http:\S+)\n/)
  while (running.output().stdout.split('Server listening').length < 3)
    await once(running.child.stdout, 'data')
  t.match(await bench.run(['user', 'create', 'ada', '--password-stdin'], password), { status: 0 })
  const ask = async (query: string, token?: string) => {
    const headers = { 'content-type': 'application/json', connection: 'close' }
    const authorization: Record<string, string> = token ? { authorization: `Token ${token}` } : {}
    const init = {
      method: 'POST',
      headers: { ...headers, ...authorization },
      body: JSON.stringify({ query }),
    }
    return (await (await fetch(address, init)).json()) as { data: { tokenAuth: { token: string } } }
  }
  const signIn = async () => {
    const query = `mutation { tokenAuth(username: "ada", password: "${password}") { token } }`
    return secret((await ask(query)).data.tokenAuth.token)
  }
  const url = address.replace('/graphql', '')
  const open = async (token: string) => {
    const socket = await openSocket(t, url)
    t.match(await socket.init({ authorization: `Token ${token}` }), { type: 'connection_ack' })
    return socket
  }
  const [lost, kept] = [await signIn(), await signIn()]
  const ending = await Promise.all(Array.from({ length: 6 }, () => open(lost)))
  const staying = await Promise.all(Array.from({ length: 6 }, () => open(kept)))
  await ask('mutation { revokeToken { revoked } }', lost)
  for (const socket of ending) t.equal(await socket.closed, '4401 REVOKED')
  for (const socket of staying) t.match(await socket.run('{ viewer { username } }'), { type: 'next' })

  running.child.kill('SIGTERM')
  for (const socket of staying) t.match(await socket.closed, /^1001 GOING_AWAY retryAfter=[1-5]$/)
  const { status, stdout } = await running.ended
  t.equal(status, 0)
  const closed = stdout.split('\n').filter((line) => line.includes('"msg":"socket closed"'))
  const pids = closed.map((line) => `${JSON.parse(line).code} ${JSON.parse(line).pid}`)
  t.equal(new Set(pids).size, 4, 'of either kind in either worker')
  t.equal(pids.length, 12, 'each has its line')
})
