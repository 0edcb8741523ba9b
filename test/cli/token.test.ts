import t from 'tap'
import { digestToken } from '../../src/auth/token-format.ts'
import { openDatabase } from '../../src/db/open.ts'
import { insertToken } from '../../src/db/tokens.ts'
import { createBench, password } from './command.ts'

const dayMs = 86_400_000

t.test('a token is issued alone on standard output, and known by it', async (t) => {
  const { run, json } = createBench(t)
  const { id: userId } = await json(['user', 'create', 'ada', '--password-stdin'], password)
  const created = await run(['token', 'create', 'ada'])
  t.match(created, { status: 0, stdout: /^lk_[0-9A-Za-z]{49}\n$/, stderr: /^Token \S+ of ada, valid until/ })
  const token = created.stdout.trim()
  t.notMatch(created.stderr, token)

  const report = await json(['token', 'inspect'], `  ${token}\n`)
  t.match(report, {
    wellFormed: true,
    checksum: true,
    found: true,
    live: true,
    reason: null,
    userId,
    username: 'ada',
    name: 'Command line',
    revokedAt: null,
  })
  t.equal(Date.parse(report.expiresAt) - Date.parse(report.createdAt), 30 * dayMs)
  t.match(
    (await run(['token', 'inspect'], token)).stdout,
    /^well formed: yes\nform: latchkey\nchecksum: yes\nfound: yes\nlive: yes/,
  )
})

t.test('a token has a name and a life as asked for, within the longest', async (t) => {
  const { run, json } = createBench(t, { PERSONAL_TOKEN_MAX_TTL: '1d', PERSONAL_TOKEN_LIMIT: '3' })
  await json(['user', 'create', 'ada', '--password-stdin'], password)
  const created = await json(['token', 'create', 'ada', '--name', 'deploy', '--expires-in', '12h'])
  t.match(created, { token: /^lk_/, username: 'ada', name: 'deploy' })
  t.equal(Date.parse(created.expiresAt) - Date.parse(created.createdAt), dayMs / 2)
  const longer = await run(['token', 'create', 'ada', '--expires-in', '2d'])
  t.match(longer, { status: 0, stderr: /sooner than asked for: PERSONAL_TOKEN_MAX_TTL/ })

  t.match(await run(['token', 'create', 'ada', '--expires-in', 'soon']), { status: 1, stderr: /duration/ })
  t.match(await run(['token', 'create', 'ada', '--name', 'a\u0007']), { status: 1, stderr: /control/ })
  t.match(await run(['token', 'create', 'bob']), { status: 1, stderr: 'There is no user bob.\n' })
  await run(['token', 'create', 'ada'])
  t.match(await run(['token', 'create', 'ada']), {
    status: 1,
    stdout: /^$/,
    stderr: /as many tokens as it may/,
  })
  await run(['user', 'disable', 'ada'])
  t.match(await run(['token', 'create', 'ada']), { status: 1, stdout: /^$/, stderr: /disabled/ })
})

t.test('live tokens are listed, newest first, without their secret', async (t) => {
  const { run, json } = createBench(t, { PASSWORD_HASH_CONCURRENCY: '1' })
  await json(['user', 'create', 'ada', '--password-stdin'], password)
  t.match(await run(['token', 'list', 'ada']), {
    status: 0,
    stdout: /^$/,
    stderr: 'ada has no live tokens.\n',
  })
  const first = await json(['token', 'create', 'ada', '--name', 'first'])
  const second = await json(['token', 'create', 'ada', '--name', 'second'])
  const listed = await json(['token', 'list', 'ada'])
  t.strictSame(
    listed.map((token: { name: string }) => token.name),
    ['second', 'first'],
  )
  t.strictSame(Object.keys(listed[0]), [
    'id',
    'name',
    'kind',
    'scopes',
    'device',
    'platform',
    'createdAt',
    'lastUsedAt',
    'lastAddress',
    'expiresAt',
  ])
  const { stdout } = await run(['token', 'list', 'ada'])
  t.match(stdout, new RegExp(`^ID .*\\n${second.id} .*\\n${first.id} .*\\n$`))
  t.notMatch(stdout, /lk_/)
})

