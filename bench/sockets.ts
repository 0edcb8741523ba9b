/**
 * What does an idle WebSocket hold, and how soon does a revocation close those of a user?
 * `node bench/sockets.ts [--sockets 5000] [--rounds 200]`
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { parseArgs } from 'node:util'
import { WebSocket } from 'ws'
import { describeMachine } from './runner.ts'

const { values } = parseArgs({
  options: { sockets: { type: 'string', default: '5000' }, rounds: { type: 'string', default: '200' } },
})
const password = 'eleven purple windmills at dusk'

console.log(describeMachine())
await measureMemory(Number(values.sockets))
await measureRevocations(Number(values.rounds))

/** The resident memory of one process with this many sockets that only listen, by the socket. */
async function measureMemory(count: number): Promise<void> {
  const server = await start(1)
  const token = await signUp(server.url, 'ada')
  const [first] = await Promise.all([open(server.url, token)])
  const before = residentBytes(server.pids()[0] as number)
  const sockets: WebSocket[] = []
  for (let done = 0; done < count; done += 100)
    sockets.push(
      ...(await Promise.all(
        Array.from({ length: Math.min(100, count - done) }, () => open(server.url, token)),
      )),
    )
  await new Promise((resolve) => setTimeout(resolve, 3_000))
  const bytes = (residentBytes(server.pids()[0] as number) - before) / count
  console.log(`${count} idle sockets: ${(bytes / 1024).toFixed(1)} KiB each`)
  for (const socket of [...sockets, first]) socket?.terminate()
  await server.stop()
}

/** From sending `revokeAllTokens` until a socket of that user hears that it is closed; 200 are open, over two workers. */
async function measureRevocations(rounds: number): Promise<void> {
  const server = await start(2)
  const tokens: string[] = []
  for (let index = 0; index < rounds; index++) tokens.push(await signUp(server.url, `user${index}`))
  const sockets = await Promise.all(tokens.map((token) => open(server.url, token)))
  const times: number[] = []
  for (const [index, token] of tokens.entries()) {
    const begun = performance.now()
    const closed = once(sockets[index] as WebSocket, 'close')
    void graphql(server.url, 'mutation { revokeAllTokens { count } }', token)
    await closed
    times.push(performance.now() - begun)
  }
  times.sort((one, other) => one - other)
  const at = (share: number) =>
    times[Math.min(times.length - 1, Math.floor(times.length * share))]?.toFixed(1)
  console.log(
    `${rounds} revocations over two workers: p50 ${at(0.5)} ms, p99 ${at(0.99)} ms, worst ${at(1)} ms`,
  )
  await server.stop()
}

async function start(workers: number) {
  const folder = mkdtempSync(join(tmpdir(), 'latchkey-sockets-'))
  const child = spawn(process.execPath, ['bin/latchkey.js', 'serve'], {
    env: {
      ...process.env,
      DATABASE_URL: `sqlite:${join(folder, 'latchkey.db')}`,
      PORT: '0',
      WORKERS: String(workers),
      RATE_LIMIT_REQUESTS: 'off',
      SOCKET_LIMIT_USER: '100000',
      SOCKET_LIMIT_ADDRESS: '100000',
      SMTP_URL: 'off',
    },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  process.once('exit', () => child.kill('SIGKILL'))
  const pids = new Set<number>()
  const url = await new Promise<string>((resolve) => {
    createInterface({ input: child.stdout }).on('line', (line) => {
      const pid = /"pid":(\d+)/.exec(line)?.[1]
      if (pid !== undefined) pids.add(Number(pid))
      const found = /listens on (http:\S+)/.exec(line)?.[1]
      if (found !== undefined) resolve(found)
    })
  })
  return {
    url,
    pids: () => (workers === 1 ? [child.pid as number] : [...pids]),
    async stop() {
      child.kill('SIGTERM')
      await once(child, 'exit')
      rmSync(folder, { recursive: true })
    },
  }
}

function residentBytes(pid: number): number {
  return Number(/VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) * 1024
}

async function signUp(url: string, username: string): Promise<string> {
  const created = await graphql(
    url,
    `mutation { signUp(username: "${username}", password: "${password}") { __typename } }`,
  )
  const { data, errors } = await graphql(
    url,
    `mutation { tokenAuth(username: "${username}", password: "${password}") { token } }`,
  )
  if (data?.tokenAuth == null)
    throw new Error(`${username} cannot sign in: ${JSON.stringify({ created, errors })}`)
  return data.tokenAuth.token
}

async function graphql(url: string, query: string, token?: string) {
  const headers = {
    'content-type': 'application/json',
    ...(token ? { authorization: `Token ${token}` } : {}),
  }
  const response = await fetch(url, { method: 'POST', headers, body: JSON.stringify({ query }) })
  return (await response.json()) as { data?: { tokenAuth?: { token: string } }; errors?: unknown }
}

/** An open socket with nothing subscribed. */
async function open(url: string, token: string): Promise<WebSocket> {
  const socket = new WebSocket(url.replace('http', 'ws'), 'graphql-transport-ws')
  await once(socket, 'open')
  socket.send(JSON.stringify({ type: 'connection_init', payload: { authorization: `Token ${token}` } }))
  await once(socket, 'message')
  return socket
}
