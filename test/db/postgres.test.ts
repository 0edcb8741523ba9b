import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { sql } from 'kysely'
import t, { type Test } from 'tap'
import { listMigrations, migrateDown, migrateToLatest } from '../../src/db/migrate.ts'
import { type Database, findWeakSettings, openDatabase } from '../../src/db/open.ts'
import { explainPostgresFault } from '../../src/db/postgres-faults.ts'
import { findUsersById, insertUser } from '../../src/db/users.ts'
import { LatchkeyError } from '../../src/errors.ts'
import { openDomain } from '../support/domain.ts'
import { migrationNames } from '../support/migrations.ts'
import { type Postgres, startPostgres, whyWithoutPostgres } from '../support/postgres.ts'
import { startScript } from '../support/processes.ts'

const all = migrationNames()
const options = { poolSize: 2, timeoutMs: 500, changes: 'listen' } as const
let names = 0

/** A database of this name that is there, and open. */
async function openFresh(t: Test, postgres: Postgres, given: Partial<typeof options> = {}) {
  const name = `fresh${++names}`
  await postgres.createDatabase(name)
  const database = openDatabase(postgres.urlOf(name), { ...options, ...given })
  t.teardown(() => database.close())
  return { database, name }
}

async function faultOf(work: Promise<unknown>): Promise<LatchkeyError> {
  try {
    await work
  } catch (error) {
    if (error instanceof LatchkeyError) return error
    throw error
  }
  throw new Error('there was no fault')
}

const unavailable = { code: 'SERVICE_UNAVAILABLE', details: { reason: 'DATABASE', retryAfter: 5 } }

function ask(database: Database): Promise<unknown> {
  return database.run((db) => sql`select 1`.execute(db))
}

/** An account that nothing is known of but its name. */
function account(id: string, name = id) {
  const names = { username: name, usernameKey: name, email: null, emailKey: null }
  return { id, ...names, passwordDigest: null, role: 'USER', createdAt: 1 } as const
}

