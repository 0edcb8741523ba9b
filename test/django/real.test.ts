import SqliteDatabase from 'better-sqlite3'
import t, { type Test } from 'tap'
import { type Bench, createBench } from '../cli/command.ts'
import { type DjangoUser, hasDjango, makeDjango, NO_DJANGO, whyWithoutDjango } from '../support/django.ts'
import { hasPostgres, NO_POSTGRES, startPostgres, whyWithoutPostgres } from '../support/postgres.ts'

const hashers = [
  'pbkdf2_sha256',
  'pbkdf2_sha1',
  'argon2',
  'bcrypt_sha256',
  'bcrypt',
  'sha1',
  'md5',
  'unsalted',
]

t.test(
  'users of a real Django on SQLite move in, and nobody is signed out',
  { skip: whyWithoutDjango() },
  async (t) => {
    if (!hasDjango) return t.fail(NO_DJANGO)
    const bench = createBench(t, { RATE_LIMIT_REQUESTS: 'off', RATE_LIMIT_ADDRESS_FAILURES: '1000' })
    const file = `${bench.folder}/django.sqlite3`
    const made = makeDjango({ ENGINE: 'django.db.backends.sqlite3', NAME: file }, 1_000)
    await moveIn(t, bench, file, made.users)

    const members = ['import', 'django', '--database', file, '--user-table', 'accounts_member']
    t.match(await bench.json(members), ofMembers)
    const { length } = made.members
    t.match(
      (await bench.json(['user', 'list'])).slice(-length),
      made.members
        .sort((one, other) => (one.id < other.id ? -1 : 1))
        .map(({ email }) => ({ username: email, email })),
    )
    t.match(await bench.json(members), { users: { imported: 0, importedBefore: length } })
  },
)

t.test(
  'users of a real Django on PostgreSQL move in, and nobody is signed out',
  { skip: whyWithoutDjango() || whyWithoutPostgres() },
  async (t) => {
    if (!hasDjango) return t.fail(NO_DJANGO)
    if (!hasPostgres) return t.fail(NO_POSTGRES)
    const postgres = await startPostgres(t)
    await postgres.createDatabase('django')
    const { host, port, user, password } = postgres
    const made = makeDjango(
      {
        ENGINE: 'django.db.backends.postgresql',
        NAME: 'django',
        USER: user,
        PASSWORD: password,
        HOST: host,
        PORT: port,
      },
      300,
    )
    const bench = createBench(t, { RATE_LIMIT_REQUESTS: 'off', RATE_LIMIT_ADDRESS_FAILURES: '1000' })
    await moveIn(t, bench, postgres.urlOf('django'), made.users)
    const members = ['--database', postgres.urlOf('django'), '--user-table', 'public.accounts_member']
    t.match(await bench.json(['import', 'django', ...members]), ofMembers)
  },
)

/** A table of users beside that of the tokens, whose keys mean others. */
const ofMembers = {
  users: { imported: 3, skipped: {} },
  tokens: { drf: 0, knox: 0, skipped: {} },
  tablesLeftOut: [
    { table: 'authtoken_token', reason: 'OTHER_USERS' },
    { table: 'knox_authtoken', reason: 'OTHER_USERS' },
  ],
}

async function moveIn(t: Test, bench: Bench, address: string, users: DjangoUser[]): Promise<void> {
  const args = ['import', 'django', '--database', address]
  const trial = await bench.json([...args, '--dry-run'])
  const imported = await bench.json(args)
  t.strictSame({ ...trial, dryRun: false }, imported, 'a dry run says what comes of it')
  const active = users.filter((user) => user.active)
  t.match(imported, {
    users: {
      imported: users.length,
      importedBefore: 0,
      skipped: {},
      withoutEmail: {},
      inactive: users.length - active.length,
      superusers: users.filter(({ superuser }) => superuser).length,
    },
    tokens: { drf: active.length, knox: active.flatMap(({ knox }) => knox).length, importedBefore: 0 },
    tablesLeftOut: [],
  })
  t.equal(imported.tokens.skipped.EXPIRED.count, Math.ceil(users.length / 4))
  t.strictSame(
    [...new Set(users.map(({ hasher }) => hasher).filter((name) => hashers.includes(name)))].sort(),
    [...hashers].sort(),
  )

  const service = bench.start(['serve'])
  const [, url = ''] = await service.said(/listens on (http:\S+)\n/)
  for (const user of active.slice(0, 40)) {
    for (const token of [user.drf, ...user.knox]) {
      t.match(
        await ask(url, viewer, {}, token),
        { data: { viewer: { username: user.username } } },
        user.username,
      )
    }
  }
  const [first] = active
  t.match(await ask(url, devices, {}, first?.drf), {
    data: { viewer: { tokens: { nodes: [{ name: 'Imported from Django REST Framework', current: true }] } } },
  })
  for (const { drf } of users.filter((user) => !user.active).slice(0, 3)) {
    t.match(await ask(url, viewer, {}, drf), { errors: [{ extensions: { reason: 'INVALID' } }] })
  }

  const ofEachHasher = users.filter(({ ownCost }) => ownCost)
  t.equal(ofEachHasher.length >= hashers.length, true)
  const others = active.filter(({ password, ownCost }) => password !== null && !ownCost).slice(0, 10)
  for (const { username, email, password } of [...ofEachHasher, ...others]) {
    t.match(await digestOf(username), /^(?!\$argon2id)/)
    for (const [name, given] of [
      [username, password],
      [email || username, password?.normalize('NFD')],
    ]) {
      const answer = await ask(url, signIn, { username: name, password: given })
      t.match(answer, { data: { tokenAuth: { token: /^lk_/ } } }, username)
    }
    t.match(await digestOf(username), /^\$argon2id\$/)
    const wrong = await ask(url, signIn, { username, password: `${password}x` })
    t.match(wrong, { errors: [{ extensions: { reason: 'CREDENTIALS' } }] })
  }
  const withoutPassword = active.find(({ password }) => password === null)
  t.match(await ask(url, signIn, { username: withoutPassword?.username, password: 'x' }), {
    errors: [{ extensions: { reason: 'CREDENTIALS' } }],
  })
  t.match(await bench.json(args), {
    users: { imported: 0, importedBefore: users.length, skipped: {} },
    tokens: { drf: 0, knox: 0, importedBefore: imported.tokens.drf + imported.tokens.knox },
  })
  service.child.kill('SIGTERM')
  t.match(await service.ended, { status: 0 })

  async function digestOf(username: string): Promise<string> {
    const database = new SqliteDatabase(bench.database, { readonly: true })
    try {
      const find = database.prepare('select password_digest from latchkey_users where username = ?').pluck()
      return String(find.get(username))
    } finally {
      database.close()
    }
  }
}

const viewer = '{ viewer { username } }'
const devices = '{ viewer { tokens(first: 1) { nodes { name current } } } }'
const signIn =
  'mutation ($username: String!, $password: String!) { tokenAuth(username: $username, password: $password) { token } }'

async function ask(url: string, query: string, variables: object, token?: string): Promise<unknown> {
  const response = await fetch(url, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      ...(token === undefined ? {} : { authorization: `Token ${token}` }),
    },
    body: JSON.stringify({ query, variables }),
  })
  return response.json()
}
