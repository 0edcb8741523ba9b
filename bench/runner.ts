import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, mkdtempSync, openSync, rmSync } from 'node:fs'
import { availableParallelism, cpus, tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Announcement, CpuTime } from './servers/announce.ts'
import { accepted } from './terms.ts'

/** The server has one core to itself, the load another, where the system can pin them. */
export const cores = availableParallelism() > 1 && hasTaskset() ? { server: '0', load: '1' } : null

/** A command that runs on one core, or anywhere. */
export function pin(core: string | undefined, command: readonly string[]): readonly string[] {
  return core === undefined ? command : ['taskset', '-c', core, ...command]
}

/** Where a process runs, and with what. */
export interface Start {
  /** One of `cores`; without it, on any. */
  core?: string | undefined
  args?: readonly string[]
  env?: Readonly<Record<string, string>>
}

/** A server of `servers/` that listens. */
export interface Server {
  child: ChildProcess
  port: number
}

/** Starts a file of this folder; its log goes nowhere. */
export function start(file: string, { core, args = [], env = {} }: Start = {}): ChildProcess {
  const [program = '', ...rest] = pin(core, [process.execPath, join(import.meta.dirname, file), ...args])
  const output = openSync('/dev/null', 'w')
  const child = spawn(program, rest, {
    stdio: ['ignore', output, 'inherit', 'ipc'],
    env: { PATH: process.env.PATH ?? '', NODE_ENV: 'production', ...env },
  })
  closeSync(output)
  return child
}

/** Starts a server of `servers/`, on the core of servers unless told otherwise, and waits until it listens. */
export async function startServer(name: string, options: Start = {}): Promise<Server> {
  const child = start(`servers/${name}.ts`, { core: cores?.server, ...options })
  const { port } = await answerOf<Announcement>(child)
  return { child, port }
}

/** Runs Latchkey on a database file, as in production, with limits on requests that are counted and never reached. */
export function startLatchkey(file: string, options: Start = {}): Promise<Server> {
  const env = { DATABASE_URL: `sqlite:${file}`, RATE_LIMIT_REQUESTS: '1000000000', ...options.env }
  return startServer('latchkey', { ...options, env })
}

/** Starts a load generator on the core of the load. */
export function startLoad(): ChildProcess {
  return start('load.ts', { core: cores?.load })
}

/** Ends processes of this folder, and waits for them. */
export async function stop(...children: readonly ChildProcess[]): Promise<void> {
  await Promise.all(
    children.map(async (child) => {
      if (child.exitCode !== null || child.signalCode !== null) return
      const ended = once(child, 'exit')
      if (child.connected) child.disconnect()
      await ended
    }),
  )
}

/** The processor time that a server spends while `work` goes on, in microseconds, and what the work returns. */
export async function costOf<T>(
  server: ChildProcess,
  work: () => Promise<T>,
): Promise<{ value: T; cpuMicroseconds: number }> {
  const before = await tell<CpuTime>(server, 'cpu')
  const value = await work()
  const after = await tell<CpuTime>(server, 'cpu')
  return { value, cpuMicroseconds: after.cpuMicroseconds - before.cpuMicroseconds }
}

/** A folder of its own for as long as `work` takes. */
export async function withFolder<T>(work: (folder: string) => Promise<T>): Promise<T> {
  const folder = mkdtempSync(join(tmpdir(), 'latchkey-bench-'))
  const remove = (): void => rmSync(folder, { recursive: true, force: true })
  const exit = (): never => process.exit(1)
  process.on('exit', remove)
  for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, exit) // gigabytes would stay behind
  try {
    return await work(folder)
  } finally {
    for (const signal of ['SIGINT', 'SIGTERM']) process.off(signal, exit)
    process.off('exit', remove)
    remove()
  }
}

/** A request to `/graphql`; `{token}` and `{number}` are filled in by the load. */
export function toRequest(query: string, options: { signedIn?: boolean; variables?: object } = {}): string {
  const body = JSON.stringify({ query, variables: options.variables })
  const length = Buffer.byteLength(body.replaceAll('{number}', '123456789'))
  const headers = [
    'POST /graphql HTTP/1.1',
    'host: 127.0.0.1',
    `accept: ${accepted}`,
    'content-type: application/json',
    `content-length: ${length}`,
    ...(options.signedIn ? ['authorization: Token {token}'] : []),
  ]
  return `${headers.join('\r\n')}\r\n\r\n${body}`
}

/** Says that something goes on, where somebody looks. */
export function tick(mark = '.'): void {
  if (process.stderr.isTTY) process.stderr.write(mark)
}

/** Sends a process a message, and returns what it answers. */
export function tell<T>(child: ChildProcess, message: object | string): Promise<T> {
  const answer = answerOf<T>(child)
  child.send(message)
  return answer
}

/** The next message of a process; throws when it ends instead. */
export async function answerOf<T>(child: ChildProcess): Promise<T> {
  const stop = new AbortController()
  const { signal } = stop
  const ended = once(child, 'exit', { signal }).then(([code]) => {
    throw new Error(`${child.spawnargs.at(-1)} ended with ${code}.`)
  })
  try {
    const [message] = await Promise.race([once(child, 'message', { signal }), ended])
    return message as T // each process sends one kind of message
  } finally {
    ended.catch(() => {}) // the other one of the two is given up
    stop.abort()
  }
}

/** The middle value, or the mean of the two. */
export function medianOf(values: readonly number[]): number {
  const sorted = [...values].sort((one, other) => one - other)
  const middle = sorted.length / 2
  return ((sorted[Math.floor(middle)] ?? 0) + (sorted[Math.ceil(middle) - 1] ?? 0)) / 2
}

/** Median, lowest and highest. */
export interface Spread {
  median: number
  lowest: number
  highest: number
}

export function spreadOf(values: readonly number[]): Spread {
  return { median: medianOf(values), lowest: Math.min(...values), highest: Math.max(...values) }
}

/** Whole numbers with thousands apart. */
export function group(value: number): string {
  return Math.round(value).toLocaleString('en-US')
}

/** A Markdown table. */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  return [head, head.map(() => '---'), ...rows].map((cells) => `| ${cells.join(' | ')} |`).join('\n')
}

/** A change of these is a change of what is measured; the results themselves are not. */
const measured = ['src', 'bench', 'package-lock.json', ':!bench/*.md', ':!bench/*.svg', ':!bench/results']

/** Date, runtime, processor and commit, as a report begins. */
export function describeMachine(): string {
  const commit = git('rev-parse', '--short', 'HEAD')
  const changed = git('status', '--porcelain', '--', ...measured) === '' ? '' : ' with changes'
  return `${new Date().toISOString().slice(0, 10)}, Node ${process.versions.node}, ${cpus()[0]?.model ?? 'unknown CPU'}, commit ${commit}${changed}.`
}

function hasTaskset(): boolean {
  try {
    execFileSync('taskset', ['--version'], { stdio: 'ignore' })
    return true
  } catch {
    return false
  }
}

function git(...args: string[]): string {
  return execFileSync('git', args, { encoding: 'utf8', cwd: join(import.meta.dirname, '..') }).trim()
}