t.test('many tokens are listed page by page', async (t) => {
  const { database: file, json } = createBench(t)
  const { id: userId } = await json(['user', 'create', 'ada', '--password-stdin'], password)
  const database = openDatabase(`sqlite:${file}`)
  const now = Date.now()
  await database.transaction(async (db) => {
    for (let index = 0; index < 150; index++) await insertToken(db, createRow(index, userId, now))
  })
  await database.close()
  const listed: { name: string }[] = await json(['token', 'list', 'ada'])
  t.strictSame(
    listed.map(({ name }) => name),
    Array.from({ length: 150 }, (_, index) => `token ${149 - index}`),
  )
})

t.test('a token without any scope is listed as one', async (t) => {
  const { database: file, json, run } = createBench(t)
  const { id: userId } = await json(['user', 'create', 'ada', '--password-stdin'], password)
  const database = openDatabase(`sqlite:${file}`)
  const now = Date.now()
  await insertToken(database.kysely, { ...createRow(1, userId, now), kind: 1, scopes: '' })
  await insertToken(database.kysely, { ...createRow(2, userId, now), kind: 1, scopes: 'ACCOUNT TOKENS' })
  await database.close()
  t.match((await run(['token', 'list', 'ada'])).stdout, /PERSONAL +ACCOUNT,TOKENS .*PERSONAL +none /s)
  t.match(await json(['token', 'list', 'ada']), [{ scopes: ['ACCOUNT', 'TOKENS'] }, { scopes: [] }])
})

t.test('a token is revoked by its id, by itself, or with all of its user', async (t) => {
  const { run, json } = createBench(t)
  const { id: userId } = await json(['user', 'create', 'ada', '--password-stdin'], password)
  const tokens = [1, 2, 3, 4].map(() => json(['token', 'create', 'ada']))
  const [one, two] = await Promise.all(tokens)
  t.match(await run(['token', 'revoke', one.id.toUpperCase()]), {
    status: 0,
    stdout: `Token ${one.id} is revoked.\n`,
  })
  t.match(await json(['token', 'inspect'], one.token), { live: false, revokedAt: /^20/ })
  t.match(await run(['token', 'revoke', one.id]), {
    status: 0,
    stdout: `Token ${one.id} had ended before.\n`,
  })
  t.match(await json(['token', 'revoke', '--token-stdin'], `${two.token}\n`), {
    id: two.id,
    userId,
    ended: true,
  })
  t.match(await json(['token', 'revoke', '--all', 'ada']), { userId, username: 'ada', endedTokens: 2 })
  t.match(await run(['token', 'revoke', '--all', 'ada']), { status: 0, stdout: '0 tokens of ada ended.\n' })

  const cases: [args: string[], input: string, says: string][] = [
    [[userId], '', 'There is no such token.\n'],
    [[one.token], '', 'This is not the id of a token.\n'],
    [['--token-stdin'], 'lk_x', 'There is no such token.\n'],
    [['--token-stdin'], '', 'No token came on standard input.\n'],
    [['--all', 'bob'], '', 'There is no user bob.\n'],
  ]
  const outcomes = await Promise.all(cases.map(([args, input]) => run(['token', 'revoke', ...args], input)))
  outcomes.forEach((outcome, index) => {
    t.match(outcome, { status: 1, stdout: /^$/, stderr: cases[index]?.[2] })
  })
})

t.test('a token of a deleted user can still be looked into and revoked', async (t) => {
  const { json, run } = createBench(t)
  await json(['user', 'create', 'ada', '--password-stdin'], password)
  const { id, token } = await json(['token', 'create', 'ada'])
  await json(['user', 'delete', 'ada', '--yes'])
  t.match(await json(['token', 'inspect'], token), { id, userId: null, username: null, live: false })
  t.match(await run(['token', 'revoke', id]), { status: 0, stdout: `Token ${id} had ended before.\n` })
})

