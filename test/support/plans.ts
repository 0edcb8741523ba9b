import { join } from 'node:path'
import SqliteDatabase from 'better-sqlite3'
import { type CompiledQuery, Kysely, SqliteDialect } from 'kysely'
import type { Test } from 'tap'
import { migrateToLatest } from '../../src/db/migrate.ts'
import { openDatabase } from '../../src/db/open.ts'
import type { Tables } from '../../src/db/tables.ts'

/** How SQLite would answer the queries that `run` makes, a line for each step. */
export type Explain = (run: (db: Kysely<Tables>) => Promise<unknown>) => Promise<string>

/** Plans of queries on an empty database, whose statistics tell SQLite nothing; `t` closes it. */
export async function openPlans(t: Test): Promise<Explain> {
  const file = join(t.testdir(), 'plans.db')
  const database = openDatabase(`sqlite:${file}`)
  await migrateToLatest(database)
  await database.close()
  const connection = new SqliteDatabase(file)
  const queries: CompiledQuery[] = []
  const db = new Kysely<Tables>({
    dialect: new SqliteDialect({ database: connection }),
    log: ({ query }) => void queries.push(query),
  })
  t.teardown(() => db.destroy())
  return async (run) => {
    queries.length = 0
    await run(db)
    return queries
      .flatMap(({ sql, parameters }) =>
        connection.prepare<unknown[], { detail: string }>(`explain query plan ${sql}`).all(...parameters),
      )
      .map(({ detail }) => detail)
      .join('\n')
  }
}
