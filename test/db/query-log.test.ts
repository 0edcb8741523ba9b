import { sql } from 'kysely'
import t, { type Test } from 'tap'
import type { RunQuery } from '../../src/db/database.ts'
import { migrateToLatest } from '../../src/db/migrate.ts'
import { openDatabase } from '../../src/db/open.ts'
import { prepareFindToken } from '../../src/db/tokens.ts'
import { startPostgres, whyWithoutPostgres } from '../support/postgres.ts'

const digest = Buffer.alloc(32).toString('base64url')
const server = { poolSize: 2, timeoutMs: 5_000, changes: 'listen' } as const

/** Runs what succeeds and what fails, through Kysely and by itself. */
async function tellsOf(t: Test, url: string, engine: RunQuery['engine']): Promise<void> {
  const told: RunQuery[] = []
  const database = openDatabase(url, server, (query) => told.push(query))
  t.teardown(() => database.close())
  await migrateToLatest(database)
  const findToken = prepareFindToken(database)
  const take = () => told.splice(0).map((query) => [query.engine, query.failed])
  take()

  await database.run((db) => sql`select 1`.execute(db))
  t.strictSame(take(), [[engine, false]])
  await t.rejects(database.run((db) => sql`select * from nothing`.execute(db)))
  t.strictSame(take(), [[engine, true]])

  t.equal(await findToken(digest), undefined)
  t.match(told[0], { sql: /from "latchkey_tokens"/, durationMs: Number })
  t.strictSame(take(), [[engine, false]])
  await sql`alter table latchkey_tokens rename to hidden`.execute(database.kysely)
  take()
  await t.rejects(async () => findToken(digest))
  t.strictSame(take().at(-1), [engine, true])
}

t.test('whoever listens hears of each statement in SQLite, and whether it failed', (t) =>
  tellsOf(t, 'sqlite::memory:', 'sqlite'),
)

t.test('and in PostgreSQL', { skip: whyWithoutPostgres() }, async (t) => {
  const postgres = await startPostgres(t)
  await postgres.createDatabase('told')
  await tellsOf(t, postgres.urlOf('told'), 'postgresql')
})
