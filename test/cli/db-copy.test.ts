import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import SqliteDatabase from 'better-sqlite3'
import t from 'tap'
import { type Bench, createBench, password } from './command.ts'

async function createUser(bench: Bench, name: string): Promise<void> {
  await bench.json(['user', 'create', name, '--password-stdin'], password)
}

/** Where the command copies to, and a bench that uses what it made. */
function targetOf(bench: Bench) {
  const file = join(bench.folder, 'target.db')
  const url = `sqlite:${file}`
  return { file, url, use: (args: string[]) => bench.start(args, { DATABASE_URL: url }).ended }
}

t.test('a database is copied into another one, and what has changed since is as well', async (t) => {
  const bench = createBench(t)
  const target = targetOf(bench)
  await createUser(bench, 'ada')
  const { token } = await bench.json(['token', 'create', 'ada', '--name', 'script'])

  const ahead = await bench.run(['db', 'copy', '--to', target.url, '--ahead'])
  t.match(ahead, {
    status: 0,
    stdout: /^latchkey_users: 1 row\(s\), 1 written now, SHA-256 [0-9a-f]{64}$/m,
    stderr: /^$/,
  })
  t.match(ahead.stdout, /\nStop the services, run the same without --ahead/)
  t.match(
    await target.use(['user', 'list']),
    { status: 1, stderr: /Another database \(sqlite:.*latchkey\.db\) is being copied into this one/ },
    'nobody uses it before it is whole',
  )

  await createUser(bench, 'bob')
  const { source, target: name, isFinished, tables } = await bench.json(['db', 'copy', '--to', target.url])
  t.strictSame([source, name, isFinished], [`sqlite:${bench.database}`, target.url, true])
  t.match(tables[0], { table: 'latchkey_users', rows: 2, changed: 1 })
  t.match(await target.use(['user', 'list', '--json']), { status: 0, stdout: /"ada"[\s\S]*"bob"/ })
  const inspecting = bench.start(['token', 'inspect'], { DATABASE_URL: target.url })
  inspecting.child.stdin.end(token)
  t.match(await inspecting.ended, { status: 0, stdout: /ada/ })
})

t.test('the last run says which address the services start with', async (t) => {
  const bench = createBench(t)
  const target = targetOf(bench)
  await createUser(bench, 'ada')
  t.match(await bench.run(['db', 'copy', '--to', target.url]), {
    status: 0,
    stdout: /\nBoth are the same\. Start the services with DATABASE_URL of sqlite:.*target\.db\.\n$/,
  })
  t.match(await bench.run(['db', 'copy', '--to', target.url]), {
    status: 1,
    stdout: /^$/,
    stderr: /The database to copy into is in use/,
  })
})

t.test('what cannot be copied, or copied into, is refused', async (t) => {
  const bench = createBench(t)
  const target = targetOf(bench)
  t.match(await bench.run(['db', 'copy', '--to', target.url]), {
    status: 1,
    stderr: /There is no database at .*latchkey\.db/,
  })
  t.notOk(existsSync(target.file), 'and nothing was made')
  await createUser(bench, 'ada')
  for (const itself of [bench.database, './latchkey.db']) {
    t.match(await bench.run(['db', 'copy', '--to', `sqlite:${itself}`]), {
      status: 1,
      stderr: /cannot be copied into itself/,
    })
  }
  t.match(await bench.run(['db', 'copy']), { status: 2, stderr: /--to/ })
  for (const address of ['nowhere', 'postgres://:x:y/']) {
    t.match(await bench.run(['db', 'copy', '--to', address]), {
      status: 1,
      stdout: '',
      stderr: /^.*--to must be an address such as/,
    })
  }
})

t.test('a server is named without what is secret in its address', async (t) => {
  const { run } = createBench(t, {
    DATABASE_URL: 'postgres://ada:hunter22@db.invalid/latchkey',
    PGHOST: 'other.invalid', // where an address names no host
  })
  for (const to of [
    'postgres://bob:geheim22@db.invalid/latchkey',
    'postgresql:///latchkey?host=db.invalid',
  ]) {
    t.match(await run(['db', 'copy', '--to', to]), { status: 1, stderr: /cannot be copied into itself/ })
  }
  for (const to of ['postgres:///latchkey?host=other.invalid', 'postgres:///latchkey']) {
    const outcome = await run(['db', 'copy', '--to', to])
    t.match(outcome, { status: 1, stderr: /The database of --to: .* the host of --to/ }, to)
    t.notMatch(outcome.stderr, /hunter22/)
  }
})

t.test('a run that was killed is taken up where it was', async (t) => {
  const bench = createBench(t)
  const target = targetOf(bench)
  await createUser(bench, 'ada')
  const file = new SqliteDatabase(bench.database)
  const total = 100_000
  file.exec(`
    insert into latchkey_users (id, username, username_key, role, active, created_at)
    with recursive number (n) as (select 1 union all select n + 1 from number where n < ${total - 1})
    select printf('00000000-0000-7000-8000-%012d', n), 'user' || n, 'user' || n, 'USER', 1, 0 from number`)
  file.close()

  const running = bench.start(['db', 'copy', '--to', target.url])
  while (countUsers(target.file) === 0) await sleep(10)
  running.child.kill('SIGKILL')
  await running.ended
  const there = countUsers(target.file)
  t.ok(there > 0 && there < total, `${there} of ${total} had been copied`)

  const { tables } = await bench.json(['db', 'copy', '--to', target.url])
  t.match(tables[0], { table: 'latchkey_users', rows: total, changed: total - there })
  t.equal(countUsers(target.file), total)
})

/** How many users there are in a file by now. */
function countUsers(file: string): number {
  if (!existsSync(file)) return 0
  const database = new SqliteDatabase(file)
  try {
    return database.prepare('select count(*) from latchkey_users').pluck().get() as number
  } catch {
    return 0 // its tables are still to be made
  } finally {
    database.close()
  }
}
