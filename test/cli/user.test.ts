import t from 'tap'
import { migrateToLatest } from '../../src/db/migrate.ts'
import { openDatabase } from '../../src/db/open.ts'
import { insertUser } from '../../src/db/users.ts'
import { createBench, password } from './command.ts'

t.test('an account is created, listed, shown and found by name, address and id', async (t) => {
  const { run, json } = createBench(t)
  const args = ['user', 'create', 'Ada', '--email', 'ada@example.org', '--admin', '--password-stdin']
  const created = await run(args, `${password}\n`)
  t.match(created, { status: 0, stdout: /^Created Ada \(id [0-9a-f-]{36}\)\.\n$/ })
  t.match(created.stderr, /^The database was brought up to date: 0001-users, /)

  const [user] = await json(['user', 'list'])
  t.match(user, {
    username: 'Ada',
    email: 'ada@example.org',
    role: 'ADMIN',
    active: true,
    lastSignInAt: null,
  })
  for (const name of ['ada', 'ADA@example.org', user.id, user.id.toUpperCase()]) {
    t.match(await json(['user', 'show', name]), {
      ...user,
      liveTokens: 0,
      failedSignIns: 0,
      passwordLocked: false,
    })
  }
  const shown = await run(['user', 'show', 'ada'])
  t.match(shown.stdout, `id: ${user.id}\nusername: Ada\nemail: ada@example.org\nrole: ADMIN\nactive: yes\n`)
  t.match(
    shown.stdout,
    '\nlast sign in: -\nlive tokens: 0\nfailed sign ins: 0\npassword expires: -\npassword locked: no\n',
  )
  const [head, row] = (await run(['user', 'list'])).stdout.split('\n')
  t.equal(head?.indexOf('EMAIL'), row?.indexOf('ada@example.org'), 'columns are aligned')
})

t.test('a service account has no password, and gets none', async (t) => {
  const { run, json } = createBench(t)
  const created = await json(['user', 'create', 'robot', '--service'])
  t.match(created, { username: 'robot', role: 'USER', service: true })
  t.match(await json(['user', 'show', 'robot']), { service: true })
  t.match(await run(['user', 'set-password', 'robot', '--password-stdin'], password), {
    status: 1,
    stderr: 'This is a service account, which has no password.\n',
  })
  t.match(await run(['user', 'create', 'other', '--service', '--password-stdin'], password), {
    status: 2,
    stderr: /a service account has no password/,
  })
  t.match(await json(['user', 'create', 'ada', '--password-stdin'], password), { service: false })
})

t.test('another user cannot be reached by taking an id for a name', async (t) => {
  const { json } = createBench(t)
  const { id } = await json(['user', 'create', 'ada', '--password-stdin'], password)
  await json(['user', 'create', id, '--password-stdin'], password)
  t.match(await json(['user', 'show', id]), { id, username: 'ada' })
})

t.test('what cannot be an account is refused in a sentence', async (t) => {
  const { run } = createBench(t)
  await run(['user', 'create', 'ada', '--email', 'ada@example.org', '--password-stdin'], password)
  const cases: [args: string[], input: string | Buffer, says: RegExp][] = [
    [['ada'], password, /^There is a user ada already\.\n$/],
    [['bob', '--email', 'ADA@example.org'], password, /^There is a user ADA@example\.org already\.\n$/],
    [['bob'], '', /^No password came on standard input\.\n$/],
    [['bob'], '\n', /^No password came/],
    [['bob'], 'short', /^A password needs at least 8 characters\.\n$/],
    [['bob'], 'two lines of\nsome password\n', /more than one line/],
    [['bob'], Buffer.from([0xff, 0xfe, 0xfd]), /not UTF-8/],
    [['bob'], 'x'.repeat(70_000), /too long for a password/],
    [['bob\u0007'], password, /neither a username nor an email address/],
    [['bob', '--email', 'nowhere'], password, /not an email address/],
  ]
  const outcomes = await Promise.all(
    cases.map(([args, input]) => run(['user', 'create', ...args, '--password-stdin'], input)),
  )
  outcomes.forEach((outcome, index) => {
    t.match(outcome, { status: 1, stdout: /^$/, stderr: cases[index]?.[2] })
  })
  t.match(await run(['user', 'show', 'bob']), { status: 1, stderr: 'There is no user bob.\n' })
  t.match(await run(['user', 'show', 'b\u001b[2J']), { status: 1, stderr: /^[ -~]+\n$/ })
})

