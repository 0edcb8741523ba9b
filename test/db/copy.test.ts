import { join } from 'node:path'
import SqliteDatabase from 'better-sqlite3'
import { sql } from 'kysely'
import t, { type Test } from 'tap'
import { copyInto, leftOutTables } from '../../src/db/copy.ts'
import { listMigrations, migrateDown, migrateToLatest } from '../../src/db/migrate.ts'
import { type Database, openDatabase, sqliteFileOf } from '../../src/db/open.ts'
import { listUsersAlong } from '../../src/db/users.ts'
import { openDomain, origin, refusalOf, type TestDomain } from '../support/domain.ts'
import { foreignTokens, storeForeignToken } from '../support/imported.ts'
import { type Postgres, startPostgres, whyWithoutPostgres } from '../support/postgres.ts'

t.setTimeout(600_000)

const whyWithout = whyWithoutPostgres()
let postgres: Postgres
if (whyWithout === false) postgres = await startPostgres(t)

const folder = t.testdir()
let databases = 0

/** The address of a database that is not there yet, or empty. */
async function newDatabase(engine: Engine): Promise<string> {
  databases++
  if (engine === 'SQLite') return `sqlite:${join(folder, `copy${databases}.db`)}`
  await postgres.createDatabase(`copy${databases}`)
  return postgres.urlOf(`copy${databases}`)
}

type Engine = 'SQLite' | 'PostgreSQL'

/** A domain with something in each table. */
async function openFilled(t: Test, url: string): Promise<TestDomain & { token: string }> {
  const domain = await openDomain(t, { url, mail: mailOn })
  const { auth, database, clock } = domain
  const userId = await domain.createUser('Ada', 'ada@example.org')
  await domain.createUser('bob', 'bob@example.org')
  await domain.createUser('Ünïcode')
  const device = { name: 'Ada’s phone 📱', id: 'phone', platform: 'ios' }
  const { token } = await domain.signIn('ada', { device })
  const { token: former } = await domain.signIn('bob')
  await auth.rotateToken(await domain.userOf(former), former, origin())
  await refusalOf(domain.signIn('ada', { password: 'wrong' }))
  await auth.requestPasswordReset('bob@example.org', origin())
  for (const foreign of foreignTokens.slice(0, 2))
    await storeForeignToken(database, foreign, { userId, now: clock.now })
  await sql`
    insert into latchkey_imports (source, foreign_id, user_id, imported_at)
    values ('django:user', '1', ${userId}, 1), ('django:user', '10', ${userId}, 1), ('drf:token', '1', ${userId}, 1)`.execute(
    database.kysely,
  )
  await sql`
    insert into latchkey_mail_tokens (id, purpose, user_id, email, email_key, expires_at)
    values ('1', 'reset', ${userId}, 'ada@example.org', 'ada@example.org', ${clock.now + 1})`.execute(
    database.kysely,
  )
  await auth.audit.finish()
  return { ...domain, token }
}

async function tokensOf({ auth, userOf }: TestDomain, token: string) {
  const { tokens } = await auth.listTokens((await userOf(token)).user.id, 10, null)
  return tokens.map(({ lastUsedAt: _at, lastUsedAddress: _address, ...kept }) => kept)
}

const mailOn = { enabled: true, resetTtlMs: 3_600_000, verifyTtlMs: 86_400_000, limit: 5 }

async function open(t: Test, url: string): Promise<Database> {
  const database = openDatabase(url)
  t.teardown(() => database.close())
  return database
}

