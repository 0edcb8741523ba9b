import { copyFileSync, existsSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import SqliteDatabase from 'better-sqlite3'
import t from 'tap'
import { type Bench, createBench, password, type Running } from './command.ts'

interface Service {
  running: Running
  signIn(username?: string): Promise<string>
  /** The username of who has a token, or why nobody has it. */
  whoHas(token: string): Promise<string>
  revoke(token: string): Promise<void>
  stop(): Promise<void>
}

async function serve(bench: Bench): Promise<Service> {
  const running = bench.start(['serve'], { LOG_LEVEL: 'warn' })
  const [, url = ''] = await running.said(/listens on (http:\S+)\n/)
  // biome-ignore lint/suspicious/noExplicitAny: each query has an answer of its own form
  const graphql = async (query: string, token?: string): Promise<any> => {
    const response = await fetch(url, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        connection: 'close',
        ...(token === undefined ? {} : { authorization: `Token ${token}` }),
      },
      body: JSON.stringify({ query }),
    })
    return response.json()
  }
  return {
    running,
    async signIn(username = 'ada') {
      const { data } = await graphql(
        `mutation { tokenAuth(username: "${username}", password: "${password}") { token } }`,
      )
      return data.tokenAuth.token
    },
    async whoHas(token) {
      const { data, errors } = await graphql('{ viewer { username } }', token)
      return data?.viewer?.username ?? errors[0].extensions.reason
    },
    async revoke(token) {
      await graphql('mutation { revokeToken { __typename } }', token)
    },
    async stop() {
      running.child.kill('SIGTERM')
      await running.ended
    },
  }
}

async function createUsers(bench: Bench, ...names: string[]): Promise<void> {
  for (const name of names) await bench.json(['user', 'create', name, '--password-stdin'], password)
}

t.test('a backup is whole, for the owner alone, and has what was acknowledged before it', async (t) => {
  const bench = createBench(t)
  await createUsers(bench, 'ada')
  const service = await serve(bench)
  const token = await service.signIn()
  const file = join(bench.folder, 'backup.db')
  let isDone = false
  const writing = (async () => {
    while (!isDone) await service.revoke(await service.signIn())
  })()
  const backup = await bench.json(['db', 'backup', 'backup.db'])
  isDone = true
  await writing
  t.equal(backup.file, file)
  t.equal(backup.bytes, statSync(file).size)
  t.equal(statSync(file).mode & 0o777, 0o600)
  t.strictSame(
    readdirSync(bench.folder).filter((name) => name.startsWith('backup')),
    ['backup.db'],
    'in one file',
  )
  const copy = new SqliteDatabase(file, { readonly: true })
  t.equal(copy.pragma('integrity_check', { simple: true }), 'ok')
  t.ok((copy.prepare('select count(*) from latchkey_tokens').pluck().get() as number) >= 1)
  copy.close()
  t.equal(await service.whoHas(token), 'ada', 'the service has noticed nothing')
  await service.stop()

  const again = await bench.run(['db', 'backup', 'backup.db'])
  t.match(again, { status: 1, stderr: /is there already\. Name another file, or add --force/ })
  const forced = await bench.run(['db', 'backup', 'backup.db', '--force'])
  t.match(forced, { status: 0, stdout: /^Backed up to .*backup\.db \(\d+\.\d MiB\)\.\n$/ })
})

t.test('with a restore under a running service every token of the backup ends, at once', async (t) => {
  const bench = createBench(t)
  await createUsers(bench, 'ada', 'bob')
  const service = await serve(bench)
  const [kept, revoked] = [await service.signIn(), await service.signIn('bob')] as const
  await bench.json(['db', 'backup', 'backup.db'])
  const later = await service.signIn()
  await service.revoke(revoked)
  t.equal(await service.whoHas(kept), 'ada')

  const restored = await bench.json(['db', 'restore', 'backup.db', '--yes'])
  t.match(restored, { file: bench.database, endedTokens: 2, keptTokens: 0 })
  t.equal(await service.whoHas(revoked), 'REVOKED', 'what was revoked after the backup does not come back')
  t.equal(await service.whoHas(kept), 'REVOKED')
  t.equal(await service.whoHas(later), 'INVALID', 'the backup does not know it')
  t.equal(await service.whoHas(await service.signIn()), 'ada', 'and all sign in again')
  await service.stop()
})

