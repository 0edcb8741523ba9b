import t from 'tap'
import { generateToken, isWellFormedToken } from '../../src/auth/token-format.ts'
import { updateUser } from '../../src/db/users.ts'
import { password } from '../support/app.ts'
import { forbid } from '../support/database.ts'
import { dayMs, openDomain, origin, refusalOf, type TestDomain } from '../support/domain.ts'

const refused = { code: 'UNAUTHENTICATED', reason: 'CREDENTIALS' }

t.test('a sign-in by username or email answers a token, what is known of it, and the user', async (t) => {
  const { clock, createUser, signIn, events } = await openDomain(t)
  const id = await createUser('Ada', 'ada@example.org')
  for (const name of ['ada', 'ADA@example.org']) {
    const issued = await signIn(name, { device: { id: 'd1', name: ' Ada’s phone ', platform: 'ios' } })
    t.ok(isWellFormedToken(issued.token))
    t.match(issued, {
      tokenInfo: {
        userId: id,
        name: 'Ada’s phone',
        device: { id: 'd1', name: 'Ada’s phone', platform: 'ios' },
        userAgent: 'test',
        createdAt: clock.now,
        expiresAt: clock.now + 30 * dayMs,
        lastUsedAt: null,
        lastUsedAddress: '192.0.2.1',
      },
      user: { id, username: 'Ada', lastSignInAt: clock.now },
    })
    t.match(events.at(-1), { event: 'authn_login_success', userId: id, tokenId: issued.tokenInfo.id })
  }
})

t.test('a token is called after its device, its platform, or nothing', async (t) => {
  const { createUser, signIn } = await openDomain(t)
  await createUser('ada')
  t.equal((await signIn('ada', { device: { name: 'Laptop', platform: 'web' } })).tokenInfo.name, 'Laptop')
  t.equal((await signIn('ada', { device: { platform: 'web' } })).tokenInfo.name, 'web')
  t.equal((await signIn('ada')).tokenInfo.name, 'Unnamed device')
})

t.test(
  'a device is described in short visible text, or the sign-in is refused before it costs an attempt',
  async (t) => {
    const { createUser, signIn, events } = await openDomain(t)
    await createUser('ada')
    events.length = 0
    const cases = [
      [{ id: 'x'.repeat(101) }, 'device.id'],
      [{ id: '' }, 'device.id'],
      [{ name: 'a\0b' }, 'device.name'],
      [{ name: '\ud800' }, 'device.name'],
      [{ platform: 'x'.repeat(51) }, 'device.platform'],
    ] as const
    for (const [device, field] of cases) {
      t.match(await refusalOf(signIn('ada', { device })), { code: 'BAD_USER_INPUT', field })
    }
    t.same(events, [])
  },
)

t.test('unknown name, wrong password, disabled and deleted account get one answer', async (t) => {
  const { auth, createUser, signIn, events } = await openDomain(t)
  await createUser('ada')
  const disabled = await createUser('disabled')
  const deleted = await createUser('deleted')
  await auth.setActive(disabled, false)
  await auth.deleteUser(deleted)
  events.length = 0
  const answers: object[] = []
  for (const [name, secret] of [
    ['nobody', password],
    ['ada', 'a wrong password'],
    ['disabled', password],
    ['deleted', password],
    ['', password],
  ] as const) {
    await signIn(name, { password: secret }).catch((error) => answers.push({ ...error, text: error.message }))
  }
  t.equal(answers.length, 5)
  for (const answer of answers) t.same(answer, answers[0])
  t.match(answers[0], { code: 'UNAUTHENTICATED', details: { reason: 'CREDENTIALS' } })
  t.equal(events.length, 5)
  t.notMatch(JSON.stringify(events), /nobody|deleted|password/, 'events do not tell what was typed')
})

t.test('signing in again with a device ends its former token, and no other', async (t) => {
  const { createUser, signIn, reasonOf } = await openDomain(t)
  await createUser('ada')
  await createUser('eve')
  const phone = await signIn('ada', { device: { id: 'phone' } })
  const laptop = await signIn('ada', { device: { id: 'laptop' } })
  const unnamed = await signIn('ada')
  const eve = await signIn('eve', { device: { id: 'phone' } })
  const again = await signIn('ada', { device: { id: 'phone' } })
  t.equal(await reasonOf(phone.token), 'REVOKED')
  for (const { token } of [laptop, unnamed, eve, again]) t.equal(await reasonOf(token), 'none')
  t.not(again.token, phone.token)
})

