import { copyFileSync, rmSync, statSync } from 'node:fs'
import { join } from 'node:path'
import Database from 'better-sqlite3'
import { migrateDown, migrateToLatest } from '../../src/db/migrate.ts'
import { openDatabase } from '../../src/db/open.ts'
import { fill } from '../fill.ts'
import type { Question } from '../question.ts'
import { group, spreadOf, table, tick, withFolder } from '../runner.ts'

const users = 100_000
const tokens = 1_000_000

/** The first migration that rewrites every token. */
const rewriting = '0005-smaller-tokens'

const mostRounds = 3

/** How long a file of an earlier version takes to be brought to the newest schema. */
export const migration: Question = {
  name: 'migration',
  ask: ({ rounds }) =>
    withFolder(async (folder) => {
      const before = join(folder, 'before.db')
      await fill(before, { users, tokens })
      await takeBackTo(before, rewriting)
      tick()
      const seconds: number[] = []
      let [names, bytes]: [string[], number] = [[], 0]
      for (let round = 0; round < Math.min(rounds, mostRounds); round++) {
        const file = join(folder, 'migrated.db')
        copyFileSync(before, file)
        const database = openDatabase(`sqlite:${file}`)
        const start = performance.now()
        names = await migrateToLatest(database)
        seconds.push((performance.now() - start) / 1000)
        await database.close()
        bytes = statSync(file).size
        rmSync(file)
        tick()
      }
      const { median, lowest, highest } = spreadOf(seconds)
      return {
        title: `How long does it take to migrate ${group(tokens)} tokens?`,
        text: [
          `A file as it was before \`${rewriting}\`, which writes every token anew, to the newest schema: ${names.length} migrations, as a start does them before it listens. The file is in the system's cache. Afterwards it still holds the pages that the old rows took, and uses them again.`,
          '',
          table(
            ['tokens', 'seconds, median', 'lowest', 'highest', 'file before, MB', 'after, MB'],
            [
              [
                group(tokens),
                ...[median, lowest, highest].map((value) => value.toFixed(1)),
                ...[statSync(before).size, bytes].map((size) => (size / 1_000_000).toFixed(0)),
              ],
            ],
          ),
        ].join('\n'),
        figures: [],
      }
    }),
}

/** Takes migrations back until the named one has gone, and packs the file: such a one has no holes. */
async function takeBackTo(file: string, name: string): Promise<void> {
  const database = openDatabase(`sqlite:${file}`)
  for (let taken = ''; taken !== name; ) [taken = ''] = await migrateDown(database)
  await database.close()
  const db = new Database(file)
  db.exec('VACUUM')
  db.pragma('wal_checkpoint(TRUNCATE)')
  db.close()
}
