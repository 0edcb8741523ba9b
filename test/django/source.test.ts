import { readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import SqliteDatabase from 'better-sqlite3'
import t from 'tap'
import type { ForeignAccount } from '../../src/auth/import-account.ts'
import { type DjangoSource, openDjango } from '../../src/django/source.ts'
import { makeDjangoFile } from '../support/django-file.ts'

const now = Date.parse('2026-11-23T09:00:00.000Z')
const standard = { userTable: null, usernameColumn: null, knoxTable: null }

t.test('users come in the order of their keys, page by page, with their tokens', async (t) => {
  const { file, db, addUsers, addDrf, addKnox } = makeDjangoFile(t)
  const many = Array.from({ length: 25 }, (_, index) => ({ id: 25 - index, username: `user${25 - index}` }))
  addUsers(...many, { id: 9_007_199_254_740_993n, username: 'large', is_active: 0, is_superuser: 1 })
  addUsers({
    id: -1,
    username: 'below',
    email: 'below@example.org',
    last_login: '2024-05-06 07:08:09',
    password: 'x',
  })
  addDrf({ key: 'a'.repeat(40), user_id: 2 })
  addKnox({ digest: 'b'.repeat(128), user_id: 2, expiry: '2026-11-24 10:00:00.5' })
  for (const size of [10, 27, 28, 100]) {
    const accounts = await readAll(file, size)
    t.strictSame(
      accounts.map(({ id }) => id),
      ['-1', ...Array.from({ length: 25 }, (_, index) => String(index + 1)), '9007199254740993'],
    )
    t.strictSame(accounts[0], {
      id: '-1',
      username: 'below',
      email: 'below@example.org',
      password: 'x',
      active: true,
      superuser: false,
      joinedAt: Date.parse('2020-01-02T03:04:05.678Z'),
      lastSignInAt: Date.parse('2024-05-06T07:08:09Z'),
      tokens: [],
      otherTokens: { EXPIRED: 0, LIMIT: 0, SALTED: 0 },
    })
    t.match(accounts.at(-1), { active: false, superuser: true, lastSignInAt: null })
    t.strictSame(accounts[2]?.tokens, [
      { form: 'drf', stored: 'a'.repeat(40), expiresAt: null },
      { form: 'knox', stored: 'b'.repeat(128), expiresAt: Date.parse('2026-11-24T10:00:00.500Z') },
    ])
  }
  const source = await openDjango(`sqlite:${file}`, standard)
  t.match(source, { total: 27, tablesLeftOut: [] })
  db.exec('delete from authtoken_token; delete from knox_authtoken; delete from auth_user') // nothing keeps Django from writing
  t.strictSame(await collect(source, 10), [])
  await source.close()
})

t.test('of many tokens the newest come; those that have expired are counted', async (t) => {
  const { file, addUsers, addKnox } = makeDjangoFile(t)
  addUsers({ id: 1, username: 'ada' })
  for (let day = 1; day <= 9; day++) {
    addKnox({ digest: String(9 - day).repeat(128), user_id: 1, created: `2026-01-0${day} 00:00:00` })
  }
  addKnox(
    { digest: 'a'.repeat(128), user_id: 1, expiry: '2026-11-23 08:59:59.999999' },
    { digest: 'b'.repeat(128), user_id: 1, expiry: '2026-11-23 09:00:00.000001' },
  )
  const [account] = await readAll(file, 10, 3)
  t.strictSame(
    account?.tokens.map(({ stored }) => stored[0]),
    ['0', '1', '2'],
  )
  t.strictSame(account?.otherTokens, { EXPIRED: 1, LIMIT: 7, SALTED: 0 })
})

t.test('tables of older releases of Knox are read as far as they can be', async (t) => {
  const users = 'create table auth_user (id integer primary key, username text, password text);'
  const row = `insert into auth_user values (1, 'ada', '!');`
  const cases: [knox: string, expected: unknown, options?: object][] = [
    [
      `create table knox_authtoken (digest text, user_id int, expires text);
       insert into knox_authtoken values ('d', 1, '2030-01-01 00:00:00'), ('e', 1, '2020-01-01 00:00:00')`,
      {
        tokens: [{ form: 'knox', stored: 'd', expiresAt: Date.parse('2030-01-01') }],
        otherTokens: { EXPIRED: 1 },
      },
    ],
    [
      `create table knox_authtoken (digest text, salt text, user_id int, expires text);
       insert into knox_authtoken values ('d', 's', 1, null), ('e', 't', 1, '2020-01-01 00:00:00')`,
      { tokens: [], otherTokens: { SALTED: 2, EXPIRED: 0, LIMIT: 0 } },
    ],
    [
      `create table my_token (digest text, user_id int); insert into my_token values ('d', 1)`,
      { tokens: [{ stored: 'd', expiresAt: null }] },
      { knoxTable: 'my_token' },
    ],
  ]
  for (const [knox, expected, options] of cases) {
    const { file } = makeDjangoFile(t, users + row + knox)
    t.match((await readAll(file, 10, 50, options))[0], expected)
  }
})

t.test('a table of users may be another, with columns of its own', async (t) => {
  const name = 'my "users"; drop table x'
  const quoted = `"${name.replaceAll('"', '""')}"`
  const cases: [columns: string, values: string, options: object, expected: unknown][] = [
    [
      'id char(32) primary key, email text, password text',
      `'ab', 'a@b.c', '!'`,
      {},
      { id: 'ab', username: 'a@b.c', email: 'a@b.c', active: true, superuser: false, joinedAt: null },
    ],
    [
      'user_no integer primary key, "log in" text, password text',
      `7, 'ada', '!'`,
      { usernameColumn: 'log in' },
      { id: '7', username: 'ada', email: null },
    ],
    [
      'id, username, password, is_active, date_joined',
      `'1', x'616200', 3, null, 'never'`,
      {},
      { id: '1', username: /^ab/, password: '3', active: false, joinedAt: null },
    ],
    [
      'id, username, password, is_active, date_joined',
      `1.5, 'x', null, 'true', '2026-02-31T25:00:00Z'`,
      {},
      { id: '1.5', password: null, active: true, joinedAt: null },
    ],
    [
      'id, username, password, date_joined',
      `1, 'x', '', '2026-02-03 04:05:06+0130'`,
      {},
      { joinedAt: Date.parse('2026-02-03T04:05:06+01:30') },
    ],
    [
      'id, username, password, date_joined',
      `1, 'x', '', '2026-02-03 04:05:06-01'`,
      {},
      { joinedAt: Date.parse('2026-02-03T04:05:06-01:00') },
    ],
    ['id, username, password, date_joined', `1, 'x', '', '1969-02-03 04:05:06'`, {}, { joinedAt: null }],
  ]
  for (const [columns, values, options, expected] of cases) {
    const { file } = makeDjangoFile(
      t,
      `create table ${quoted} (${columns}); insert into ${quoted} values (${values})`,
    )
    t.match((await readAll(file, 10, 50, { userTable: name, ...options }))[0], expected, columns)
  }
})

t.test('whatever is in the cells, it is read', async (t) => {
  const { file, db } = makeDjangoFile(
    t,
    `create table auth_user (id, username, email, password, last_login);
     create table authtoken_token (key, user_id); create table knox_authtoken (digest, user_id, created, expiry)`,
  )
  const insert = db.prepare('insert into auth_user values (?, ?, ?, ?, ?)')
  insert.run(1n, 'x'.repeat(5_000_000), 'y'.repeat(5_000_000), `pbkdf2_sha256$${'9'.repeat(100_000)}`, 1e308)
  insert.run('two', '\ud800', Buffer.from([0xff, 0, 1]), Buffer.alloc(9), -1)
  insert.run(null, 'nobody', '', '', null)
  insert.run(Buffer.from('blob'), null, null, null, 'infinity')
  db.exec(`insert into authtoken_token values (null, 1), ('x', 'two'), (x'00ff', null)`)
  db.exec(`insert into knox_authtoken values (5, 1, 'then', 'later'), (null, x'626c6f62', null, -1)`)
  const accounts = await readAll(file, 1)
  t.match(accounts, [
    {
      id: '1',
      username: /^x{1000}$/,
      password: /^.{1000}$/,
      tokens: [{ stored: '' }, { stored: '', expiresAt: null }],
    },
    { id: 'two', tokens: [{ stored: 'x' }] },
    { id: 'blob', username: null, lastSignInAt: null },
  ])
  t.equal(accounts.length, 3)
})

t.test('what is no database of Django’s is refused in a sentence', async (t) => {
  const folder = t.testdir({ 'text.db': 'This is no database, but some text. '.repeat(100), folder: {} })
  const truncated = (): string => {
    const file = make('create table x (y); create table z (y)')
    writeFileSync(file, readFileSync(file).subarray(0, 4_096))
    return file
  }
  const make = (statements: string): string => {
    const file = join(t.testdir(), 'some.db')
    const db = new SqliteDatabase(file)
    db.exec(statements)
    db.close()
    return file
  }
  const cases: [says: RegExp, file: () => string, options?: object][] = [
    [/^There is no file .*none\.db\.$/, () => join(folder, 'none.db')],
    [/folder is not a file\.$/, () => join(folder, 'folder')],
    [/text\.db cannot be read: it is not an SQLite database\.$/, () => join(folder, 'text.db')],
    [/some\.db cannot be read: database disk image is malformed\.$/, truncated],
    [/^There is no table auth_user\. No other table looks like/, () => make('create table x (y)')],
    [
      /These look like tables of users: a_user, b_user\. Name one with --user-table\.$/,
      () =>
        make(
          'create table b_user (password, last_login); create table a_user (password, last_login); create table c (password)',
        ),
    ],
    [/^There is no table nobody\./, () => make('create table auth_user (id)'), { userTable: 'nobody' }],
    [
      /^The table auth_user has no column password\. It has: id, x\.$/,
      () => make('create table auth_user (id, x)'),
    ],
    [
      /^The table auth_user has no column phone\. It has: id, password\.$/,
      () => make('create table auth_user (id, password)'),
      { usernameColumn: 'phone' },
    ],
    [
      /neither a column username nor email\. Name .* --username-column\. It has: id, password/,
      () => make('create table auth_user (id, password)'),
    ],
    [
      /neither a column id nor another primary key/,
      () => make('create table auth_user (a, b, password, username, primary key (a, b))'),
    ],
    [
      /neither a column id nor another primary key/,
      () => make('create table auth_user (password, username)'),
    ],
    [
      /^The table authtoken_token has no column user_id\. It has: key\.$/,
      () => make('create table auth_user (id, password, username); create table authtoken_token (key)'),
    ],
    [
      /^The table knox_authtoken has no column digest\./,
      () =>
        make('create table auth_user (id, password, username); create table knox_authtoken (key, user_id)'),
    ],
    [
      /^There is no table other\.$/,
      () => make('create table auth_user (id, password, username)'),
      { knoxTable: 'other' },
    ],
    [
      /^The tokens in other are not of users in auth_user\.$/,
      () =>
        make(
          'create table auth_user (id, password, username); create table other (digest, user_id references Member (id))',
        ),
      { knoxTable: 'other' },
    ],
  ]
  for (const [says, file, options] of cases) {
    await t.rejects(openDjango(file(), { ...standard, ...options }), {
      name: 'ForeignDatabaseError',
      message: says,
    })
  }
})

t.test('tokens that refer to users of another table are left out', async (t) => {
  const { file } = makeDjangoFile(
    t,
    `create table auth_user (id integer primary key, password, username); create table member (id integer primary key, password, username);
     insert into auth_user values (1, '!', 'ada'); insert into member values (1, '!', 'mallory');
     create table authtoken_token (key, user_id references AUTH_USER (id)); insert into authtoken_token values ('k', 1);`,
  )
  const left = { table: 'knox_authtoken', reason: 'MISSING' }
  const [own, other] = [
    await openDjango(file, standard),
    await openDjango(file, { ...standard, userTable: 'member' }),
  ]
  t.strictSame(own.tablesLeftOut, [left])
  t.strictSame(other.tablesLeftOut, [{ table: 'authtoken_token', reason: 'OTHER_USERS' }, left])
  const pages = await collect(other, 10)
  t.match(pages, [{ username: 'mallory', tokens: [] }])
  await own.close()
  await other.close()
})

t.test('a damaged database is told from Latchkey’s own', async (t) => {
  const { file, db, addUsers } = makeDjangoFile(t)
  addUsers(
    ...Array.from({ length: 500 }, (_, index) => ({ username: `user${index}`, email: 'x'.repeat(200) })),
  )
  db.close()
  const bytes = readFileSync(file)
  bytes.fill(0xff, 65_536)
  writeFileSync(file, bytes)
  await t.rejects(readAll(file, 100), { message: /^Django's database cannot be read: .*malformed\.$/ })
})

t.test('nothing is written to the file, which may be in WAL mode and in use', async (t) => {
  for (const mode of ['delete', 'wal']) {
    const { file, db, addUsers } = makeDjangoFile(t)
    db.pragma(`journal_mode = ${mode}`)
    addUsers({ id: 1, username: 'ada' })
    const before = [readFileSync(file), statSync(file).mtimeMs]
    t.match(await readAll(file, 10), [{ username: 'ada' }])
    t.strictSame([readFileSync(file), statSync(file).mtimeMs], before)
    db.exec('begin immediate')
    t.match(await readAll(file, 10), [{ username: 'ada' }], 'while Django writes')
    db.exec('rollback')
  }
})

async function readAll(file: string, size: number, tokenLimit = 50, options = {}): Promise<ForeignAccount[]> {
  const source = await openDjango(file, { ...standard, ...options })
  try {
    return await collect(source, size, tokenLimit)
  } finally {
    await source.close()
  }
}

async function collect(source: DjangoSource, size: number, tokenLimit = 50): Promise<ForeignAccount[]> {
  const accounts: ForeignAccount[] = []
  for await (const page of source.pages(size, { now, tokenLimit })) accounts.push(...page)
  return accounts
}
