import { appendFileSync, mkdirSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/**
 * Where all tests of a run write what the app logs, one file per test process. `test/logs.test.ts` reads them at the end
 * and looks for secrets.
 */
export const logFolder: string = process.env.LATCHKEY_TEST_LOGS ?? join(tmpdir(), 'latchkey-test-logs')

/** A stream for pino that keeps each line. */
export function collectLog(): { write(line: string): void } {
  mkdirSync(logFolder, { recursive: true })
  const file = join(logFolder, `${process.pid}.log`)
  return { write: (line) => appendFileSync(file, line) }
}