t.test('signing in with a token of the same user ends that token; another user’s stays', async (t) => {
  const { createUser, signIn, userOf, reasonOf } = await openDomain(t)
  await createUser('ada')
  await createUser('eve')
  const first = await signIn('ada')
  await signIn('eve', { principal: await userOf(first.token) })
  t.equal(await reasonOf(first.token), 'none')
  await refusalOf(signIn('ada', { principal: await userOf(first.token), password: 'a wrong password' }))
  t.equal(await reasonOf(first.token), 'none', 'a failure ends nothing')
  const second = await signIn('ada', { principal: await userOf(first.token) })
  t.equal(await reasonOf(first.token), 'REVOKED')
  t.equal(await reasonOf(second.token), 'none')
})

t.test('at the limit, the least recently used token makes room, by uses written or not', async (t) => {
  for (const flushed of [true, false]) {
    const { auth, clock, createUser, signIn, userOf, reasonOf } = await openDomain(t, { token: { limit: 3 } })
    await createUser('ada')
    const tokens: string[] = []
    for (let count = 0; count < 3; count++) {
      tokens.push((await signIn('ada')).token)
      clock.now += 1_000
    }
    const [oldest = '', middle = '', newest = ''] = tokens
    await userOf(oldest)
    clock.now += 1_000
    if (flushed) await auth.flush()
    const fourth = (await signIn('ada')).token
    t.equal(await reasonOf(middle), 'REVOKED')
    clock.now += 1_000
    const fifth = (await signIn('ada')).token
    t.equal(await reasonOf(newest), 'REVOKED')
    for (const token of [oldest, fourth, fifth]) t.equal(await reasonOf(token), 'none')
  }
})

t.test('ended tokens take no room', async (t) => {
  const { auth, clock, createUser, signIn, userOf, reasonOf } = await openDomain(t, { token: { limit: 2 } })
  await createUser('ada')
  const kept = (await signIn('ada')).token
  await signIn('ada', { expiresIn: '1s' })
  clock.now += 1_000
  const revoked = (await signIn('ada')).token
  t.equal(await reasonOf(kept), 'none')
  await auth.revokeToken(await userOf(revoked), null, origin())
  await signIn('ada')
  t.equal(await reasonOf(kept), 'none')
})

t.test('a limit that was lowered holds from the next sign-in on', async (t) => {
  const url = `sqlite:${t.testdir()}/latchkey.db`
  const before = await openDomain(t, { url })
  const userId = await before.createUser('ada')
  for (let count = 0; count < 6; count++) await before.signIn('ada')
  const after = await openDomain(t, { url, token: { limit: 2 } })
  await after.signIn('ada')
  t.equal(await after.auth.countTokens(userId), 2)
})

t.test('under the policy deny, one token too many is refused; a replacement is none too many', async (t) => {
  const { auth, createUser, signIn, userOf, reasonOf, events } = await openDomain(t, {
    token: { limit: 2, limitPolicy: 'deny' },
  })
  const userId = await createUser('ada')
  const phone = await signIn('ada', { device: { id: 'phone' } })
  const other = await signIn('ada')
  events.length = 0
  for (let count = 0; count < 20; count++) {
    t.match(
      await refusalOf(signIn('ada')),
      { code: 'CONFLICT', reason: 'TOKEN_LIMIT' },
      'no attempt is counted',
    )
  }
  t.notMatch(events, [{ event: 'authn_login_success' }])
  await signIn('ada', { device: { id: 'phone' } })
  t.equal(await reasonOf(phone.token), 'REVOKED')
  await signIn('ada', { principal: await userOf(other.token) })
  t.equal(await auth.countTokens(userId), 2)
})

t.test('many sign-ins at once leave no more tokens than the limit', async (t) => {
  for (const limitPolicy of ['evict-oldest', 'deny'] as const) {
    const { auth, createUser, signIn, reasonOf } = await openDomain(t, { token: { limit: 10, limitPolicy } })
    const userId = await createUser('ada')
    const outcomes = await Promise.allSettled(Array.from({ length: 50 }, () => signIn('ada')))
    const tokens = outcomes.flatMap((outcome) =>
      outcome.status === 'fulfilled' ? [outcome.value.token] : [],
    )
    t.equal(tokens.length, limitPolicy === 'deny' ? 10 : 50)
    t.equal(await auth.countTokens(userId), 10)
    const reasons = await Promise.all(tokens.map(reasonOf))
    t.equal(reasons.filter((reason) => reason === 'none').length, 10)
  }
})