t.test('disabling ends the tokens, and enabling does not bring them back', async (t) => {
  const { run, json } = createBench(t)
  const { id } = await json(['user', 'create', 'ada', '--password-stdin'], password)
  const { token } = await json(['token', 'create', 'ada'])
  await json(['token', 'create', 'ada'])
  t.match(await json(['user', 'disable', 'ada']), { id, username: 'ada', active: false, endedTokens: 2 })
  t.match(await json(['user', 'show', 'ada']), { active: false, liveTokens: 0 })
  t.match(await json(['token', 'inspect'], token), { live: false, reason: 'User inactive or deleted.' })
  t.match(await run(['user', 'disable', 'ada']), { status: 0, stdout: 'ada is disabled; 0 tokens ended.\n' })
  t.match(await run(['user', 'enable', 'ada']), { status: 0, stdout: 'ada is enabled.\n' })
  t.match(await json(['token', 'inspect'], token), { live: false, reason: 'Token has been revoked.' })
  t.match(await json(['user', 'enable', 'ada']), { id, username: 'ada', active: true })
})

t.test('a new password ends the tokens', async (t) => {
  const { run, json } = createBench(t)
  await json(['user', 'create', 'ada', '--password-stdin'], password)
  await json(['token', 'create', 'ada'])
  const set = await run(['user', 'set-password', 'ada', '--password-stdin'], 'another long phrase\r\n')
  t.match(set, { status: 0, stdout: 'ada has a new password; 1 token ended.\n' })
  t.match(await json(['user', 'set-password', 'ada', '--password-stdin'], password), { endedTokens: 0 })
  const weak = await run(['user', 'set-password', 'ada', '--password-stdin'], 'password')
  t.match(weak, { status: 1, stderr: /most common/ })
})

