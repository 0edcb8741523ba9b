import t from 'tap'
import type { ForeignAccount, ForeignToken } from '../../src/auth/import-account.ts'
import type { ImportOptions } from '../../src/auth/imports.ts'
import { listUsersAlong } from '../../src/db/users.ts'
import { dayMs, openDomain, refusalOf, type TestDomain, tokenDefaults } from '../support/domain.ts'
import { foreignTokens } from '../support/imported.ts'

/** MD5 of the common password with the salt `salt`, as Django's `MD5PasswordHasher` stores it. */
const md5 = 'md5$salt$2338b2cbd799d580b6a70349f87de5ea'

const joinedAt = Date.parse('2020-01-02T03:04:05.678Z')

t.test('an account comes with its names, times and password', async (t) => {
  const domain = await openDomain(t)
  const { users } = await take(domain, [
    account({
      id: '7',
      username: 'Ada',
      email: 'Ada@Example.org',
      lastSignInAt: joinedAt + 1,
      password: md5,
    }),
    account({ id: '8', username: 'bob@example.org', email: ' ' }),
    account({ id: '9', username: 'ＣＡＲＯＬ ', email: 'carol@example.org', joinedAt: null }),
  ])
  t.match(users, {
    imported: 3,
    importedBefore: 0,
    passwords: { md5: 1, unusable: 2 },
    superusers: 0,
    inactive: 0,
  })
  const rows = await listUsersAlong(domain.database.kysely, 'all', null, 10)
  t.match(rows, [
    {
      username: 'Ada',
      email: 'Ada@Example.org',
      role: 'USER',
      active: 1,
      createdAt: joinedAt,
      lastSignInAt: joinedAt + 1,
      passwordDigest: md5,
      emailVerifiedAt: null,
    },
    { username: 'bob@example.org', email: 'bob@example.org', passwordDigest: null, lastSignInAt: null },
    { username: 'CAROL', createdAt: domain.clock.now },
  ])
  await domain.signIn('ADA')
  t.match(
    (await domain.auth.findUser('ada'))?.passwordDigest,
    /^\$argon2id\$/,
    'replaced at the first sign-in',
  )
})

t.test('what cannot be an account here is skipped with the reason', async (t) => {
  const domain = await openDomain(t)
  await domain.createUser('Taken', 'taken@example.org')
  const cases: [account: Partial<ForeignAccount>, reason: string | null][] = [
    [{ username: '' }, 'LENGTH'],
    [{ username: null, email: null }, 'LENGTH'],
    [{ username: 'x'.repeat(151) }, 'LENGTH'],
    [{ username: 'x'.repeat(1_000) }, 'ILL_FORMED'],
    [{ username: 'a\u0000b' }, 'CHARACTERS'],
    [{ username: 'a\u200bb' }, 'CHARACTERS'],
    [{ username: 'not@mail' }, 'NOT_YOUR_EMAIL'],
    [{ username: 'one@example.org', email: 'two@example.org' }, 'NOT_YOUR_EMAIL'],
    [{ id: '9'.repeat(256) }, 'ID'],
    [{ username: 'ｔＡＫＥＮ' }, 'TAKEN'],
    [{ username: 'taken@example.org', email: 'TAKEN@example.org' }, 'TAKEN'],
    [{ username: 'Straße' }, null],
    [{ username: 'STRASSE' }, 'TAKEN'],
    [{ id: '12', username: 'other' }, 'TAKEN'], // the key comes again
  ]
  const { users, tokens } = await take(
    domain,
    cases.map(([given], index) =>
      account({ id: String(index + 1), username: `user${index}`, tokens: [drf(index)], ...given }),
    ),
  )
  t.equal(users.imported, 1)
  const counts: Record<string, number> = {}
  for (const [, reason] of cases) if (reason !== null) counts[reason] = (counts[reason] ?? 0) + 1
  t.strictSame(
    Object.fromEntries(Object.entries(users.skipped).map(([reason, { count }]) => [reason, count])),
    counts,
  )
  t.strictSame(users.skipped.TAKEN?.examples[0], { id: '10', username: 'ｔＡＫＥＮ' })
  t.match(tokens, { drf: 2, skipped: { USER_SKIPPED: { count: cases.length - 2 } } })
  t.equal(users.skipped.ID?.examples[0]?.id.length, 150, 'examples are short')
})

