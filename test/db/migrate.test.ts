import { join } from 'node:path'
import SqliteDatabase from 'better-sqlite3'
import { sql } from 'kysely'
import t from 'tap'
import { listMigrations, migrateDown, migrateToLatest } from '../../src/db/migrate.ts'
import { type Database, openDatabase } from '../../src/db/open.ts'
import { migrationNames } from '../support/migrations.ts'
import { startScript } from '../support/processes.ts'

const all = migrationNames()

async function schemaOf({ kysely }: Database): Promise<string[]> {
  const { rows } = await sql<{ sql: string }>`
    select sql from sqlite_schema where name like 'latchkey%' and name not like 'latchkey_migration%'
    order by name`.execute(kysely)
  return rows.map((row) => row.sql)
}

t.test('the migrations run in order, once', async (t) => {
  const database = openDatabase('sqlite::memory:')
  t.teardown(() => database.close())
  t.match(
    await listMigrations(database),
    all.map((name) => ({ name, executedAt: null, known: true })),
  )
  t.same(await migrateToLatest(database), all)
  t.same(await migrateToLatest(database), [])
  t.match(
    await listMigrations(database),
    all.map((name) => ({ name, executedAt: Date, known: true })),
  )
})

t.test('each can be taken back, the newest first, and all made again alike', async (t) => {
  const database = openDatabase('sqlite::memory:')
  t.teardown(() => database.close())
  await migrateToLatest(database)
  const schema = await schemaOf(database)
  for (const name of all.toReversed()) t.same(await migrateDown(database), [name])
  t.same(await schemaOf(database), [])
  t.same(await migrateDown(database), [])
  await migrateToLatest(database)
  t.same(await schemaOf(database), schema)
})

t.test('processes that start at once on a new file migrate it once', async (t) => {
  for (let round = 0; round < 3; round++) {
    const file = join(t.testdir(), `round${round}.db`)
    const scripts = Array.from({ length: 4 }, () => startScript(t, 'open-and-migrate.ts', file))
    for (const script of scripts) t.equal(await script.nextLine(), 'ready')
    for (const script of scripts) script.child.stdin?.write('go\n')
    const ran = await Promise.all(scripts.map((script) => script.nextLine()))
    t.same(
      ran.flatMap((line) => JSON.parse(line)),
      all,
    )
    for (const script of scripts) t.equal(await script.ended, 0)
  }
})

t.test('what was interrupted half-way leaves nothing, and the next start finishes', async (t) => {
  const file = join(t.testdir(), 'latchkey.db')
  // A table of somebody else's in the way stops the last of three.
  const connection = new SqliteDatabase(file)
  connection.exec('create table latchkey_throttle_expires (id)')
  const database = openDatabase(`sqlite:${file}`)
  t.teardown(() => database.close())
  await t.rejects(migrateToLatest(database))
  t.match(
    await listMigrations(database),
    all.map((name) => ({ name, executedAt: null })),
    'none is half done',
  )
  t.equal((await schemaOf(database)).length, 1)
  connection.exec('drop table latchkey_throttle_expires')
  connection.close()
  t.same(await migrateToLatest(database), all)
})

t.test('a database from a newer version is refused, and nothing is changed', async (t) => {
  const database = openDatabase('sqlite::memory:')
  t.teardown(() => database.close())
  await migrateToLatest(database)
  await sql`insert into latchkey_migration (name, timestamp) values ('9999-later', '2030-01-01T00:00:00.000Z')`.execute(
    database.kysely,
  )
  const schema = await schemaOf(database)
  const message = /^The database is from a newer Latchkey: .*9999-later/
  await t.rejects(migrateToLatest(database), { message })
  await t.rejects(migrateDown(database), { message })
  t.same(await schemaOf(database), schema)
  t.match((await listMigrations(database)).at(-1), { name: '9999-later', known: false })
})
