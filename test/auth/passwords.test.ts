import { hash } from '@node-rs/argon2'
import t, { type Test } from 'tap'
import { createPasswords, requireCheckablePassword, requireNewPassword } from '../../src/auth/passwords.ts'
import { password as common } from '../support/app.ts'
import { isOnPostgres } from '../support/database.ts'
import { openDomain, refusalOf, type TestDomain } from '../support/domain.ts'

/** Where a request comes from, as limits count it. */
const network = '192.0.2.1'

const account = { username: 'ada', email: null }

async function storeDigest({ database }: TestDomain, userId: string, digest: string | null): Promise<void> {
  await database.kysely
    .updateTable('latchkey_users')
    .set({ password_digest: digest })
    .where('id', '=', userId)
    .execute()
}

async function storedDigest({ database }: TestDomain, userId: string): Promise<string> {
  const row = await database.kysely
    .selectFrom('latchkey_users')
    .select('password_digest')
    .where('id', '=', userId)
    .executeTakeFirstOrThrow()
  return row.password_digest ?? ''
}

t.test('a password is stored as argon2id with the parameters of OWASP and a salt of 16 bytes', async (t) => {
  const passwords = createPasswords({ minLength: 8 })
  const one = await passwords.hash(network, common)
  t.match(one, /^\$argon2id\$v=19\$m=19456,t=2,p=1\$[A-Za-z0-9+/]{22}\$[A-Za-z0-9+/]{43}$/)
  t.not(one, await passwords.hash(network, common), 'no two salts are the same')
})

t.test('the whole password counts, as it was written', async (t) => {
  const passwords = createPasswords({ minLength: 8 })
  const cases = [
    ['the 72nd byte', `${'x'.repeat(71)}a`, `${'x'.repeat(71)}b`],
    ['the 73rd byte', `${'x'.repeat(72)}a`, `${'x'.repeat(72)}b`],
    ['what follows the 72nd byte', `${'x'.repeat(72)}`, `${'x'.repeat(73)}`],
    ['the last of 1,024 characters', `${'x'.repeat(1_023)}a`, `${'x'.repeat(1_023)}b`],
    ['NUL', 'secret words', 'secret words\0'],
    ['what follows a NUL', 'secret\0words', 'secret\0worlds'],
    ['a blank behind', 'secret words', 'secret words '],
    ['a blank before', 'secret words', ' secret words'],
    ['a line break behind', 'secret words', 'secret words\n'],
    ['letter case', 'secret words', 'Secret words'],
    ['full-width letters', 'secret words', 'ｓｅｃｒｅｔ words'],
    ['a ligature', 'ﬁne words here', 'fine words here'],
  ] as const
  for (const [name, right, wrong] of cases) {
    const digest = await passwords.hash(network, right)
    t.equal((await passwords.check(network, right, digest)).matches, true, name)
    t.equal((await passwords.check(network, wrong, digest)).matches, false, name)
  }
})

t.test('composed and decomposed letters are the same password', async (t) => {
  const passwords = createPasswords({ minLength: 8 })
  for (const [set, typed] of [
    ['pass wo\u0308rter', 'pass w\u00f6rter'],
    ['pass w\u00f6rter', 'pass wo\u0308rter'],
  ] as const) {
    t.equal((await passwords.check(network, typed, await passwords.hash(network, set))).matches, true)
  }
})

t.test('what cannot be told apart or is too long is refused before it is hashed', async (t) => {
  const { auth, createUser, signIn, events } = await openDomain(t)
  await createUser('ada')
  const cases = [
    ['\ud800abcdefgh', 'ILL_FORMED'],
    ['abcdefgh\udfff', 'ILL_FORMED'],
    ['x'.repeat(1_025), 'TOO_LONG'],
    ['𐐀'.repeat(1_025), 'TOO_LONG'],
    ['é'.repeat(1_025), 'TOO_LONG'],
    ['x'.repeat(10_000_000), 'TOO_LONG'],
  ] as const
  for (const [password, reason] of cases) {
    const refused = { code: 'BAD_USER_INPUT', reason, field: 'password' }
    t.match(await refusalOf(signIn('ada', { password })), refused)
    t.match(await refusalOf(signIn('nobody', { password })), refused, 'whether the account exists or not')
    t.match(await refusalOf(auth.createUser({ username: 'eve', password })), refused)
  }
  t.same(events, [], 'and it costs no attempt')
  for (const password of ['x'.repeat(1_024), '𐐀'.repeat(1_024), '']) {
    t.equal(requireCheckablePassword(password, 'password'), password)
  }
})

