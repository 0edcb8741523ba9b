import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import SqliteDatabase from 'better-sqlite3'
import { CompiledQuery, Kysely, SqliteDialect, sql } from 'kysely'
import t from 'tap'
import { explainDatabaseFault } from '../../src/db/faults.ts'
import { migrateToLatest } from '../../src/db/migrate.ts'
import { adoptKysely, openDatabase } from '../../src/db/open.ts'
import type { Tables } from '../../src/db/tables.ts'
import { countUp } from '../../src/db/throttle.ts'
import { prepareFindToken } from '../../src/db/tokens.ts'
import { refusalOf } from '../support/domain.ts'
import { migrationNames } from '../support/migrations.ts'
import { startScript } from '../support/processes.ts'

t.test('the folder and the file are made, for the owner’s eyes only, with what WAL adds', async (t) => {
  const folder = join(t.testdir(), 'made', 'on the way')
  const file = join(folder, 'latchkey.db')
  const database = openDatabase(`sqlite:${file}`)
  await migrateToLatest(database)
  t.equal(statSync(folder).mode & 0o777, 0o700)
  for (const suffix of ['', '-wal', '-shm'])
    t.equal(statSync(file + suffix).mode & 0o777, 0o600, `latchkey.db${suffix}`)
  await database.close()
  t.throws(() => statSync(`${file}-wal`), 'closing leaves one file')
})

t.test('a file that exists keeps its mode and its rows', async (t) => {
  const file = join(t.testdir(), 'latchkey.db')
  const first = openDatabase(`sqlite:${file}`)
  await migrateToLatest(first)
  await first.close()
  chmodSync(file, 0o640)
  const second = openDatabase(`sqlite://${file}`)
  t.same(await migrateToLatest(second), [])
  t.equal(statSync(file).mode & 0o777, 0o640)
  await second.close()
  await second.close()
})

t.test('the pragmas are those that keep an acknowledged write', async (t) => {
  const database = openDatabase(`sqlite:${t.testdir()}/latchkey.db`)
  t.teardown(() => database.close())
  for (const [pragma, value] of [
    ['journal_mode', 'wal'],
    ['synchronous', 2],
    ['foreign_keys', 1],
    ['busy_timeout', 3],
  ] as const) {
    const { rows } = await sql<Record<string, unknown>>`pragma ${sql.raw(pragma)}`.execute(database.kysely)
    t.same(Object.values(rows[0] ?? {}), [value], pragma)
  }
})

t.test('counters do not wait for the disk, and all else does', async (t) => {
  const database = openDatabase(`sqlite:${t.testdir()}/latchkey.db`)
  t.teardown(() => database.close())
  const { run, transaction, transactionWithoutSync } = database
  async function readSetting(db: Kysely<Tables>): Promise<unknown> {
    const { rows } = await sql<{ synchronous: number }>`pragma synchronous`.execute(db)
    return rows[0]?.synchronous
  }
  const settings = [
    transactionWithoutSync(readSetting),
    transaction(readSetting),
    transactionWithoutSync(readSetting),
    run(readSetting),
  ]
  t.same(await Promise.all(settings), [1, 2, 1, 2])
  await t.rejects(
    transactionWithoutSync(async () => {
      throw new Error('no')
    }),
    { message: 'no' },
  )
  t.equal(await run(readSetting), 2)
})

t.test('a counter that meets a locked file counts once, and the next write waits for the disk', async (t) => {
  const file = `${t.testdir()}/latchkey.db`
  const database = openDatabase(`sqlite:${file}`)
  const other = new SqliteDatabase(file)
  t.teardown(() => Promise.all([database.close(), other.close()]))
  await migrateToLatest(database)
  other.exec('begin immediate')
  const counted = database.transactionWithoutSync((db) => countUp(db, 'key', Date.now() + 60_000))
  await sleep(50)
  const { rows } = await sql<{ synchronous: number }>`pragma synchronous`.execute(database.kysely)
  t.equal(rows[0]?.synchronous, 2)
  other.exec('commit')
  t.equal(await counted, 1)
})

t.test('a crowd at the file leaves room for others', async (t) => {
  const own = openDatabase(`sqlite:${t.testdir()}/latchkey.db`)
  const kysely = new Kysely<object>({
    dialect: new SqliteDialect({ database: new SqliteDatabase(join(t.testdirName, 'application.db')) }),
  })
  const adopted = adoptKysely(kysely)
  t.teardown(() => Promise.all([own.close(), kysely.destroy()]))
  for (const database of [own, adopted]) {
    let rounds = 0
    let timer = setImmediate(function count() {
      rounds++
      timer = setImmediate(count)
    })
    const crowd = Array.from({ length: 1_000 }, () => database.transaction((db) => sql`select 1`.execute(db)))
    await Promise.all(crowd)
    clearImmediate(timer)
    t.ok(rounds > 2, `the event loop went round ${rounds} times`)
  }
})

