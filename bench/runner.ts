import { type ChildProcess, execFileSync } from 'node:child_process'
import { once } from 'node:events'
import { availableParallelism, cpus } from 'node:os'
import { join } from 'node:path'

/** The server has one core to itself, the load another, where the system can pin them. */
export const cores = availableParallelism() > 1 && hasTaskset() ? { server: '0', load: '1' } : null

/** A command that runs on one core, or anywhere. */
export function pin(core: string | undefined, command: readonly string[]): readonly string[] {
  return core === undefined ? command : ['taskset', '-c', core, ...command]
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

/** A change of these is a change of what is measured; the results themselves are not. */
const measured = ['src', 'bench', 'package-lock.json', ':!bench/RESULTS*', ':!bench/*.svg']

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