t.test('what changes while a password is checked decides', async (t) => {
  const cases: [string, (domain: TestDomain, userId: string) => Promise<unknown>][] = [
    [
      'another password',
      ({ database }, userId) =>
        database.run((db) => updateUser(db, userId, { password_digest: 'the digest of another password' })),
    ],
    ['disabled', ({ auth }, userId) => auth.setActive(userId, false)],
    ['deleted', ({ auth }, userId) => auth.deleteUser(userId)],
  ]
  for (const [name, change] of cases) {
    const domain = await openDomain(t, { password: { concurrency: 1 } })
    const userId = await domain.createUser('ada')
    const inFront = Array.from({ length: 6 }, (_, count) => refusalOf(domain.signIn(`name${count}`)))
    const attempt = refusalOf(domain.signIn('ada'))
    // By now the account has been read, and its check waits for those in front.
    while (domain.countRefusals() < 1) await new Promise(setImmediate)
    await change(domain, userId)
    t.match(await attempt, refused, name)
    await Promise.all(inFront)
    t.equal(domain.countRefusals(), 7)
    t.equal(await domain.auth.countTokens(userId), 0)
  }
})

t.test('a token issued by the application has the name and the life it asks for', async (t) => {
  const { auth, clock, database, createUser, userOf } = await openDomain(t, { token: { prefix: 'acme_' } })
  await createUser('ada')
  const user = await auth.findUser('ada')
  if (user === undefined) throw new Error('no user')
  const issued = await database.transaction((db) =>
    auth.issueToken(db, {
      user,
      device: { id: null, name: null, platform: null },
      name: 'nightly job',
      expiresIn: '1h',
      origin: { address: null, userAgent: null },
    }),
  )
  t.match(issued?.token, /^acme_/)
  t.match(issued?.tokenInfo, { name: 'nightly job', expiresAt: clock.now + 3_600_000, lastUsedAddress: null })
  t.match(await userOf(issued?.token ?? generateToken('lk_')), { user: { username: 'ada' } })
})

t.test('each token that a sign-in ends is reported, before the sign-in itself', async (t) => {
  const { auth, clock, createUser, signIn, userOf, events } = await openDomain(t, { token: { limit: 3 } })
  const userId = await createUser('ada')
  const oldest = await signIn('ada')
  clock.now += 1_000
  const phone = await signIn('ada', { device: { id: 'phone' } })
  const sent = await signIn('ada')
  const ended = ({ tokenInfo }: { tokenInfo: { id: string } }): object => ({
    event: 'authn_token_revoked',
    userId,
    tokenId: tokenInfo.id,
  })

  events.length = 0
  const again = await signIn('ada', {
    device: { id: 'phone' },
    principal: await userOf(sent.token),
    address: '192.0.2.9',
  })
  t.match(events, [
    { ...ended(sent), address: '192.0.2.9', requestId: 'test' },
    ended(phone),
    { event: 'authn_login_success', userId, tokenId: again.tokenInfo.id },
  ])
  t.equal(events.length, 3)

  clock.now += 1_000
  await signIn('ada')
  events.length = 0
  await signIn('ada')
  t.match(events, [ended(oldest), { event: 'authn_login_success' }])
  t.equal(events.length, 2)

  events.length = 0
  const issued = await auth.createToken(userId, { name: null, expiresIn: null })
  t.strictSame(
    events,
    [{ event: 'authn_token_created', userId, tokenId: issued.tokenInfo.id }],
    'one of the operator ends none',
  )
})

t.test('a transaction that is undone reports nothing', async (t) => {
  const { database, createUser, signIn, reasonOf, events } = await openDomain(t, { token: { limit: 1 } })
  await createUser('ada')
  const { token } = await signIn('ada')
  await forbid(database, 'insert', 'latchkey_tokens')
  events.length = 0
  await t.rejects(signIn('ada', { device: { id: 'phone' } }))
  t.same(events, [])
  t.equal(await reasonOf(token), 'none')
})
