import SqliteDatabase from 'better-sqlite3'
import t from 'tap'
import { migrationNames } from '../support/migrations.ts'
import { createBench, password } from './command.ts'

const names = migrationNames()
const [newest, newestButOne] = names.toReversed()

t.test('migrations run up, are listed, and are taken back one at a time', async (t) => {
  const { run, json } = createBench(t)
  t.match(
    await json(['migrate', 'status']),
    names.map((name) => ({ name, ranAt: null, known: true })),
  )
  t.match(await run(['migrate']), { status: 0, stdout: `Ran ${names.join(', ')}.\n` })
  t.match(await run(['migrate', 'up']), { status: 0, stdout: /nothing to run/ })
  t.match(
    await json(['migrate', 'status']),
    names.map((name) => ({ name, ranAt: /^20/ })),
  )
  t.match(await run(['migrate', 'status']), { stdout: /^NAME +RAN +KNOWN\n0001-users +20\S+ +yes\n/ })

  t.match(await run(['migrate', 'down'], 'y\n'), { status: 2, stderr: /use --yes/ })
  t.match(await run(['migrate', 'down', '--yes']), { status: 0, stdout: `Took back ${newest}.\n` })
  t.strictSame(await json(['migrate', 'down', '--yes']), { action: 'down', migrations: [newestButOne] })
  t.strictSame(await json(['migrate', 'up']), { action: 'up', migrations: names.slice(-2) })
  for (const name of names.toReversed()) {
    t.match(await run(['migrate', 'down', '--yes']), { status: 0, stdout: `Took back ${name}.\n` })
  }
  t.match(await run(['migrate', 'down']), { status: 0, stdout: 'There is nothing to take back.\n' })
})

t.test('a database of a newer version is left as it is, and said to be one', async (t) => {
  const { database, run, json } = createBench(t)
  await json(['user', 'create', 'ada', '--password-stdin'], password)
  const connection = new SqliteDatabase(database)
  connection
    .prepare('insert into latchkey_migration (name, timestamp) values (?, ?)')
    .run('0999-tomorrow', '2027-01-01T00:00:00.000Z')
  for (const args of [['migrate', 'up'], ['migrate', 'down', '--yes'], ['user', 'list'], ['serve']]) {
    t.match(await run(args), {
      status: 1,
      stdout: /^$/,
      stderr: /^The database is from a newer Latchkey: [^\n]*0999-tomorrow[^\n]*\n$/,
    })
  }
  t.match(await run(['migrate', 'status']), {
    status: 0,
    stdout: /\n0999-tomorrow +2027-01-01T00:00:00\.000Z +no\n$/,
    stderr: 'The database is from a newer Latchkey than this one.\n',
  })
  t.strictSame(connection.prepare('select count(*) as users from latchkey_users').get(), { users: 1 })
  connection.close()
})