t.test('inspection tells a mistyped token from an unknown one', async (t) => {
  const { json, run } = createBench(t)
  await json(['user', 'create', 'ada', '--password-stdin'], password)
  const { token, id } = await json(['token', 'create', 'ada', '--expires-in', '1s'])
  const invalid = { found: false, live: false, reason: 'Invalid token.' }
  const swapped = token.replace(/.$/, (last: string) => (last === 'a' ? 'b' : 'a'))
  t.match(await json(['token', 'inspect'], 'hello'), { wellFormed: false, checksum: false, ...invalid })
  t.match(await json(['token', 'inspect'], swapped), { wellFormed: true, checksum: false, ...invalid })
  await t.test('a token of another database', async (t) => {
    const { json } = createBench(t)
    t.match(await json(['token', 'inspect'], token), { wellFormed: true, checksum: true, ...invalid })
  })
  await new Promise((resolve) => setTimeout(resolve, 1_000)) // the command has the real clock
  t.match(await json(['token', 'inspect'], token), {
    id,
    found: true,
    live: false,
    reason: 'Token has expired.',
  })
  t.match(await run(['token', 'inspect']), { status: 1, stderr: /No token came/ })
})

t.test('a token has the scopes that it is given, and is listed as the operator’s', async (t) => {
  const { run, json } = createBench(t)
  await json(['user', 'create', 'robot', '--service'])
  const all = await json(['token', 'create', 'robot'])
  t.match(all, { kind: 'SERVICE', scopes: 'all' })
  const some = await json(['token', 'create', 'robot', '--scopes', 'TOKENS, ACCOUNT,TOKENS'])
  t.strictSame(some.scopes, ['TOKENS', 'ACCOUNT'])
  t.strictSame(
    (await json(['token', 'list', 'robot'])).map((token: { kind: string; scopes: unknown }) => [
      token.kind,
      token.scopes,
    ]),
    [
      ['SERVICE', ['TOKENS', 'ACCOUNT']],
      ['SERVICE', 'all'],
    ],
  )
  t.match(await json(['token', 'inspect'], some.token), { kind: 'SERVICE', scopes: ['TOKENS', 'ACCOUNT'] })
  t.match(await json(['token', 'inspect'], all.token), { kind: 'SERVICE', scopes: 'all' })
  t.match(await run(['token', 'create', 'robot', '--scopes', 'NOTES_WRITE,ACCOUNT']), {
    status: 0,
    stderr: /^NOTES_WRITE: no scope of Latchkey's own; it is taken as written\.\n/,
  })
  for (const scopes of ['', 'ACCOUNT,', 'a b', 'ACCOUNT TOKENS', '1st', 'x'.repeat(101)]) {
    const refused = await run(['token', 'create', 'robot', '--scopes', scopes])
    t.match(refused, { status: 1, stdout: /^$/, stderr: /A scope has a name as in the schema/ }, scopes)
  }
})

t.test('tokens that ended long enough ago are pruned', async (t) => {
  const { json, run } = createBench(t, { TOKEN_RETENTION: '0s' })
  await json(['user', 'create', 'ada', '--password-stdin'], password)
  const { token } = await json(['token', 'create', 'ada'])
  const kept = await json(['token', 'create', 'ada'])
  await json(['token', 'revoke', '--token-stdin'], token)
  t.match(await run(['token', 'prune']), {
    status: 0,
    stdout: 'Deleted 1 token, 0 counter(s) of failed sign-ins and 0 audit event(s).\n',
    stderr: /^$/,
  })
  t.match(await json(['token', 'inspect'], token), { found: false })
  t.match(await json(['token', 'inspect'], kept.token), { live: true })
  t.strictSame(await json(['token', 'prune']), { tokens: 0, counters: 0, auditEvents: 0 })
})

function createRow(index: number, userId: string, now: number): Parameters<typeof insertToken>[1] {
  return {
    id: `00000000-0000-7000-8000-${String(index).padStart(12, '0')}`,
    userId,
    name: `token ${index}`,
    digest: digestToken(`token ${index}`),
    deviceId: null,
    deviceName: null,
    devicePlatform: null,
    userAgent: null,
    createdAt: now,
    expiresAt: now + dayMs,
    maxExpiresAt: now + dayMs,
    lastUsedAt: null,
    lastUsedAddress: null,
    revokedAt: null,
  }
}