for (const [from, to] of [
  ['SQLite', 'PostgreSQL'],
  ['PostgreSQL', 'SQLite'],
  ['SQLite', 'SQLite'],
] as const) {
  const skip = whyWithout === false || (from === 'SQLite' && to === 'SQLite') ? false : whyWithout

  t.test(`all goes from ${from} to ${to}, and works there`, { skip }, async (t) => {
    const source = await openFilled(t, await newDatabase(from))
    const url = await newDatabase(to)
    const target = await open(t, url)
    const progress: string[] = []
    const copied = await copyInto(source.database, target, {
      name: 'there',
      onProgress: (what, table, share) => progress.push(`${table} ${what} ${share}`),
    })
    for (const { table, rows, changed, sha256 } of copied) {
      t.ok(rows > 0, `the test has something in ${table}`)
      t.equal(changed, rows)
      t.match(sha256, /^[0-9a-f]{64}$/)
    }
    t.ok(progress.includes('latchkey_tokens copied 1') && progress.includes('latchkey_tokens compared 1'))

    const domain = await openDomain(t, { url, clock: source.clock, mail: mailOn })
    t.equal((await domain.userOf(source.token)).user.username, 'Ada')
    for (const { token } of foreignTokens.slice(0, 2)) t.equal(await domain.reasonOf(token), 'none')
    t.match(await tokensOf(domain, source.token), await tokensOf(source, source.token))
    const { token } = await domain.auth.tokenAuth(
      { username: 'ünïcode', password: 'correct horse battery staple' },
      { ...origin(), userAgent: 'one that is new' },
      { kind: 'anonymous', reason: 'MISSING', message: '' },
    )
    t.equal(await domain.reasonOf(token), 'none')
    t.equal(await source.reasonOf(token), 'INVALID', 'nothing is written to the source')
  })

  t.test(`what happened since goes from ${from} to ${to} as well`, { skip }, async (t) => {
    const source = await openFilled(t, await newDatabase(from))
    const target = await open(t, await newDatabase(to))
    await copyInto(source.database, target, { name: 'there', ahead: true })
    await t.rejects(migrateToLatest(target), /Another database \(there\) is being copied into this one/)

    // Names change hands, a user goes with all that is theirs, and so does a user agent.
    const { kysely } = source.database
    for (const [name, key] of [
      ['temporary', 'Ada'],
      ['Ada', 'bob'],
      ['bob', 'temporary'],
    ] as const)
      await kysely
        .updateTable('latchkey_users')
        .set({ username: name, username_key: name.toLowerCase(), email_key: `${name}@example.org` })
        .where('username', '=', key)
        .execute()
    await kysely.deleteFrom('latchkey_users').where('username', '=', 'Ünïcode').execute()
    await kysely.updateTable('latchkey_user_agents').set({ text: 'former' }).execute()
    await source.signIn('ada')
    await source.auth.settled() // what follows a sign-in is written after it
    await source.auth.audit.finish()
    await kysely
      .updateTable('latchkey_tokens')
      .set({ revoked_at: 1 })
      .where('device_id', '=', 'phone')
      .execute()
    await kysely.deleteFrom('latchkey_imports').where('foreign_id', '=', '10').execute()

    const ahead = await copyInto(source.database, target, { name: 'there', ahead: true })
    t.ok(ahead.find(({ table }) => table === 'latchkey_tokens')?.changed)
    const last = await copyInto(source.database, target, { name: 'there' })
    t.strictSame(
      last.filter(({ changed }) => changed > 0),
      [],
      'nothing was left to do',
    )
    await migrateToLatest(target)
    t.match(
      await listUsersAlong(target.kysely, 'all', null, 10),
      await listUsersAlong(kysely, 'all', null, 10),
    )
  })
}

t.test('what goes there and back has the same checksums', { skip: whyWithout }, async (t) => {
  const source = await openFilled(t, await newDatabase('SQLite'))
  const there = await open(t, await newDatabase('PostgreSQL'))
  const back = await open(t, await newDatabase('SQLite'))
  const sums = await copyInto(source.database, there, { name: 'one' })
  t.strictSame(await copyInto(there, back, { name: 'two' }), sums)
})

t.test('user agents are counted anew in SQLite', async (t) => {
  const source = await openFilled(t, await newDatabase('SQLite'))
  const target = await open(t, await newDatabase('SQLite'))
  const agents = (database: Database) =>
    database.kysely.selectFrom('latchkey_user_agents').selectAll().orderBy('id').execute()
  await copyInto(source.database, target, { name: 'there', ahead: true })
  t.match(await agents(target), await agents(source.database))
  // The only token of its user agent, and another one that takes its number.
  await source.database.kysely.deleteFrom('latchkey_tokens').execute()
  t.strictSame(await agents(source.database), [])
  await source.signIn('ada')
  await copyInto(source.database, target, { name: 'there' })
  t.match(await agents(target), await agents(source.database))
})

t.test('every table is carried, or left out on purpose', async (t) => {
  const source = await openFilled(t, await newDatabase('SQLite'))
  const target = await open(t, await newDatabase('SQLite'))
  const carried = (await copyInto(source.database, target, { name: 'there' })).map(({ table }) => table)
  const tables = (await source.database.kysely.introspection.getTables()).map(({ name }) => name)
  t.strictSame(
    tables.filter((name) => !carried.includes(name) && !leftOutTables.includes(name)),
    ['latchkey_migration', 'latchkey_migration_lock'].filter((name) => tables.includes(name)),
  )
})

