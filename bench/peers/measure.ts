import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, mkdirSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { freePort } from '../../test/support/ports.ts'
import type { Load, Measure } from '../load.ts'
import { cores, pin, tell } from '../runner.ts'
import { accepted, warmUpMs } from '../terms.ts'
import type { Peer, Place } from './peers.ts'
import { type SeededAccounts, seed } from './seed.ts'

/** How long and how often is measured. */
export interface Plan {
  rounds: number
  seconds: number
  connections: number
}

/** One round of one server. */
export interface Round extends Measure {
  /** What one request costs the server's processes, in microseconds of their core; null where the system does not say. */
  cpuUs: number | null
  /** How much of one core went to neither the server nor the load; null where the system does not say. */
  elsewhere: number | null
}

/** All that was measured. */
export interface Run extends Plan {
  measures: ReadonlyMap<Peer, readonly Round[]>
  /** Whether server and load had a core each. */
  pinned: boolean
}

interface RunningServer {
  peer: Peer
  child: ChildProcess
  place: Place
  accounts: SeededAccounts | null
}

/** How many tokens are sent in turn, each of a user of its own. */
export const tokenCount = 1_000

const startLimitMs = 30_000
const stopLimitMs = 5_000
const body = JSON.stringify({ query: '{ viewer { id username } }' })
/** Whom the servers without authentication answer with. */
const someone = 'user0001'
/** The unit of the processor times in `/proc`: all architectures of Linux that Node runs on have 100 a second. */
const tickMs = 10
const environment = {
  PATH: process.env.PATH ?? '',
  NODE_ENV: 'production',
  PYTHONDONTWRITEBYTECODE: '1',
}

/** Starts all servers, checks each, and measures them in turn, round by round. */
export async function measureAll(peers: readonly Peer[], plan: Plan): Promise<Run> {
  const folder = mkdtempSync(join(tmpdir(), 'latchkey-peers-'))
  const loader = startLoad()
  const servers: RunningServer[] = []
  try {
    for (const peer of peers) {
      const server = await startServer(peer, join(folder, String(servers.length)))
      servers.push(server)
      await verify(server)
    }
    const measures = new Map<Peer, Round[]>(peers.map((peer) => [peer, []]))
    for (const server of servers) await measure(loader, server, plan.connections, warmUpMs / 1000)
    for (let round = 0; round < plan.rounds; round++) {
      for (let turn = 0; turn < servers.length; turn++) {
        // Another one first each time: what the machine does beside this should not always hit the same.
        const server = servers[(round + turn) % servers.length] as RunningServer // in range
        measures.get(server.peer)?.push(await measure(loader, server, plan.connections, plan.seconds))
        if (process.stderr.isTTY) process.stderr.write('.')
      }
    }
    if (process.stderr.isTTY) process.stderr.write('\n')
    return { ...plan, measures, pinned: cores !== null }
  } finally {
    loader.kill()
    await Promise.all(servers.map(({ child }) => stop(child)))
    rmSync(folder, { recursive: true, force: true })
  }
}

async function startServer(peer: Peer, folder: string): Promise<RunningServer> {
  mkdirSync(folder)
  const place = { port: await freePort(), databaseFile: join(folder, 'database.db') }
  // Everybody gets a file of their own, so that nobody waits for another's writes.
  const accounts = peer.accounts === null ? null : await seed(peer.accounts, place, tokenCount)
  if (accounts !== null) writeFileSync(tokenFileOf(place), [...accounts.tokens.values()].join('\n'))
  const log = join(folder, 'log')
  const output = openSync(log, 'w')
  const [program = '', ...args] = pin(cores?.server, peer.command)
  const child = spawn(program, args, {
    cwd: peer.folder ?? folder,
    env: { ...environment, ...peer.env(place) },
    stdio: ['ignore', output, output],
  })
  closeSync(output)
  const server = { peer, child, place, accounts }
  try {
    await waitUntilUp(server)
  } catch (error) {
    await stop(child)
    throw new Error(`${peer.name} does not start.\n${readFileSync(log, 'utf8')}`, { cause: error })
  }
  return server
}

async function waitUntilUp(server: RunningServer): Promise<void> {
  const giveUpAt = performance.now() + startLimitMs
  while (server.child.exitCode === null && performance.now() < giveUpAt) {
    try {
      await ask(server, null)
      return
    } catch {
      await sleep(50)
    }
  }
  throw new Error('It does not answer.')
}

