import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import type { Test } from 'tap'

/** A script of this folder that runs as a process of its own. */
export interface Script {
  child: ChildProcess
  /** The next line it prints. */
  nextLine(): Promise<string>
  /** All lines from here on. */
  lines: AsyncIterable<string>
  /** Its exit status, or the signal that ended it. */
  ended: Promise<number | string>
}

/** Starts a script of `test/support/`; `t` ends it. */
export function startScript(t: Test, name: string, ...parameters: string[]): Script {
  const script = fileURLToPath(new URL(name, import.meta.url))
  const child = spawn(process.execPath, [script, ...parameters], { stdio: ['pipe', 'pipe', 'inherit'] })
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
  const ended = once(child, 'exit').then(([code, signal]) => code ?? signal)
  t.teardown(async () => {
    child.kill('SIGKILL')
    await ended
  })
  return {
    child,
    async nextLine() {
      const { value, done } = await lines.next()
      if (done) throw new Error(`${name} ended before it said anything`)
      return value
    },
    lines: { [Symbol.asyncIterator]: () => lines },
    ended,
  }
}