t.test('a file that cannot be used is named, with what is wrong and what helps', async (t) => {
  const whole = join(t.testdir(), 'whole.db')
  const database = openDatabase(`sqlite:${whole}`)
  await migrateToLatest(database)
  await database.close()
  const bytes = readFileSync(whole)
  const folder = t.testdir({
    'text.db': 'This is a text, and by no means a database.\n'.repeat(100),
    folder: {},
  })
  writeFileSync(
    join(folder, 'damaged.db'),
    Buffer.concat([bytes.subarray(0, 18), Buffer.alloc(4_096, 7), bytes.subarray(4_114)]),
  )
  const cases = [
    ['text.db', /text\.db: it is not an SQLite database\. Point DATABASE_URL at another file\.$/],
    ['damaged.db', /damaged\.db: it is (not an SQLite database|damaged)/],
    ['folder', /folder: it is a folder/],
    ['text.db/latchkey.db', /latchkey\.db: a file stands where its folder should be/],
    ['text.db/more/latchkey.db', /latchkey\.db: a file stands where its folder should be/],
  ] as const
  for (const [name, message] of cases)
    t.throws(() => openDatabase(`sqlite:${join(folder, name)}`), { message }, name)
})

t.test('a damaged page is found when it is read, and refused as a fault of the database', async (t) => {
  const file = join(t.testdir(), 'latchkey.db')
  const before = openDatabase(`sqlite:${file}`)
  await migrateToLatest(before)
  const { rows } = await sql<{
    rootpage: number
  }>`select rootpage from sqlite_schema where rootpage > 0`.execute(before.kysely)
  await before.close()
  const bytes = readFileSync(file)
  for (const { rootpage } of rows) bytes.fill(0xff, (rootpage - 1) * 4_096, rootpage * 4_096)
  writeFileSync(file, bytes)
  const database = openDatabase(`sqlite:${file}`)
  t.teardown(() => database.close())
  t.match(await refusalOf(database.run((db) => db.selectFrom('latchkey_users').selectAll().execute())), {
    code: 'SERVICE_UNAVAILABLE',
    reason: 'DATABASE',
    retryAfter: 5,
  })
  const findToken = prepareFindToken(database)
  t.throws(() => findToken('x'), { code: 'SERVICE_UNAVAILABLE' })
})

t.test('a file that another keeps for itself is waited for, and then said to be locked', async (t) => {
  const file = join(t.testdir(), 'latchkey.db')
  const other = new SqliteDatabase(file)
  other.exec('create table t (id); begin exclusive')
  t.throws(() => openDatabase(`sqlite:${file}`), { message: /another process holds it locked/ })
  other.exec('commit')
  await openDatabase(`sqlite:${file}`).close()
  other.close()
})

t.test('an address that is none of ours is not repeated: it may hold a password', async (t) => {
  for (const url of ['mysql://ada:secret@localhost/latchkey', 'sqlite:', 'latchkey.db']) {
    t.throws(() => openDatabase(url), { message: /is not understood: use sqlite:<file>/ })
    t.notMatch(messageOf(url), 'secret')
  }
})

t.test('more different statements than are kept answer right', async (t) => {
  const database = openDatabase('sqlite::memory:')
  t.teardown(() => database.close())
  for (let count = 0; count < 1_000; count++) {
    const { rows } = await database.kysely.executeQuery<{ n: number }>(
      CompiledQuery.raw(`select ${count} as n`),
    )
    if (rows[0]?.n !== count) t.fail(`${count}`)
  }
  const { rows } = await database.kysely.executeQuery<{ n: number }>(CompiledQuery.raw('select 0 as n'))
  t.same(rows, [{ n: 0 }])
})

t.test('a transaction is all or nothing, and others wait for its end', async (t) => {
  const database = openDatabase('sqlite::memory:')
  t.teardown(() => database.close())
  await migrateToLatest(database)
  const counter = { key: 'a', attempts: 1, blocked_until: 0, expires_at: 0 }
  const failing = database.transaction(async (db) => {
    await db.insertInto('latchkey_throttle').values(counter).execute()
    await new Promise(setImmediate)
    throw new Error('midway')
  })
  const counted = database.run((db) => db.selectFrom('latchkey_throttle').selectAll().execute())
  await t.rejects(failing, { message: 'midway' })
  t.same(await counted, [])
})