t.test('many rows go page by page, and a run that failed half-way goes on', async (t) => {
  const source = await openFilled(t, await newDatabase('SQLite'))
  const target = await open(t, await newDatabase('SQLite'))
  await sql`
    with recursive numbers (n) as (select 1 union all select n + 1 from numbers where n < 9000)
    insert into latchkey_tokens (id, user_id, digest, name, created_at, expires_at, max_expires_at)
    select randomblob(16), (select id from latchkey_users limit 1), randomblob(32), 'phone', n, n, n from numbers`.execute(
    source.database.kysely,
  )
  let isBroken = true
  const stop = copyInto(source.database, target, {
    name: 'there',
    onProgress(_what, table, share) {
      if (isBroken && table === 'latchkey_tokens' && share > 0.5) throw new Error('the power is out')
    },
  })
  await t.rejects(stop, /the power is out/)
  isBroken = false
  const copied = await copyInto(source.database, target, { name: 'there', ahead: true })
  const tokens = copied.find(({ table }) => table === 'latchkey_tokens')
  t.equal(tokens?.rows, 9_004)
  t.ok(tokens !== undefined && tokens.changed > 0 && tokens.changed < 5_000, 'the rest alone was written')

  // Pruning takes the oldest: all of them are gone from the place of one page.
  await sql`delete from latchkey_tokens where revoked_at is null and max_expires_at < 9000`.execute(
    source.database.kysely,
  )
  const last = await copyInto(source.database, target, { name: 'there' })
  t.match(
    last.find(({ table }) => table === 'latchkey_tokens'),
    { rows: 5, changed: 8_999 },
  )
})

t.test('a database that is in use is left alone', async (t) => {
  const source = await openFilled(t, await newDatabase('SQLite'))
  const other = await openDomain(t, { url: await newDatabase('SQLite') })
  await other.createUser('eve')
  await t.rejects(
    copyInto(source.database, other.database, { name: 'there' }),
    /is in use.*Nothing was written/,
  )
  t.ok(await other.auth.findUser('eve'))
  const [newest] = await migrateDown(other.database)
  await t.rejects(copyInto(source.database, other.database, { name: 'there' }), /Nothing was written/)
  const missing = (await listMigrations(other.database)).filter(({ executedAt }) => executedAt === null)
  t.strictSame(
    missing.map(({ name }) => name),
    [newest],
    'its schema neither',
  )

  const target = await open(t, await newDatabase('SQLite'))
  await copyInto(source.database, target, { name: 'there' })
  await t.rejects(
    copyInto(source.database, target, { name: 'there' }),
    /is in use/,
    'a copy is, once it is finished',
  )

  const half = await open(t, await newDatabase('SQLite'))
  await copyInto(source.database, half, { name: 'there', ahead: true })
  await t.rejects(
    copyInto(source.database, half, { name: 'elsewhere' }),
    /an unfinished copy of another one, there/,
  )
  const next = await open(t, await newDatabase('SQLite'))
  await t.rejects(copyInto(half, next, { name: 'half' }), /itself an unfinished copy of there/)
})

t.test('only a database of this version is copied', async (t) => {
  const source = await open(t, await newDatabase('SQLite'))
  const target = await open(t, await newDatabase('SQLite'))
  await t.rejects(copyInto(source, target, { name: 'there' }), /Run latchkey migrate on it first/)
})

t.test('what has other columns than here is not copied', async (t) => {
  const { database } = await openFilled(t, await newDatabase('SQLite'))
  const target = await open(t, await newDatabase('SQLite'))
  await migrateToLatest(target)
  await sql`alter table latchkey_tokens add column colour text`.execute(target.kysely)
  await t.rejects(copyInto(database, target, { name: 'there' }), {
    message: 'latchkey_tokens has other columns in the source than in the target. Nothing was copied.',
  })
})

t.test('who writes to the target meanwhile is found out', async (t) => {
  const source = await openFilled(t, await newDatabase('SQLite'))
  const url = await newDatabase('SQLite')
  const target = await open(t, url)
  const other = new SqliteDatabase(sqliteFileOf(url), { timeout: 5_000 })
  t.teardown(() => other.close())
  const copy = copyInto(source.database, target, {
    name: 'there',
    onProgress(what) {
      if (what === 'compared') other.exec('delete from latchkey_tokens')
    },
  })
  await t.rejects(
    copy,
    /latchkey_user_agents is not the same in both: 1 row\(s\) in the source, 0 in the target/,
  )
  await t.rejects(migrateToLatest(target), /is being copied into this one/)
})