t.test('a temporary password is made, and printed by itself', async (t) => {
  const { run, json } = createBench(t)
  const form = /^[0-9a-z]{5}(-[0-9a-z]{5}){3}\n$/
  const created = await run(['user', 'create', 'ada', '--temporary'])
  t.match(created, {
    status: 0,
    stdout: form,
    stderr: /Created ada \(id .+ The temporary password works until /,
  })
  t.match(await json(['user', 'show', 'ada']), { passwordExpiresAt: /^20/ })
  const given = await json(['user', 'set-password', 'ada', '--temporary'])
  t.match(`${given.password}\n`, form)
  t.not(given.password, created.stdout.trim())
  t.match(await run(['user', 'set-password', 'ada', '--temporary']), {
    status: 0,
    stdout: form,
    stderr: /^ada has a new password; 0 tokens ended\. The temporary password works until /,
  })
  for (const args of [
    ['set-password', 'ada'],
    ['create', 'bob'],
  ]) {
    const both = await run(['user', ...args, '--temporary', '--password-stdin'], password)
    t.match(both, { status: 2, stderr: /give one of: --password-stdin, --temporary/ })
  }
  t.match(await run(['user', 'create', 'robot', '--service', '--temporary']), { status: 2 })
  await json(['user', 'set-password', 'ada', '--password-stdin'], password)
  t.match(await json(['user', 'show', 'ada']), { passwordExpiresAt: null })
})

t.test('a role is given and taken, the last administrator’s as well', async (t) => {
  const { run, json } = createBench(t)
  await json(['user', 'create', 'ada', '--password-stdin'], password)
  const given = await run(['user', 'set-role', 'ada', 'admin'])
  t.match(given, { status: 0, stdout: 'ada has the role ADMIN.\n' })
  t.match(await json(['user', 'show', 'ada']), { role: 'ADMIN' })
  t.match(await json(['user', 'set-role', 'ada', 'USER']), { username: 'ada', role: 'USER' })
  t.match(await run(['user', 'set-role', 'ada', 'KING']), { status: 2, stderr: /a role is USER or ADMIN/ })
  t.match(await run(['user', 'set-role', 'bob', 'ADMIN']), { status: 1, stderr: 'There is no user bob.\n' })
})

t.test('an account is deleted with --yes alone where there is no terminal', async (t) => {
  const { run, json } = createBench(t)
  await json(['user', 'create', 'ada', '--password-stdin'], password)
  const { token } = await json(['token', 'create', 'ada'])
  t.match(await run(['user', 'delete', 'ada'], 'y\n'), { status: 2, stderr: /use --yes/ })
  t.match(await run(['user', 'delete', 'ada', '--yes']), {
    status: 0,
    stdout: 'ada is deleted; 1 token ended.\n',
  })
  t.match(await json(['token', 'inspect'], token), { live: false, username: null })
  t.match(await run(['user', 'delete', 'ada', '--yes']), { status: 1, stderr: 'There is no user ada.\n' })
  t.match(await run(['user', 'list']), { status: 0, stdout: /^$/, stderr: 'There are no users.\n' })
  t.strictSame(await json(['user', 'list']), [])
})

t.test('large lists are printed page by page, and whoever reads them may stop', async (t) => {
  const { database, json, run, start } = createBench(t)
  await insertUsers(database, 2_350)
  const listed: { id: string }[] = await json(['user', 'list'])
  t.equal(new Set(listed.map(({ id }) => id)).size, 2_350)
  const [head, ...rows] = (await run(['user', 'list'])).stdout.trimEnd().split('\n')
  t.match(head, /^ID +USERNAME +EMAIL +ROLE +ACTIVE +SERVICE +CREATED +LAST SIGN IN$/)
  t.equal(rows.length, 2_350)
  const columns = rows.map((row) => row.search(/USER +yes/))
  t.strictSame(
    columns,
    columns.toSorted((one, other) => one - other),
    'columns grow, but never shrink',
  )
  t.equal(new Set(columns.slice(0, 100)).size, 1, 'a page is aligned')

  const { child, ended } = start(['user', 'list'])
  child.stdout.once('data', () => child.stdout.destroy())
  t.match(await ended, { status: 0, stderr: /^$/ })
})

t.test('accounts are searched for', async (t) => {
  const { database, json, run } = createBench(t)
  await insertUsers(database, 600)
  await json(['user', 'create', 'Ada', '--email', 'countess@example.org', '--admin', '--temporary'])
  await json(['user', 'create', 'adam', '--service'])
  await json(['user', 'disable', 'adam'])
  const cases: [args: string[], names: string[]][] = [
    [
      ['--search', 'ADA'],
      ['Ada', 'adam'],
    ],
    [['--search', 'countess@'], ['Ada']],
    [['--search', 'ada', '--role', 'admin'], ['Ada']],
    [['--search', 'ada', '--inactive'], ['adam']],
    [['--search', '%'], []],
    [['--inactive'], ['adam']],
    [['--role', 'ADMIN', '--active'], ['Ada']],
  ]
  for (const [args, names] of cases) {
    const found: { username: string }[] = await json(['user', 'list', ...args])
    t.strictSame(
      found.map(({ username }) => username),
      names,
      args.join(' '),
    )
  }
  t.equal((await json(['user', 'list', '--search', 'user'])).length, 600, 'over all pages')
  t.equal((await json(['user', 'list', '--active'])).length, 601, 'in order as well')
  t.match(await json(['user', 'list', '--inactive']), [{ service: true, active: false }])
  t.match(await run(['user', 'list', '--search', 'nobody']), {
    status: 0,
    stdout: /^$/,
    stderr: 'There are no such users.\n',
  })
  t.match(await run(['user', 'list', '--active', '--inactive']), { status: 2, stderr: /give one of/ })
  t.match(await run(['user', 'list', '--role', 'king']), { status: 2, stderr: /USER or ADMIN/ })
})

t.test('stored names cannot forge lines or hide text', async (t) => {
  const { database, json, run } = createBench(t)
  const forged = 'eve\n0192  root\u001b[1A\u009b\u202e\u{e0041}'
  await insertUsers(database, 1, forged)
  for (const args of [
    ['user', 'list'],
    ['user', 'list', '--json'],
  ]) {
    const { stdout } = await run(args)
    t.match(stdout.split('\n').length, args.length === 2 ? 3 : 4)
    t.notMatch(stdout.replaceAll('\n', ''), /[\p{C}]/u)
  }
  const [user] = await json(['user', 'list'])
  t.equal(user.username, forged, 'JSON carries the very text')
  t.match((await run(['user', 'show', user.id])).stdout, /username: eve\\u000a0192 {2}root\\u001b\[1A/)
})

/** Straight into the database, as hashing so many passwords would take long. */
async function insertUsers(file: string, count: number, name?: string): Promise<void> {
  const database = openDatabase(`sqlite:${file}`)
  await migrateToLatest(database)
  await database.transaction(async (db) => {
    for (let index = 0; index < count; index++) {
      const id = `00000000-0000-7000-8000-${String(index).padStart(12, '0')}`
      // Later names are longer, so that columns have to grow on the way.
      const username = name ?? `user${'x'.repeat(index % 7)}${index}日本`
      await insertUser(db, {
        id,
        username,
        usernameKey: username,
        email: null,
        emailKey: null,
        passwordDigest: null,
        role: 'USER',
        createdAt: index,
      })
    }
  })
  await database.close()
}

t.test('what the operator does is an event on standard error where LOG_LEVEL asks for it', async (t) => {
  const cases: [env: Record<string, string>, files: Record<string, string>, written: boolean][] = [
    [{ LOG_LEVEL: 'info' }, {}, true],
    [{ LOG_LEVEL: 'debug' }, {}, true],
    [{ LOG_LEVEL: 'warn' }, {}, false],
    [{}, {}, false],
    [{}, { '.env': 'LOG_LEVEL=info' }, false],
  ]
  for (const [env, files, written] of cases) {
    const { run } = createBench(t, env, files)
    const args = ['user', 'create', 'ada', '--password-stdin', '--json']
    const { status, stdout, stderr } = await run(args, password)
    t.equal(status, 0)
    const [line = '{}', ...more] = stderr.split('\n').filter((text) => text.startsWith('{'))
    const { id } = JSON.parse(stdout)
    const event = { level: 30, event: 'user_created', userId: id, msg: 'user_created' }
    t.has(JSON.parse(line), written ? event : {}, JSON.stringify({ ...env, ...files }))
    t.equal(line !== '{}', written)
    t.same(more, [])
  }
})