t.test('an address that is none, or somebody else’s, is left out; who comes first has it', async (t) => {
  const domain = await openDomain(t)
  await domain.createUser('root', 'root@example.org')
  const { users } = await take(domain, [
    account({ id: '1', username: 'ada', email: 'Shared@example.org' }),
    account({ id: '2', username: 'bob', email: 'shared@Example.org' }),
    account({ id: '3', username: 'carol', email: 'root@example.org' }),
    account({ id: '4', username: 'dave', email: 'no address' }),
    account({ id: '5', username: 'shared@example.org', email: 'shared@example.org' }),
  ])
  t.match(users, {
    imported: 4,
    skipped: { TAKEN: { count: 1 } },
    withoutEmail: { TAKEN: { count: 2, examples: [{ id: '2' }, { id: '3' }] }, INVALID: { count: 1 } },
  })
  t.match(
    (await listUsersAlong(domain.database.kysely, 'all', null, 10))
      .map(({ username, email }) => [username, email])
      .sort(),
    [
      ['ada', 'Shared@example.org'],
      ['bob', null],
      ['carol', null],
      ['dave', null],
      ['root', 'root@example.org'],
    ],
  )
})

t.test('a password that nobody can check never matches, and can be set anew by mail', async (t) => {
  const domain = await openDomain(t, {
    mail: { enabled: true, resetTtlMs: dayMs, verifyTtlMs: dayMs, limit: 5 },
  })
  const { users } = await take(domain, [
    account({ id: '1', username: 'ada', password: 'plain$$secret', email: 'ada@example.org' }),
    account({ id: '2', username: 'bob', password: '' }),
    account({ id: '3', username: 'carol', password: '!x' }),
    account({ id: '4', username: 'dave', password: null }),
    account({ id: '5', username: 'eve', password: 'd41d8cd98f00b204e9800998ecf8427e' }),
  ])
  t.strictSame(users.passwords, { unknown: 2, unusable: 2, unsalted_md5: 1 })
  t.equal((await domain.auth.findUser('ada'))?.passwordDigest, 'django$unknown', 'what it was is not kept')
  t.equal((await domain.auth.findUser('dave'))?.passwordDigest, null)
  for (const given of ['secret', 'django$unknown', '']) {
    t.match(await refusalOf(domain.signIn('ada', { password: given || ' ' })), { reason: 'CREDENTIALS' })
  }
})

t.test('superusers become administrators where that is asked for, and inactive users stay so', async (t) => {
  for (const admins of [false, true]) {
    const domain = await openDomain(t)
    const { users, tokens } = await take(
      domain,
      [
        account({ id: '1', username: 'root', superuser: true }),
        account({ id: '2', username: 'ada' }),
        account({ id: '3', username: 'gone', active: false, password: md5, tokens: [drf(1)] }),
      ],
      { admins },
    )
    t.match(users, { superusers: 1, inactive: 1 })
    t.match(tokens, { drf: 0, skipped: { USER_INACTIVE: { count: 1 } } })
    t.equal((await domain.auth.findUser('root'))?.role, admins ? 'ADMIN' : 'USER')
    t.equal((await domain.auth.findUser('ada'))?.role, 'USER')
    t.match(await refusalOf(domain.signIn('gone')), { reason: 'CREDENTIALS' })
  }
})

t.test('tokens keep working, and the expiry that they had', async (t) => {
  const domain = await openDomain(t)
  const { now } = domain.clock
  const [ofDrf, ofKnox, withPrefix] = foreignTokens as [Foreign, Foreign, Foreign]
  const { tokens } = await take(domain, [
    account({
      username: 'ada',
      tokens: [
        { form: 'drf', stored: ofDrf.token, expiresAt: null },
        { form: 'knox', stored: ofKnox.digest, expiresAt: now + 1_000 },
        { form: 'knox', stored: withPrefix.digest, expiresAt: null },
        { form: 'knox', stored: ofKnox.digest.toUpperCase(), expiresAt: null },
        { form: 'drf', stored: `${ofDrf.token}0`, expiresAt: null },
      ],
      otherTokens: { EXPIRED: 3, LIMIT: 0 },
    }),
  ])
  t.match(tokens, { drf: 1, knox: 2, skipped: { FORM: { count: 2 }, EXPIRED: { count: 3 } } })
  t.notOk('LIMIT' in tokens.skipped)
  const { user, token } = await domain.userOf(ofDrf.token)
  t.match(user, { username: 'ada' })
  t.match(token, {
    name: 'Imported from Django REST Framework',
    device: { name: 'Imported from Django REST Framework' },
    createdAt: now,
    expiresAt: now + tokenDefaults.ttlMs,
    provenAt: null,
  })
  t.match((await domain.userOf(ofKnox.token)).token, { name: 'Imported from Knox', expiresAt: now + 1_000 })
  t.match((await domain.userOf(withPrefix.token)).token, { expiresAt: now + tokenDefaults.ttlMs })
  domain.clock.now += 1_000
  t.equal(await domain.reasonOf(ofKnox.token), 'EXPIRED')
  domain.clock.now += tokenDefaults.idleTtlMs
  t.equal(await domain.reasonOf(ofDrf.token), 'EXPIRED', 'it has gone idle')
})