t.test('a new password is long enough, not a common one, and holds no name', async (t) => {
  const refuse = (password: string, who: { username: string; email: string | null } = account) =>
    refusalOf(requireNewPassword(password, 'newPassword', 8, who))
  const ada = { username: 'Adalove', email: 'Countess.King@example.org' }
  const cases = [
    ['', account, 'TOO_SHORT'],
    ['a1b2c3d', account, 'TOO_SHORT'],
    ['𐐀𐐀𐐀𐐀𐐀𐐀𐐀', account, 'TOO_SHORT'],
    ['e\u0301e\u0301e\u0301e\u0301', account, 'TOO_SHORT'],
    ['password', account, 'TOO_COMMON'],
    ['PassWord', account, 'TOO_COMMON'],
    ['12345678', account, 'TOO_COMMON'],
    ['aaaaaaaa', account, 'TOO_COMMON'],
    ['        ', account, 'TOO_COMMON'],
    ['Ab1Ab1Ab1', account, 'TOO_COMMON'],
    ['xx adalove xx', ada, 'CONTAINS_NAME'],
    ['xxADALOVExx', ada, 'CONTAINS_NAME'],
    ['countess.king of numbers', ada, 'CONTAINS_NAME'],
    ['open the Latchkey', ada, 'CONTAINS_NAME'],
  ] as const
  for (const [password, who, reason] of cases) {
    t.match(
      await refuse(password, who),
      { code: 'BAD_USER_INPUT', reason, field: 'newPassword' },
      `${password}: ${reason}`,
    )
  }
  for (const [password, who] of [
    ['v8#kq-2w', account],
    ['𐐀𐐁𐐂𐐃𐐄𐐅𐐆𐐇', account],
    ['words with example.org', ada],
    ['a short name may well occur: al', { username: 'al', email: 'x@example.org' }],
    ['   blanks   ', account],
  ] as const) {
    t.equal(await requireNewPassword(password, 'newPassword', 8, who), password, password)
  }
})

t.test('the least length is a setting', async (t) => {
  const { auth } = await openDomain(t, { password: { minLength: 15 } })
  t.match(await refusalOf(auth.createUser({ username: 'ada', password: 'fourteen chars' })), {
    reason: 'TOO_SHORT',
  })
  await auth.createUser({ username: 'ada', password: 'fifteen of them' })
})

t.test('a sign-in brings older parameters up to date, and lowers none', async (t) => {
  const cases = [
    ['lower memory', { memoryCost: 8_192, timeCost: 2 }, 'm=19456,t=2,p=1'],
    ['fewer passes', { memoryCost: 19_456, timeCost: 1 }, 'm=19456,t=2,p=1'],
    ['more memory in one pass', { memoryCost: 47_104, timeCost: 1 }, 'm=47104,t=2,p=1'],
    ['less memory in three passes', { memoryCost: 12_288, timeCost: 3 }, 'm=19456,t=3,p=1'],
    ['argon2i', { algorithm: 1, memoryCost: 19_456, timeCost: 2 }, 'm=19456,t=2,p=1'],
  ] as const
  for (const [name, parameters, expected] of cases) {
    const domain = await openDomain(t)
    const userId = await domain.createUser('ada')
    const old = await hash(common, { parallelism: 1, ...parameters })
    await storeDigest(domain, userId, old)
    await refusalOf(domain.signIn('ada', { password: 'wrong password' }))
    t.equal(await storedDigest(domain, userId), old, `${name}: a wrong password changes nothing`)
    await domain.signIn('ada')
    t.match(await storedDigest(domain, userId), new RegExp(`^\\$argon2id\\$v=19\\$${expected}\\$`), name)
    await domain.signIn('ada')
  }
})

t.test('current and higher parameters stay as they are', async (t) => {
  for (const parameters of [
    { memoryCost: 19_456, timeCost: 2, parallelism: 1 },
    { memoryCost: 65_536, timeCost: 3, parallelism: 4 },
  ]) {
    const domain = await openDomain(t)
    const userId = await domain.createUser('ada')
    const digest = await hash(common, parameters)
    await storeDigest(domain, userId, digest)
    await domain.signIn('ada')
    t.equal(await storedDigest(domain, userId), digest)
  }
})

t.test(
  'a stored digest that is damaged, foreign or out of bounds is a wrong password, soon, and an alarm',
  async (t) => {
    const salt = 'c2FsdHNhbHQ$aGFzaGhhc2hoYXNoaGFzaA'
    const cases = [
      ['empty', ''],
      ['no digest at all', 'correct horse battery staple'],
      ['bcrypt', '$2b$12$abcdefghijklmnopqrstuuABCDEFGHIJKLMNOPQRSTUVWXYZ01234'],
      ['PBKDF2 of Django', 'pbkdf2_sha256$870000$salt$aGFzaA=='],
      ['cut off', '$argon2id$v=19$m=19456,t=2,p=1$c2FsdHNhbHQ'],
      ['without base64', '$argon2id$v=19$m=19456,t=2,p=1$!!!$???'],
      ['4 GiB and 100 passes', `$argon2id$v=19$m=4294967295,t=100,p=1$${salt}`],
      ['too much memory', `$argon2id$v=19$m=131073,t=2,p=1$${salt}`],
      ['too many passes', `$argon2id$v=19$m=19456,t=11,p=1$${salt}`],
      ['too many lanes', `$argon2id$v=19$m=19456,t=2,p=5$${salt}`],
      ['too little memory', `$argon2id$v=19$m=4,t=2,p=1$${salt}`],
      ...(isOnPostgres ? [] : [['NUL', '\0'] as const]), // where it is stored as another character
    ] as const
    for (const [name, digest] of cases) {
      const domain = await openDomain(t)
      const userId = await domain.createUser('ada')
      await storeDigest(domain, userId, digest)
      const started = performance.now()
      t.match(await refusalOf(domain.signIn('ada')), { code: 'UNAUTHENTICATED', reason: 'CREDENTIALS' }, name)
      t.ok(performance.now() - started < 10_000, `${name}: not minutes`)
      t.match(domain.events, [
        { event: 'sys_password_digest_unreadable', userId },
        { event: 'authn_login_fail' },
      ])
      t.equal(await storedDigest(domain, userId), digest, 'it stays for whoever looks into it')
    }
  },
)