t.test('PostgreSQL', { skip: whyWithoutPostgres() }, async (t) => {
  const postgres = await startPostgres(t)

  t.test('the migrations run in order, once, and each can be taken back', async (t) => {
    const { database } = await openFresh(t, postgres)
    t.match(
      await listMigrations(database),
      all.map((name) => ({ name, executedAt: null, known: true })),
    )
    t.same(await migrateToLatest(database), all)
    t.same(await migrateToLatest(database), [])
    const schema = await schemaOf(database)
    for (const name of all.toReversed()) t.same(await migrateDown(database), [name])
    t.same(await migrateDown(database), [])
    t.same(await schemaOf(database), [], 'nothing is left over')
    t.same(await migrateToLatest(database), all)
    t.same(await schemaOf(database), schema)
  })

  t.test('processes that start at once on a new database migrate it once', async (t) => {
    await postgres.createDatabase('crowd')
    const scripts = Array.from({ length: 3 }, () =>
      startScript(t, 'open-and-migrate.ts', postgres.urlOf('crowd')),
    )
    for (const script of scripts) t.equal(await script.nextLine(), 'ready')
    for (const script of scripts) script.child.stdin?.write('go\n')
    const ran = await Promise.all(scripts.map((script) => script.nextLine()))
    t.same(
      ran.flatMap((line) => JSON.parse(line)),
      all,
    )
    for (const script of scripts) t.equal(await script.ended, 0)
  })

  t.test('tokens of before their rows became smaller are taken along, and back', async (t) => {
    const { database } = await openFresh(t, postgres)
    await migrateToLatest(database)
    const id = '01890a5d-ac96-774b-bcce-b302099a8057'
    await postgres.query(
      `fresh${names}`,
      `insert into latchkey_user_agents (text) values ('curl/8');
       insert into latchkey_tokens (id, digest, name, user_agent_id, created_at, expires_at, max_expires_at)
       select decode(replace('${id}', '-', ''), 'hex'), sha512('x') , '', id, 1, 2, 3 from latchkey_user_agents`,
    )
    const rows = () => database.run((db) => sql<object>`select * from latchkey_tokens`.execute(db))
    const before = (await rows()).rows
    for (const name of all.toReversed()) if (name >= '0005') await migrateDown(database)
    t.match((await rows()).rows, [{ id, digest: /^[\w-]{86}$/, user_agent: 'curl/8' }])
    await migrateToLatest(database)
    t.match((await rows()).rows, [{ ...before[0], user_agent_id: 1 }])
  })

  t.test('numbers, bytes and counts come as they do from SQLite', async (t) => {
    const { database } = await openFresh(t, postgres)
    const { rows } = await database.run((db) =>
      sql`select cast(1764300000000 as bigint) as time, count(*) as count, decode('00ff', 'hex') as bytes`.execute(
        db,
      ),
    )
    t.strictSame(rows, [{ time: 1_764_300_000_000, count: 1, bytes: Buffer.from([0, 255]) }])
  })

  t.test('names are placed by their characters, whatever the language of the database', async (t) => {
    const { database } = await openFresh(t, postgres)
    await migrateToLatest(database)
    const { rows } = await database.run((db) =>
      sql<{ name: string }>`
        select attname as name from pg_attribute
        join pg_class on pg_class.oid = attrelid join pg_collation on pg_collation.oid = attcollation
        where relname like 'latchkey\\_%' and relkind = 'r' and attnum > 0 and collname <> 'C'
        and relname not like '%migration%' and attname not in ('scopes')`.execute(db),
    )
    t.same(rows, [])
  })

  t.test('transactions that run at once end as if one had come after the other', async (t) => {
    const { database } = await openFresh(t, postgres, { poolSize: 8, timeoutMs: 20_000 } as never)
    await database.run((db) => sql`create table counter (value integer not null)`.execute(db))
    await database.run((db) => sql`insert into counter values (0)`.execute(db))
    const countUp = () =>
      database.transaction(async (db) => {
        const { rows } = await sql<{ value: number }>`select value from counter`.execute(db)
        await sql`update counter set value = ${(rows[0]?.value ?? 0) + 1}`.execute(db)
      })
    await Promise.all(Array.from({ length: 40 }, countUp))
    t.match(await database.run((db) => sql`select value from counter`.execute(db)), { rows: [{ value: 40 }] })
  })

  t.test('of two that take a name at once the second hears that it is taken', async (t) => {
    const { database } = await openFresh(t, postgres, { poolSize: 8 } as never)
    await migrateToLatest(database)
    let attempts = 0
    const take = (id: string) =>
      database.transaction(async (db) => {
        attempts++
        await insertUser(db, account(id, 'ada'))
      })
    const results = await Promise.allSettled(['1', '2'].map(take))
    t.same(results.map(({ status }) => status).sort(), ['fulfilled', 'rejected'])
    t.ok(attempts > 2, 'it has looked once more')
    const rejected = results.find(({ status }) => status === 'rejected') as PromiseRejectedResult
    t.match(rejected.reason, { code: '23505' }, 'what the data does not allow is for who wrote it')
  })

  t.test('a connection that is cut is replaced, and a look-up on it asked again', async (t) => {
    const { database, name } = await openFresh(t, postgres, { timeoutMs: 5_000 } as never)
    const find = database.prepareOne<{ value: string }>((db) =>
      db.selectFrom(sql<{ value: string }>`(select ${'x'} as value)`.as('one')).selectAll().compile(),
    )
    for (let round = 0; round < 3; round++) {
      t.same(await find('a'), { value: 'a' })
      await ask(database)
      await postgres.query(
        'postgres',
        `select pg_terminate_backend(pid) from pg_stat_activity where datname = '${name}'`,
      )
      t.same(await find('b'), { value: 'b' })
    }
    const findSlowly = database.prepareOne<{ value: string }>((db) =>
      db
        .selectFrom(sql<{ value: string }>`(select ${'x'} as value, pg_sleep(0.3))`.as('one'))
        .selectAll()
        .compile(),
    )
    const found = findSlowly('c')
    await sleep(100)
    await postgres.query(
      'postgres',
      `select pg_terminate_backend(pid) from pg_stat_activity where datname = '${name}' and state = 'active'`,
    )
    t.match(await found, { value: 'c' })
    const slow = faultOf(database.run((db) => sql`select pg_sleep(3)`.execute(db)))
    await sleep(100)
    await postgres.query(
      'postgres',
      `select pg_terminate_backend(pid) from pg_stat_activity where datname = '${name}'`,
    )
    const fault = await slow
    t.match(fault, unavailable)
    t.match(explainPostgresFault(fault.cause), /^the server says: terminating connection/)
    await ask(database)
  })

  t.test('what is thrown by others is thrown on, whatever it is', async (t) => {
    const { database } = await openFresh(t, postgres)
    for (const thrown of [new TypeError('no fault of the database'), 'a text']) {
      const caught = await database.transaction(() => Promise.reject(thrown)).catch((error) => error)
      t.equal(caught, thrown)
    }
    await ask(database)
  })

  t.test('what nobody has any more goes with what has ended, however much it is', async (t) => {
    const { database, name } = await openFresh(t, postgres, { timeoutMs: 20_000 } as never)
    const { auth, clock, createUser, signIn } = await openDomain(t, { database })
    await createUser('ada')
    await signIn('ada')
    await postgres.query(
      name,
      `insert into latchkey_user_agents (text) select 'agent ' || number from generate_series(1, 120) as number;
       insert into latchkey_leases (key, used, granted, ends_at) select number, 1, 1, 0 from generate_series(1, 120) as number`,
    )
    clock.now += 1
    await auth.prune({ background: true })
    t.same(await postgres.query(name, 'select text from latchkey_user_agents'), [{ text: 'test' }])
    t.same(await postgres.query(name, 'select key from latchkey_leases'), [])
  })

  t.test('a look-up is asked again whichever way its connection is lost', async (t) => {
    const { name } = await openFresh(t, postgres)
    const through = new Set<Socket>()
    const proxy = createServer((client) => {
      const server = connect(postgres.port, postgres.host)
      through.add(client.pipe(server).pipe(client))
      client.on('error', () => {})
      client.on('close', () => server.destroy())
      server.on('error', () => {})
    })
    await once(proxy.listen(0, '127.0.0.1'), 'listening')
    t.teardown(() => proxy.close())
    const url = new URL(postgres.urlOf(name))
    url.port = String((proxy.address() as AddressInfo).port)
    const database = openDatabase(url.href, { ...options, timeoutMs: 5_000 })
    t.teardown(() => database.close())
    const find = database.prepareOne<{ value: string }>((db) =>
      db
        .selectFrom(sql<{ value: string }>`(select ${'x'} as value, pg_sleep(0.5))`.as('one'))
        .selectAll()
        .compile(),
    )
    for (const lose of ['end', 'resetAndDestroy'] as const) {
      const found = find(lose)
      await sleep(200)
      for (const client of through) client[lose]()
      through.clear()
      t.match(await found, { value: lose }, lose)
    }
  })

  t.test('what takes too long is given up, and so is waiting for a connection', async (t) => {
    const { database } = await openFresh(t, postgres)
    const slow = await faultOf(database.run((db) => sql`select pg_sleep(5)`.execute(db)))
    t.match(slow, unavailable)
    t.match(
      explainPostgresFault(slow.cause),
      /^the server says: canceling statement due to statement timeout/,
    )
    await database.transaction(async () => {
      const late = await faultOf(ask(database))
      t.match(late, unavailable)
      t.match(explainPostgresFault(late.cause), /^all connections are in use/)
    })
    await ask(database)
  })

  t.test('a transaction whose end fails leaves its connection to nobody', async (t) => {
    const { database, name } = await openFresh(t, postgres, { timeoutMs: 5_000 } as never)
    const work = database.transaction(async (db) => {
      const { rows } = await sql<{ pid: number }>`select pg_backend_pid() as pid`.execute(db)
      await postgres.query(name, `select pg_terminate_backend(${rows[0]?.pid})`)
      await sleep(50)
      await sql`select 1`.execute(db)
    })
    t.match(await faultOf(work), unavailable)
    await ask(database)
  })

  t.test('one that was told to go on after a refusal does not pass for committed', async (t) => {
    const { database } = await openFresh(t, postgres)
    await t.rejects(
      database.transaction(async (db) => {
        await sql`select 1 / 0`.execute(db).catch(() => {})
      }),
    )
    await ask(database)
  })

  t.test('lists of nothing hold nothing', async (t) => {
    const { database } = await openFresh(t, postgres)
    await migrateToLatest(database)
    t.same(await database.run((db) => findUsersById(db, [])), [])
  })

  t.test('a server that may lose what was acknowledged is complained of', async (t) => {
    const { database, name } = await openFresh(t, postgres)
    t.same(await findWeakSettings(database), [])
    await postgres.query(name, `alter database ${name} set synchronous_commit = off`)
    const other = openDatabase(postgres.urlOf(name), options)
    t.teardown(() => other.close())
    t.match(await findWeakSettings(other), [/^A crash of the server may bring revoked tokens back/])
  })

  t.test('an operator is told what is in the way, and never the password', async (t) => {
    const { host, port, urlOf } = postgres
    await postgres.query('postgres', "create role nobody login password 'x' connection limit 0")
    const silent = createServer().listen(0, '127.0.0.1')
    const curt = createServer((socket) => socket.end()).listen(0, '127.0.0.1')
    await Promise.all([once(silent, 'listening'), once(curt, 'listening')])
    t.teardown(() => [silent.close(), curt.close()])
    const closed = await freePort()
    const cases: [url: string, says: RegExp][] = [
      [`postgres://latchkey:secret@${host}:${closed}/x`, /^nothing listens/],
      [`postgres://latchkey:secret@${host}:${portOf(silent)}/x`, /^the server does not answer in time/],
      [
        `postgres://latchkey:secret@${host}:${portOf(curt)}/x`,
        /^the connection to the server failed \(it was closed\)/,
      ],
      [`postgres://latchkey:secret@${host}:${port}/postgres`, /^the server refuses the user or the password/],
      [
        'postgres://latchkey:secret@no-such-host.invalid/x',
        /^the host of DATABASE_URL (is not known|cannot be)/,
      ],
      [urlOf('nowhere'), /^there is no such database/],
      [`postgres://nobody:x@${host}:${port}/postgres`, /^the server (has no connection left|says: too many)/],
      [`${urlOf('postgres')}?sslmode=verify-full`, /^the server does not offer TLS/],
    ]
    for (const [url, says] of cases) {
      const database = openDatabase(url, options)
      const fault = await faultOf(ask(database))
      t.match(fault, unavailable, url)
      t.match(explainPostgresFault(fault.cause), says)
      t.notMatch(explainPostgresFault(fault.cause), /secret|p%40ss/)
      await database.close()
    }
    t.equal(explainPostgresFault(new Error('of somebody else')), undefined)
  })
})

/** Everything that migrations make, in words. */
async function schemaOf(database: Database): Promise<unknown[]> {
  const { rows } = await database.run((db) =>
    sql`
      select relname as name, relkind::text as what from pg_class where relname like 'latchkey%' and relname not like '%migration%'
      union all select proname, pg_get_functiondef(pg_proc.oid) from pg_proc where proname like 'latchkey%'
      union all select tgname, pg_get_triggerdef(oid) from pg_trigger where tgname like 'latchkey%'
      union all select attname, format('%s %s %s', attrelid::regclass, atttypid::regtype, attnotnull) from pg_attribute
        join pg_class on pg_class.oid = attrelid where relname like 'latchkey%' and attnum > 0 and not attisdropped
      order by 1, 2`.execute(db),
  )
  return rows.filter((row) => !/migration/.test(JSON.stringify(row)))
}

function portOf(server: Server): number {
  return (server.address() as { port: number }).port
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const port = portOf(server)
  server.close()
  await once(server, 'close')
  return port
}