t.test('a token that is renewed by use has the ceiling of one that is issued now', async (t) => {
  const domain = await openDomain(t, { token: { renew: true } })
  const { now } = domain.clock
  const ends = [null, now + 1_000, now + 400 * dayMs]
  await take(domain, [account({ tokens: ends.map((expiresAt, index) => ({ ...drf(index), expiresAt })) })])
  const rows = await domain.database.kysely
    .selectFrom('latchkey_tokens')
    .select(['expires_at', 'max_expires_at'])
    .orderBy('expires_at')
    .execute()
  t.strictSame(
    rows.map((row) => [(row.expires_at - now) / dayMs, (row.max_expires_at - now) / dayMs]),
    [
      [1_000 / dayMs, 90],
      [30, 90],
      [400, 400],
    ],
  )
})

t.test('nobody gets more tokens than TOKEN_LIMIT, and the newest come first', async (t) => {
  const domain = await openDomain(t, { token: { limit: 3 } })
  const given = account({
    username: 'ada',
    password: md5,
    tokens: [0, 1, 2, 3, 4].map(drf),
    otherTokens: { LIMIT: 2 },
  })
  const { tokens } = await take(domain, [given])
  t.match(tokens, { drf: 3, skipped: { LIMIT: { count: 4 } } })
  t.equal(await domain.reasonOf(drf(2).stored), 'none')
  t.equal(await domain.reasonOf(drf(3).stored), 'INVALID')
  await domain.auth.endToken({ token: drf(0).stored })
  t.match((await take(domain, [given])).tokens, {
    drf: 1,
    importedBefore: 3,
    skipped: { LIMIT: { count: 3 } },
  })
  t.equal(await domain.reasonOf(drf(0).stored), 'REVOKED')
  t.equal(await domain.reasonOf(drf(3).stored), 'none')
  t.match((await take(domain, [given])).tokens, { drf: 0, importedBefore: 4 }, 'there is no room')
})

t.test('importing again adds what is new, and changes nothing that has changed here', async (t) => {
  const domain = await openDomain(t)
  const accounts = ['ada', 'bob', 'carol', 'dave'].map((username, index) =>
    account({ id: String(index), username, password: md5, tokens: [drf(index)] }),
  )
  await take(domain, accounts)
  t.strictSame(domain.events, [
    { event: 'users_imported', count: 4 },
    { event: 'tokens_imported', count: 4 },
  ])
  const idOf = async (name: string): Promise<string> => (await domain.auth.findUser(name))?.id ?? ''
  await domain.auth.setUserPassword(await idOf('ada'), { password: 'another good password 1' })
  await domain.auth.deleteUser(await idOf('bob'))
  await domain.auth.endToken({ token: drf(2).stored })
  await domain.auth.setActive(await idOf('dave'), false)

  const more = accounts.map((of, index) => ({ ...of, tokens: [...of.tokens, drf(10 + index)] }))
  const again = await take(domain, [...more, account({ id: '99', username: 'eve' })])
  t.match(again.users, { imported: 1, importedBefore: 4, skipped: {} })
  t.match(again.tokens, {
    drf: 2,
    importedBefore: 2,
    skipped: { USER_DELETED: { count: 2 }, USER_INACTIVE: { count: 2 } },
  })
  t.match(await refusalOf(domain.signIn('ada')), { reason: 'CREDENTIALS' })
  await domain.signIn('ada', { password: 'another good password 1' })
  t.equal(await domain.auth.findUser('bob'), undefined)
  t.equal(await domain.reasonOf(drf(2).stored), 'REVOKED')
  t.equal(await domain.reasonOf(drf(12).stored), 'none')
  t.equal(await domain.reasonOf(drf(13).stored), 'INVALID')
})