t.test('the instance of an application is used and not closed', async (t) => {
  const kysely = new Kysely<never>({
    dialect: new SqliteDialect({ database: new SqliteDatabase(':memory:') }),
  })
  t.teardown(() => kysely.destroy())
  const database = adoptKysely(kysely)
  t.same(await migrateToLatest(database), migrationNames())
  t.same(await migrateToLatest(database), [])
  t.equal(await prepareFindToken(database)('unknown'), undefined)
  await t.rejects(
    database.transaction(async (db) => {
      await db
        .insertInto('latchkey_throttle')
        .values({ key: 'a', attempts: 1, blocked_until: 0, expires_at: 0 })
        .execute()
      throw new Error('midway')
    }),
  )
  await database.close()
  t.same((await sql`select * from latchkey_throttle`.execute(kysely)).rows, [], 'it goes on answering')
})

t.test('a transaction that SQLite has rolled back by itself fails with what was wrong', async (t) => {
  const lender = new Kysely<never>({
    dialect: new SqliteDialect({ database: new SqliteDatabase(':memory:') }),
  })
  t.teardown(() => lender.destroy())
  for (const database of [openDatabase('sqlite::memory:'), adoptKysely(lender)]) {
    t.teardown(() => database.close())
    await migrateToLatest(database)
    await sql`create trigger refuse before insert on latchkey_throttle begin select raise(rollback, 'no room'); end`.execute(
      database.kysely,
    )
    const counter = { key: 'a', attempts: 1, blocked_until: 0, expires_at: 0 }
    const inserting = database.transaction((db) =>
      db.insertInto('latchkey_throttle').values(counter).execute(),
    )
    await t.rejects(inserting, { message: 'no room' })
    t.same(await database.transaction((db) => db.selectFrom('latchkey_throttle').selectAll().execute()), [])
  }
})

t.test('an application that closes its database in the middle is told so', async (t) => {
  const connection = new SqliteDatabase(':memory:')
  const database = adoptKysely(new Kysely<never>({ dialect: new SqliteDialect({ database: connection }) }))
  await t.rejects(
    database.transaction(async () => {
      connection.close()
      throw new Error('midway')
    }),
    { message: /not open/ },
  )
})

t.test('what is no fault of the database passes as it is', async (t) => {
  const database = openDatabase('sqlite::memory:')
  t.teardown(() => database.close())
  await migrateToLatest(database)
  await t.rejects(
    database.run(() => Promise.reject(new TypeError('ours'))),
    { name: 'TypeError' },
  )
  const counter = { key: 'a', attempts: 1, blocked_until: 0, expires_at: 0 }
  const insert = () => database.run((db) => db.insertInto('latchkey_throttle').values(counter).execute())
  await insert()
  await t.rejects(insert(), { code: 'SQLITE_CONSTRAINT_PRIMARYKEY' })
})

t.test('a file or folder that is not ours to write is said to be so', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'latchkey-'))
  t.teardown(() => rmSync(folder, { recursive: true }))
  chmodSync(folder, 0o755)
  mkdirSync(join(folder, 'closed'), { mode: 0o500 })
  const file = join(folder, 'latchkey.db')
  await openDatabase(`sqlite:${file}`).close()
  chmodSync(file, 0o444)
  // Root may write anywhere: for this while be somebody else.
  const isRoot = process.getuid?.() === 0
  if (isRoot) process.seteuid?.(65_534)
  try {
    for (const [name, message] of [
      ['closed/latchkey.db', /permission denied\. Make the file/],
      ['latchkey.db', /(it cannot be written|permission denied)\. Make the file/],
      ['closed/more/latchkey.db', /permission denied\. Make the file/],
    ] as const) {
      t.throws(() => openDatabase(`sqlite:${join(folder, name)}`), { message }, name)
    }
  } finally {
    if (isRoot) process.seteuid?.(0)
  }
})

t.test('a file that is opened twice stays locked against others who want it for themselves', async (t) => {
  const file = join(t.testdir(), 'latchkey.db')
  const database = openDatabase(`sqlite:${file}`)
  t.teardown(() => database.close())
  await openDatabase(`sqlite:${file}`).close()
  // From another process, for the locks are those of a process.
  const script = startScript(t, 'take-alone.ts', file)
  t.equal(await script.nextLine(), 'SQLITE_BUSY')
})

t.test('each fault has a sentence for the operator', async (t) => {
  const cases = [
    ['SQLITE_READONLY_DIRECTORY', /cannot be written/],
    ['SQLITE_FULL', /the disk is full/],
    ['SQLITE_IOERR_READ', /cannot be read or written/],
    ['SQLITE_BUSY', /another process holds it locked/],
    ['SQLITE_CORRUPT', /it is damaged/],
    ['SQLITE_ERROR', /as it came/],
  ] as const
  for (const [code, sentence] of cases) {
    t.match(explainDatabaseFault(new SqliteDatabase.SqliteError('as it came', code)), sentence, code)
  }
})

function messageOf(url: string): string {
  try {
    openDatabase(url)
  } catch (error) {
    return (error as Error).message
  }
  return ''
}
