import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import SqliteDatabase from 'better-sqlite3'
import t, { type Test } from 'tap'
import { makeDjangoFile } from '../support/django-file.ts'
import { createBench } from './command.ts'

t.test('a dry run says what would be done, and leaves no file behind', async (t) => {
  const { file, addUsers, addDrf, addKnox } = makeDjangoFile(t)
  addUsers(
    { id: 1, username: 'ada', email: 'ada@example.org', is_superuser: 1 },
    {
      id: 2,
      username: 'bob',
      email: 'ADA@example.org',
      is_active: 0,
      password: 'md5$a$0cc175b9c0f1b6a831c399e269772661',
    },
    { id: 3, username: 'not@mail\u001b[2J', email: 'bad' },
  )
  addDrf({ key: 'a'.repeat(40), user_id: 1 }, { key: 'b'.repeat(40), user_id: 3 })
  addKnox(
    { digest: 'c'.repeat(128), user_id: 1 },
    { digest: 'd'.repeat(128), user_id: 2, expiry: '2020-01-01 00:00:00' },
  )
  const { run, json, database } = createBench(t)
  const args = ['import', 'django', '--database', file]
  const trial = await run([...args, '--dry-run'])
  t.match(trial, { status: 0, stderr: /^$/ })
  t.equal(
    trial.stdout,
    `Nothing was written.
Users: 3 in Django; 2 would be imported, 0 imported before.
  1 skipped: the username has control or invisible characters; such as user 3 (not@mail\\u001b[2J)
  1 without their email address: somebody else has the address; such as user 2 (bob)
  1 of them inactive, and they stay so.
  1 of them superuser(s) of Django's.
  passwords: 1 unusable, 1 md5
Tokens: 1 of Django REST Framework and 1 of Knox would be imported, 0 imported before.
  1 skipped: they have expired; such as user 2 (bob)
  1 skipped: their user was not imported; such as user 3 (not@mail\\u001b[2J)
`,
  )
  t.notOk(existsSync(database))
  await run(['migrate', 'up'])
  await run(['migrate', 'down', '--yes'])
  t.match(await run([...args, '--dry-run']), {
    status: 1,
    stderr:
      "Latchkey's database is not up to date, and nothing is to be written: run latchkey migrate first.\n",
  })

  const imported = await run([...args, '--admins'])
  t.match(imported.stdout, /^Users: 3 in Django; 2 imported, 0 imported before\.\n/)
  t.match(await json(['user', 'list']), [
    { username: 'ada', role: 'ADMIN' },
    { username: 'bob', active: false },
  ])
  t.match(await json([...args, '--dry-run']), { dryRun: true, users: { imported: 0, importedBefore: 2 } })
  t.match(await json(['token', 'list', 'ada']), [
    { name: 'Imported from Knox' },
    { name: 'Imported from Django REST Framework' },
  ])
  t.match(
    (await json(['audit', 'list'])).map(({ event, count }: { event: string; count: number }) => [
      event,
      count,
    ]),
    [
      ['tokens_imported', 2],
      ['users_imported', 2],
    ],
  )
  t.match((await run(['token', 'inspect'], 'a'.repeat(40))).stdout, /found: yes\nlive: yes/)
})

t.test('what is left out is said, tables as well', async (t) => {
  const { file } = makeDjangoFile(
    t,
    `create table people (no integer primary key, login text, password text);
    insert into people values (1, null, 'x');`,
  )
  const { run } = createBench(t)
  const args = ['--database', file, '--user-table', 'people', '--username-column', 'login']
  const { status, stdout } = await run(['import', 'django', ...args])
  t.equal(status, 0)
  t.equal(
    stdout,
    `Users: 1 in Django; 0 imported, 0 imported before.
  1 skipped: the username is empty, or longer than 150 characters; such as user 1 (-)
Tokens: 0 of Django REST Framework and 0 of Knox imported, 0 imported before.
authtoken_token is left out: there is no such table.
knox_authtoken is left out: there is no such table.
`,
  )
})

t.test('what cannot be imported from ends with a sentence', async (t) => {
  const { run } = createBench(t)
  t.match(await run(['import', 'django']), { status: 2, stderr: /--database/ })
  t.match(await run(['import', 'django', '--database', 'none.db']), {
    status: 1,
    stdout: /^$/,
    stderr: /There is no file none\.db\.\n$/,
  })
  t.match(
    await run(['import', 'django', '--database', 'postgres://u:hunter22@127.0.0.1:1/x', '--knox-table', 'x']),
    {
      status: 1,
      stderr: /PostgreSQL cannot be reached: nothing listens at this address\.\n$/,
    },
  )
})

t.test('an import that is killed leaves nothing half done, and goes on where it was', async (t) => {
  const { file, db, addUsers, addDrf, addKnox } = makeDjangoFile(t)
  const total = 4_000
  db.exec('begin')
  for (let id = 1; id <= total; id++) {
    addUsers({
      id,
      username: id > 3_900 ? `USER${id - 3_900}` : `user${id}`,
      email: `user${id % 1_000}@example.org`,
    })
    addDrf({ key: id.toString(16).padStart(40, '0'), user_id: id })
    addKnox({ digest: id.toString(16).padStart(128, '0'), user_id: id })
  }
  db.exec('commit')
  const args = ['import', 'django', '--database', file]
  let expected: unknown
  await t.test('what comes of one that is not killed', async (t) => {
    const { json, database } = createBench(t)
    t.match(await json(args), { users: { imported: 3_900, skipped: { TAKEN: { count: 100 } } } })
    expected = readImported(t, database)
  })

  const broken = createBench(t)
  await broken.run(['migrate'])
  const seen = new SqliteDatabase(broken.database, { readonly: true })
  t.teardown(() => seen.close())
  const counts = ['users', 'tokens', 'imports'].map((name) =>
    seen.prepare(`select count(*) from latchkey_${name}`).pluck(),
  )
  const count = (): number[] => counts.map((query) => query.get() as number)
  for (const moment of [0, 20, 60]) {
    const before = count()[0]
    const { child } = broken.start(args)
    while (count()[0] === before && child.exitCode === null) await sleep(1)
    await sleep(moment)
    child.kill('SIGKILL')
    await once(child, 'close')
    const [users = 0, tokens, imports] = count()
    t.strictSame([tokens, imports], [2 * users, 3 * users], 'accounts come with their tokens, or not at all')
    if (moment === 0) t.ok(users > 0 && users < 3_900, 'it was not done yet')
  }
  await Promise.all([broken.json(args), broken.json(args)])
  t.strictSame(readImported(t, broken.database), expected)
})

/** All that is imported, without what differs from one import to the next. */
function readImported(t: Test, file: string): unknown[] {
  const database = new SqliteDatabase(file, { readonly: true })
  t.teardown(() => database.close())
  const queries = [
    'select username, email, password_digest, role, active, created_at from latchkey_users order by username_key',
    'select hex(digest), latchkey_tokens.name, username from latchkey_tokens join latchkey_users on user_id = latchkey_users.id order by digest',
    'select source, foreign_id, username from latchkey_imports join latchkey_users on user_id = id order by source, foreign_id',
  ]
  return queries.map((query) => database.prepare(query).all())
}