t.test('the users of another project are not taken for those that have the same keys', async (t) => {
  const domain = await openDomain(t)
  await take(domain, [
    account({ id: '1', username: 'ada' }),
    account({ id: '2', username: 'bob', joinedAt: null }),
    account({ id: '3', username: 'carol', email: 'carol@example.org', joinedAt: null }),
  ])
  const other = await take(domain, [
    account({ id: '1', username: 'ada', joinedAt: joinedAt + 1, tokens: [drf(1)] }),
    account({ id: '2', username: 'mallory', joinedAt: null, tokens: [drf(2)] }),
    account({ id: '3', username: 'renamed', email: 'Carol@example.org', joinedAt: null, tokens: [drf(3)] }),
  ])
  t.match(other, {
    users: { imported: 0, importedBefore: 1, skipped: { OTHER_ACCOUNT: { count: 2 } } },
    tokens: { drf: 1, skipped: { USER_SKIPPED: { count: 2 } } },
  })
  t.equal(await domain.reasonOf(drf(1).stored), 'INVALID')
  t.match((await domain.userOf(drf(3).stored)).user, { username: 'carol' })
})

t.test('a dry run says what would be done, and does not do it', async (t) => {
  const domain = await openDomain(t)
  const batches = [
    [
      account({ id: '1', username: 'ada', email: 'ada@example.org', tokens: [drf(1)] }),
      account({ id: '2', username: 'bob' }),
    ],
    [account({ id: '3', username: 'ADA' }), account({ id: '4', username: 'dave', email: 'ADA@example.org' })],
  ]
  const trial = domain.auth.startImport({ dryRun: true, admins: false })
  for (const batch of batches) await trial.take(batch)
  trial.finish()
  t.strictSame(domain.events, [])
  t.equal(await domain.auth.hasUsers(), false)
  const real = domain.auth.startImport({ dryRun: false, admins: false })
  for (const batch of batches) await real.take(batch)
  t.strictSame(trial.summary, real.summary)
  t.match(real.summary.users, {
    imported: 3,
    skipped: { TAKEN: { count: 1 } },
    withoutEmail: { TAKEN: { count: 1 } },
  })
})

t.test('two imports at once do no more than one', async (t) => {
  const url = `sqlite:${t.testdir()}/latchkey.db`
  const one = await openDomain(t, { url })
  const other = await openDomain(t, { url })
  const accounts = Array.from({ length: 300 }, (_, index) =>
    account({ id: String(index), username: `user${index}`, tokens: [drf(index)] }),
  )
  const summaries = await Promise.all([one, other].map((domain) => take(domain, accounts, {}, 30)))
  t.equal((summaries[0]?.users.imported as number) + (summaries[1]?.users.imported as number), 300)
  t.equal((summaries[0]?.tokens.drf as number) + (summaries[1]?.tokens.drf as number), 300)
  t.equal((await listUsersAlong(one.database.kysely, 'all', null, 1_000)).length, 300)
  const { count } = await one.database.kysely
    .selectFrom('latchkey_imports')
    .select((select) => select.fn.countAll().as('count'))
    .executeTakeFirstOrThrow()
  t.equal(Number(count), 600)
})

t.test('a digest that is there already stays whose it is', async (t) => {
  const domain = await openDomain(t)
  await take(domain, [account({ id: '1', username: 'ada', tokens: [drf(1)] })])
  await domain.database.kysely.deleteFrom('latchkey_imports').where('source', '=', 'drf:token').execute()
  await take(domain, [account({ id: '2', username: 'bob', tokens: [drf(1)] })])
  t.match((await domain.userOf(drf(1).stored)).user, { username: 'ada' })
})

type Foreign = (typeof foreignTokens)[number]

function drf(number: number): ForeignToken {
  return { form: 'drf', stored: number.toString(16).padStart(40, '0'), expiresAt: null }
}

function account(given: Partial<ForeignAccount> = {}): ForeignAccount {
  return {
    id: '1',
    username: 'ada',
    email: null,
    password: null,
    active: true,
    superuser: false,
    joinedAt,
    lastSignInAt: null,
    tokens: [],
    otherTokens: {},
    ...given,
  }
}

async function take(
  { auth }: TestDomain,
  accounts: ForeignAccount[],
  options: Partial<ImportOptions> = {},
  batchSize = 1_000,
) {
  const run = auth.startImport({ dryRun: false, admins: false, ...options })
  for (let start = 0; start < accounts.length; start += batchSize) {
    await run.take(accounts.slice(start, start + batchSize))
  }
  run.finish()
  return run.summary
}