/** Throws unless the server knows whose token it is, and refuses requests without one and with one it never issued. */
async function verify(server: RunningServer): Promise<void> {
  const { peer, accounts } = server
  if (accounts === null) return requireName(peer, await ask(server, null), someone)
  for (const [username, token] of accounts.tokens) requireName(peer, await ask(server, token), username)
  for (const token of [null, accounts.unknownToken]) {
    const answer = await ask(server, token)
    if (/user\d/.test(answer)) throw new Error(`${peer.name} lets a stranger in: ${answer}`)
  }
}

function requireName(peer: Peer, answer: string, username: string): void {
  if (!answer.includes(`"${username}"`)) throw new Error(`${peer.name} should know ${username}: ${answer}`)
}

/** One request; the answer's body. */
async function ask({ peer, place }: RunningServer, token: string | null): Promise<string> {
  const response = await fetch(`http://127.0.0.1:${place.port}${peer.path}`, {
    method: peer.method,
    headers: headersOf(peer, token),
    ...(peer.method === 'POST' ? { body } : {}),
    signal: AbortSignal.timeout(startLimitMs),
  })
  return response.text()
}

function headersOf(peer: Peer, token: string | null): Record<string, string> {
  return {
    accept: peer.method === 'POST' ? accepted : 'application/json',
    ...(peer.method === 'POST' ? { 'content-type': 'application/json' } : {}),
    ...(token === null ? {} : { authorization: `${peer.scheme} ${token}` }),
  }
}

async function measure(
  loader: ChildProcess,
  server: RunningServer,
  connections: number,
  seconds: number,
): Promise<Round> {
  const { peer, place, accounts, child } = server
  const before = { server: cpuOf(child.pid), load: cpuOf(loader.pid), machine: cpuOfMachine() }
  const load: Load = {
    port: place.port,
    request: toRequest(peer, accounts === null ? null : '{token}'),
    ...(accounts === null ? {} : { tokens: tokenFileOf(place) }),
    expected: '"user',
    connections,
    durationMs: seconds * 1000,
  }
  const start = performance.now()
  const measured = await tell<Measure>(loader, load)
  const wallMs = performance.now() - start
  if (before.server === null || before.load === null || before.machine === null) {
    return { ...measured, cpuUs: null, elsewhere: null }
  }
  const spent = (cpuOf(child.pid) ?? 0) - before.server
  const others = (cpuOfMachine() ?? 0) - before.machine - spent - ((cpuOf(loader.pid) ?? 0) - before.load)
  return { ...measured, cpuUs: (spent * 1000) / measured.answered, elsewhere: Math.max(0, others / wallMs) }
}

function tokenFileOf({ databaseFile }: Place): string {
  return `${databaseFile}.tokens`
}

function toRequest(peer: Peer, token: string | null): string {
  const content = peer.method === 'POST' ? body : ''
  const headers = Object.entries({
    host: '127.0.0.1',
    ...headersOf(peer, token),
    ...(content === '' ? {} : { 'content-length': String(content.length) }),
  }).map(([name, value]) => `${name}: ${value}\r\n`)
  return `${peer.method} ${peer.path} HTTP/1.1\r\n${headers.join('')}\r\n${content}`
}

/** The processor time of a process and its children so far, in milliseconds; null where the system does not say. */
function cpuOf(pid: number | undefined): number | null {
  try {
    const [, fields = ''] = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')
    const [, , , , , , , , , , , user, system] = fields.split(' ')
    const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').split(' ').filter(Boolean)
    const own = (Number(user) + Number(system)) * tickMs
    return children.reduce((sum, child) => sum + (cpuOf(Number(child)) ?? 0), own)
  } catch {
    return null
  }
}

/** The same of everything that runs here. */
function cpuOfMachine(): number | null {
  try {
    const [, user, nice, system, , , irq, softIrq] = readFileSync('/proc/stat', 'utf8')
      .split(/\s+/)
      .map(Number)
    return ((user ?? 0) + (nice ?? 0) + (system ?? 0) + (irq ?? 0) + (softIrq ?? 0)) * tickMs
  } catch {
    return null
  }
}

function startLoad(): ChildProcess {
  const file = fileURLToPath(new URL('../load.ts', import.meta.url))
  const [program = '', ...args] = pin(cores?.load, [process.execPath, file])
  return spawn(program, args, { stdio: ['ignore', 'ignore', 'inherit', 'ipc'], env: environment })
}

async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const ended = once(child, 'exit')
  child.kill()
  const killing = setTimeout(() => child.kill('SIGKILL'), stopLimitMs)
  await ended
  clearTimeout(killing)
}
