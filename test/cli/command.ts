import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import t, { type Test } from 'tap'
import { collectLog } from '../support/log.ts'

// Each command is a process of its own: dozens of them take their time on a busy machine.
t.setTimeout(600_000)

export const bin: string = fileURLToPath(new URL('../../bin/latchkey.js', import.meta.url))

export const password = 'correct horse battery staple'

/** How a command ended. */
export interface Outcome {
  status: number | null
  stdout: string
  stderr: string
}

/** The command in a folder of its own, with a database of its own. */
export interface Bench {
  folder: string
  database: string
  env: Record<string, string | undefined>
  /** Runs `latchkey` to its end; `input` is its standard input. */
  run(args: string[], input?: string | Buffer): Promise<Outcome>
  /** Runs it with `--json`, expects success, and returns what it printed. */
  // biome-ignore lint/suspicious/noExplicitAny: the shape differs from one command to the next; tests say what they expect
  json(args: string[], input?: string): Promise<any>
  /** Starts it and leaves it running; it is killed with the test. */
  start(args: string[], env?: Record<string, string>): Running
}

/** A command that runs. */
export interface Running {
  child: ChildProcessWithoutNullStreams
  output(): Outcome
  /** Resolves as soon as the output has `pattern`; rejects where the command ends without. */
  said(pattern: RegExp): Promise<RegExpExecArray>
  ended: Promise<Outcome>
}

/**
 * A bench for one test. Variables that the person who runs the tests has set do not reach the command. `through` is a
 * command that runs what follows it under other conditions.
 */
export function createBench(
  t: Test,
  env: Record<string, string> = {},
  files: Parameters<Test['testdir']>[0] = {},
  through: string[] = [],
): Bench {
  const folder = t.testdir(files)
  const database = join(folder, 'latchkey.db')
  const own = {
    DATABASE_URL: `sqlite:${database}`,
    HOST: undefined,
    PORT: '0',
    NODE_ENV: undefined,
    NODE_DISABLE_COMPILE_CACHE: '1', // coverage is less precise with it, and homes are not for tests
    ...env,
  }
  const bench: Bench = {
    folder,
    database,
    env: own,
    start(args, more = {}) {
      const [command = '', ...rest] = [...through, process.execPath, bin, ...args]
      const child = spawn(command, rest, {
        cwd: folder,
        env: { ...process.env, ...own, ...more },
      })
      return watch(t, child)
    },
    run(args, input = '') {
      const running = bench.start(args)
      running.child.stdin.end(input)
      return running.ended
    },
    async json(args, input) {
      const outcome = await bench.run([...args, '--json'], input)
      if (outcome.status !== 0) throw new Error(`${args.join(' ')}: ${outcome.stderr}`)
      return JSON.parse(outcome.stdout)
    },
  }
  return bench
}

/** Collects what a process writes. Standard error goes to the log that is searched for secrets; tokens are on standard output. */
export function watch(t: Test, child: ChildProcessWithoutNullStreams): Running {
  let stdout = ''
  let stderr = ''
  const log = collectLog()
  child.stdin.on('error', () => {}) // a command may end before it has read everything
  child.stdout.on('data', (chunk) => {
    stdout += chunk
  })
  child.stderr.on('data', (chunk) => {
    stderr += chunk
    log.write(chunk)
  })
  t.teardown(() => child.exitCode === null && child.kill('SIGKILL'))
  const output = (status: number | null = null): Outcome => ({ status, stdout, stderr })
  const ended = once(child, 'close').then(([status]) => output(status))
  return {
    child,
    output: () => output(),
    ended,
    said: (pattern) =>
      new Promise((resolve, reject) => {
        const look = (): void => {
          const match = pattern.exec(stdout) ?? pattern.exec(stderr)
          if (match) resolve(match)
        }
        child.stdout.on('data', look)
        child.stderr.on('data', look)
        ended.then((outcome) => reject(new Error(`It ended without ${pattern}: ${JSON.stringify(outcome)}`)))
        look()
      }),
  }
}