t.test('tokens that are live in the database of now may be kept', async (t) => {
  const bench = createBench(t)
  await createUsers(bench, 'ada', 'bob', 'cy', 'dora', 'eve')
  const service = await serve(bench)
  const tokens = Object.fromEntries(
    await Promise.all(
      ['ada', 'bob', 'cy', 'dora', 'eve'].map(async (name) => [name, await service.signIn(name)] as const),
    ),
  ) as Record<'ada' | 'bob' | 'cy' | 'dora' | 'eve', string>
  await bench.json(['db', 'backup', 'backup.db'])
  await service.revoke(tokens.bob)
  await bench.json(['user', 'set-password', 'cy', '--password-stdin'], `${password} 2`)
  await bench.json(['user', 'disable', 'dora'])
  await bench.json(['user', 'delete', 'eve', '--yes'])

  const outcome = await bench.run(['db', 'restore', 'backup.db', '--keep-live', '--yes'])
  t.match(outcome, { status: 0, stdout: /4 token\(s\) of the backup ended, 1 go on/ })
  t.match(outcome.stderr, /changed the password since, and have the former one again: cy\./)
  t.match(outcome.stderr, /had been deleted since, and are there again: eve\./)
  t.match(outcome.stderr, /had been disabled since, and still are: dora\./)
  t.equal(await service.whoHas(tokens.ada), 'ada')
  t.equal(await service.whoHas(tokens.bob), 'REVOKED')
  t.equal(await service.whoHas(tokens.cy), 'REVOKED')
  t.equal(await service.whoHas(tokens.dora), 'INACTIVE')
  t.equal(await service.whoHas(tokens.eve), 'REVOKED')
  await service.stop()
})

t.test('who had lost the role ADMIN does not get it back', async (t) => {
  const bench = createBench(t)
  await createUsers(bench, 'ada', 'bob')
  for (const name of ['ada', 'bob']) await bench.json(['user', 'set-role', name, 'ADMIN'])
  await bench.json(['db', 'backup', 'backup.db'])
  await bench.json(['user', 'set-role', 'bob', 'USER'])
  await createUsers(bench, 'cy')
  const outcome = await bench.run(['db', 'restore', 'backup.db', '--yes'])
  t.match(outcome, {
    status: 0,
    stderr: /These had lost the role ADMIN since, and do not get it back: bob\./,
  })
  t.match(await bench.json(['user', 'list']), [
    { username: 'ada', role: 'ADMIN' },
    { username: 'bob', role: 'USER' },
  ])
  const again = await bench.json(['db', 'restore', 'backup.db', '--yes'])
  t.strictSame(again.demotedAdmins, ['bob'], 'the one before is asked, and it remembers')
})

t.test('what is being revoked while a backup is restored is judged as revoked', async (t) => {
  const bench = createBench(t)
  await createUsers(bench, 'ada')
  await bench.json(['token', 'create', 'ada', '--name', 'revoked'])
  await bench.json(['token', 'create', 'ada', '--name', 'kept'])
  await bench.json(['db', 'backup', 'backup.db'])
  await createUsers(bench, 'later')
  const writer = new SqliteDatabase(bench.database)
  t.teardown(() => writer.close())
  writer.exec("begin immediate; update latchkey_tokens set revoked_at = 1 where name = 'revoked'")
  const restoring = bench.start(['db', 'restore', 'backup.db', '--keep-live', '--yes', '--json'])
  restoring.child.stdin.end()
  while (!readdirSync(bench.folder).some((name) => /restore-\d+$/.test(name))) await sleep(10)
  await sleep(1_000) // it waits for the lock now
  writer.exec('commit')
  const { status, stdout } = await restoring.ended
  t.equal(status, 0)
  t.match(JSON.parse(stdout), { endedTokens: 1, keptTokens: 1 })
  t.match(await bench.json(['user', 'list']), [{ username: 'ada' }], 'and the backup is in its place')
  t.equal(writer.prepare('select count(*) from latchkey_users').pluck().get(), 1)
})

t.test('a restore waits for who writes to the database, but not for ever', async (t) => {
  const bench = createBench(t)
  await createUsers(bench, 'ada')
  await bench.json(['db', 'backup', 'backup.db'])
  await createUsers(bench, 'later')
  const writer = new SqliteDatabase(bench.database)
  writer.exec('begin immediate')
  const outcome = await bench.run(['db', 'restore', 'backup.db', '--yes'])
  writer.close()
  t.match(outcome, {
    status: 1,
    stdout: '',
    stderr: /somebody has been writing to the database for too long/,
  })
  t.equal((await bench.json(['user', 'list'])).length, 2)
})

t.test('of many users who come back, twenty are named', async (t) => {
  const bench = createBench(t)
  await createUsers(bench, 'ada')
  const file = new SqliteDatabase(bench.database)
  file.exec(`
    insert into latchkey_users (id, username, username_key, role, active, created_at)
    with recursive number (n) as (select 10 union all select n + 1 from number where n < 34)
    select 'id' || n, 'user' || n, 'user' || n, 'USER', 1, 0 from number`)
  await bench.json(['db', 'backup', 'backup.db'])
  file.exec("delete from latchkey_users where username like 'user%'")
  file.close()
  const { stderr } = await bench.run(['db', 'restore', 'backup.db', '--yes'])
  t.match(stderr, /: user10, .*, user29 and 5 more \(--json has all\)\./)
})