t.test('an account without a password is one nobody can sign in to', async (t) => {
  const { auth, signIn, events } = await openDomain(t)
  await auth.createUser({ username: 'robot', password: null })
  for (const password of ['', common]) {
    t.match(await refusalOf(signIn('robot', { password })), {
      code: 'UNAUTHENTICATED',
      reason: 'CREDENTIALS',
    })
  }
  t.notMatch(events, [{ event: 'sys_password_digest_unreadable' }], 'and no cause for alarm')
})

t.test('checks beyond the queue are refused as busy, and cost no attempt', async (t) => {
  const { createUser, signIn, events, countRefusals } = await openDomain(t, {
    password: { concurrency: 1, queueLimit: 2 },
    throttle: { accountFree: 1_000, addressMax: 1_000 },
  })
  await createUser('ada')
  const outcomes = await Promise.all(
    Array.from({ length: 20 }, () => refusalOf(signIn('ada', { password: 'wrong password' }))),
  )
  const busy = outcomes.filter(({ code, reason }) => code === 'RATE_LIMITED' && reason === 'BUSY')
  t.ok(busy.length > 0)
  t.ok(busy.every(({ retryAfter }) => retryAfter === 2))
  t.equal(countRefusals(), 20 - busy.length)
  t.equal(events.length, 20 - busy.length)
})

t.test('where nobody may wait, passwords are checked one after the other', async (t) => {
  const { createUser, signIn } = await openDomain(t, {
    password: { concurrency: 1, queueLimit: 0 },
    throttle: { accountFree: 2 },
  })
  await createUser('ada')
  await signIn('ada')
  const rounds = 20
  let refused = 0
  for (let count = 0; count < rounds; count++) {
    const both = await Promise.allSettled([signIn('ada'), signIn('ada')])
    const reasons = both.flatMap((each) => (each.status === 'rejected' ? [each.reason] : []))
    t.ok(reasons.length < 2, 'and the attempt that found no room was given back')
    for (const reason of reasons) t.match(reason, { code: 'RATE_LIMITED', details: { reason: 'BUSY' } })
    refused += reasons.length
  }
  // What the database is asked before may take one of the two so long that the other one is through.
  t.ok(refused > 0)
})

t.test('the sign-ins of many do not wait for those of one', async (t) => {
  const { createUser, signIn, order } = await openFlood(t, { concurrency: 1, queueLimit: 1_000 })
  await createUser('ada')
  const flood = Promise.all(Array.from({ length: 100 }, (_, index) => refused(index)))
  const others = Promise.all(
    ['198.51.100.1', '198.51.100.2', '2001:db8::'].map((address) =>
      signIn('ada', { address }).then(() => order.push(address)),
    ),
  )
  await others
  // They come behind the flood to the counters, so that some of it is through by then.
  t.ok(order.length < 50, `three were signed in after ${order.length - 3} of the flood`)
  t.equal((await flood).length, 100)

  async function refused(index: number): Promise<void> {
    const { reason } = await refusalOf(signIn(`nobody${index}`, { address: '192.0.2.1' }))
    t.equal(reason, 'CREDENTIALS')
    order.push('flood')
  }
})

t.test('a flood that fills the queue makes room for others, and is refused itself', async (t) => {
  const { createUser, signIn } = await openFlood(t, { concurrency: 1, queueLimit: 20 })
  await createUser('ada')
  const flood = Array.from({ length: 100 }, (_, index) => refusalOf(signIn(`nobody${index}`)))
  const others = Array.from({ length: 10 }, (_, index) => signIn('ada', { address: `198.51.100.${index}` }))
  t.equal((await Promise.all(others)).length, 10)
  const reasons = (await Promise.all(flood)).map(({ reason }) => reason)
  const [checked = 0, busy = 0] = ['CREDENTIALS', 'BUSY'].map(
    (reason) => reasons.filter((each) => each === reason).length,
  )
  t.equal(checked + busy, 100)
  // The database is asked before, so that they come one by one, some of them to a free place.
  t.ok(busy > 0)
})

/** A domain whose throttle lets a flood through to the passwords, and the order in which sign-ins are decided. */
async function openFlood(t: Test, password: { concurrency: number; queueLimit: number }) {
  const throttle = { accountFree: 1_000, addressMax: 1_000 }
  return { ...(await openDomain(t, { password, throttle })), order: [] as string[] }
}
