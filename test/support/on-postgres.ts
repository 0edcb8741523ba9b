import { globSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import type { Test } from 'tap'
import { startPostgres, whyWithoutPostgres } from './postgres.ts'

const root = fileURLToPath(new URL('../..', import.meta.url))

/** A quiet machine needs a tenth of this. */
const fileLimitMs = 600_000

/** Runs tests once more, each file as a process, on databases of a PostgreSQL that is started for them. */
export async function runOnPostgres(t: Test, patterns: string[], except: string[] = []): Promise<void> {
  const files = globSync(patterns, { cwd: root }).sort()
  const reason = whyWithoutPostgres()
  if (reason !== false) {
    t.plan(0, `${files.length} files of tests do not run on PostgreSQL: ${reason}`)
    return
  }
  t.setTimeout(files.length * fileLimitMs)
  const template = await (await startPostgres(t)).createTemplate()
  for (const file of files) {
    if (except.includes(file)) continue
    await t.spawn(
      process.execPath,
      [file],
      {
        cwd: root,
        env: { ...process.env, LATCHKEY_TEST_DATABASE: template },
        timeout: fileLimitMs,
      },
      `${file} on PostgreSQL`,
    )
  }
}