t.test('a database that is gone or damaged is restored as well', async (t) => {
  const bench = createBench(t)
  await createUsers(bench, 'ada')
  await bench.json(['token', 'create', 'ada', '--name', 'script'])
  await bench.json(['db', 'backup', 'backup.db'])
  for (const end of ['', '-wal', '-shm']) rmSync(`${bench.database}${end}`, { force: true })
  t.match(await bench.run(['db', 'restore', 'backup.db', '--keep-live', '--yes']), {
    status: 1,
    stderr: /the database of now cannot be read.*Leave --keep-live out/,
  })
  t.notOk(existsSync(bench.database))
  t.match(await bench.json(['db', 'restore', 'backup.db', '--yes']), { endedTokens: 1, keptTokens: 0 })
  t.equal(statSync(bench.database).mode & 0o777, 0o600)
  t.match(await bench.json(['user', 'list']), [{ username: 'ada' }])
  await bench.json(['user', 'disable', 'ada'])
  const again = await bench.json(['db', 'restore', 'backup.db', '--yes'])
  t.strictSame(again.disabledUsers, ['ada'], 'and once more')

  new SqliteDatabase(bench.database).exec('drop table latchkey_changes').close()
  const blind = await bench.run(['db', 'restore', 'backup.db', '--keep-live', '--yes'])
  t.match(blind, { status: 1, stderr: /the database of now cannot be read/ })
  t.match(await bench.json(['db', 'restore', 'backup.db', '--yes']), { disabledUsers: [] })
  t.match(await bench.json(['user', 'list']), [{ username: 'ada', active: true }], 'nobody knows of it')
})

t.test('what is no backup changes nothing', async (t) => {
  const bench = createBench(t)
  await createUsers(bench, 'ada')
  await bench.json(['db', 'backup', 'backup.db'])
  writeFileSync(join(bench.folder, 'text'), 'hello\n'.repeat(1_000))
  new SqliteDatabase(join(bench.folder, 'other.db')).exec('create table a (b)').close()
  copyFileSync(join(bench.folder, 'backup.db'), join(bench.folder, 'newer.db'))
  const newer = new SqliteDatabase(join(bench.folder, 'newer.db'))
  newer.exec("insert into latchkey_migration values ('9999-later', '2030-01-01T00:00:00.000Z')")
  newer.close()
  const cases: [args: string[], says: RegExp][] = [
    [['restore', 'nothing.db'], /There is no backup at /],
    [['restore', bench.database], /cannot be the database itself/],
    [['restore', 'text'], /is not an SQLite database/],
    [['restore', 'other.db'], /it is no database of Latchkey/],
    [['restore', 'newer.db'], /The database is from a newer Latchkey/],
    [['backup', bench.database], /cannot be the database itself/],
    [['backup', 'nowhere/backup.db'], /Cannot back up .*nowhere/],
  ]
  for (const [args, says] of cases) {
    const yes = args[0] === 'restore' ? ['--yes'] : []
    t.match(
      await bench.run(['db', ...args, ...yes]),
      { status: 1, stdout: /^$/, stderr: says },
      args.join(' '),
    )
  }
  t.match(await bench.json(['user', 'list']), [{ username: 'ada' }])
  t.notOk(
    readdirSync(bench.folder).some((name) => /partial|restore-/.test(name)),
    'and leaves nothing behind',
  )
  const unasked = await bench.run(['db', 'restore', 'backup.db'])
  t.match(unasked, { status: 2, stderr: /--yes/ })
})

t.test('a damaged database is not backed up', async (t) => {
  const bench = createBench(t)
  await createUsers(bench, 'ada')
  const file = new SqliteDatabase(bench.database)
  file.unsafeMode().pragma('writable_schema = on')
  // An account without an address is one that there must not be any more.
  file.exec(
    `update sqlite_master set sql = replace(sql, '"email" text', '"email" text not null') where name = 'latchkey_users'`,
  )
  file.close()
  t.match(await bench.run(['db', 'backup', 'backup.db']), {
    status: 1,
    stdout: '',
    stderr: /Cannot back up .*: it is damaged \(.*email/,
  })
  t.strictSame(
    readdirSync(bench.folder).filter((name) => name.startsWith('backup')),
    [],
  )
})

t.test('there has to be a database, in a file', async (t) => {
  const { run } = createBench(t)
  t.match(await run(['db', 'backup', 'backup.db']), { status: 1, stderr: /There is no database at / })
  const memory = createBench(t, { DATABASE_URL: 'sqlite::memory:' })
  t.match(await memory.run(['db', 'backup', 'backup.db']), { status: 1, stderr: /for SQLite files.*pg_dump/ })
})
