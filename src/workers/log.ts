import { hostname } from 'node:os'
import { createLogOutput } from '../log-output.ts'

const levels = { trace: 10, debug: 20, info: 30, warn: 40, error: 50, fatal: 60, silent: 70 }

/** Writes a line with fields of its own and a message. */
type WriteLine = (fields: object, msg: string) => void

/** The primary's log. */
export interface Log {
  info: WriteLine
  warn: WriteLine
  error: WriteLine
  flush(limitMs: number): Promise<void>
}

/** A log with lines like those of the workers, without the framework that writes theirs. */
export function createLog(least: keyof typeof levels): Log {
  const output = createLogOutput(1, (sentence) => process.stderr.write(`${sentence}\n`))
  const host = hostname()
  const at =
    (level: number): WriteLine =>
    (fields, msg) => {
      if (level < levels[least]) return
      const line = { level, time: Date.now(), pid: process.pid, hostname: host, ...fields, msg }
      output.write(`${JSON.stringify(line)}\n`)
    }
  return { info: at(levels.info), warn: at(levels.warn), error: at(levels.error), flush: output.flush }
}
