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
import type { WebSocket } from 'ws'
import { ask, describeTimes, hangUp, openSocket, signIn, signUp } from './client.ts'
import { describeMachine } from './runner.ts'

const { values } = parseArgs({
  options: { sockets: { type: 'string', default: '5000' }, rounds: { type: 'string', default: '200' } },
})

console.log(describeMachine())
await measureMemory(Number(values.sockets))
await measureRevocations(Number(values.rounds))
hangUp()

/** The resident memory of one process with this many sockets that only listen, by the socket. */
async function measureMemory(count: number): Promise<void> {
  const server = await start(1)
  await signUp(server.url, 'ada')
  const token = await signIn(server.url, 'ada')
  const first = await openSocket(server.url, token)
  const before = residentBytes(server.pids()[0] as number)
  const sockets: WebSocket[] = []
  for (let done = 0; done < count; done += 100)
    sockets.push(
      ...(await Promise.all(
        Array.from({ length: Math.min(100, count - done) }, () => openSocket(server.url, token)),
      )),
    )
  await new Promise((resolve) => setTimeout(resolve, 3_000))
  const bytes = (residentBytes(server.pids()[0] as number) - before) / count
  console.log(`${count} idle sockets: ${(bytes / 1024).toFixed(1)} KiB each`)
  for (const socket of [...sockets, first]) socket.terminate()
  await server.stop()
}

/** From sending `revokeAllTokens` until a socket of that user hears that it is closed; 200 are open, over two workers. */
async function measureRevocations(rounds: number): Promise<void> {
  const server = await start(2)
  const tokens: string[] = []
  for (let index = 0; index < rounds; index++) {
    await signUp(server.url, `user${index}`)
    tokens.push(await signIn(server.url, `user${index}`))
  }
  const sockets = await Promise.all(tokens.map((token) => openSocket(server.url, token)))
  const times: number[] = []
  for (const [index, token] of tokens.entries()) {
    const begun = performance.now()
    const closed = once(sockets[index] as WebSocket, 'close')
    void ask(server.url, 'mutation { revokeAllTokens { count } }', token)
    await closed
    times.push(performance.now() - begun)
  }
  console.log(`revocations over two workers: ${describeTimes(times)}`)
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
      RATE_LIMIT_SIGN_UPS: 'off',
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
