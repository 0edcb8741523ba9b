import t from 'tap'
import { dayMs, openDomain, origin, refusalOf } from '../support/domain.ts'

t.test('tokens go once they have been ended for longer than they are kept', async (t) => {
  const cases: [
    string,
    number,
    (domain: Awaited<ReturnType<typeof openDomain>>, token: string) => Promise<unknown>,
  ][] = [
    ['expired', 30, async () => undefined],
    ['shortened', 1, async () => undefined],
    ['idle', 14, async () => undefined],
    ['revoked', 0, async ({ auth, userOf }, token) => auth.revokeToken(await userOf(token), null, origin())],
    ['of a deleted user', 0, async ({ auth }) => auth.deleteUser((await auth.findUser('ada'))?.id ?? '')],
  ]
  for (const [name, endsAfterDays, end] of cases) {
    const domain = await openDomain(t, {
      token: { retentionMs: 7 * dayMs, ...(name === 'idle' ? {} : { idleTtlMs: Number.POSITIVE_INFINITY }) },
    })
    const { auth, clock, createUser, signIn, reasonOf } = domain
    await createUser('ada')
    const issuedAt = clock.now
    const { token } = await signIn('ada', name === 'shortened' ? { expiresIn: '1d' } : {})
    await end(domain, token)
    clock.now = issuedAt + (endsAfterDays + 7) * dayMs - 1
    t.equal((await auth.prune()).tokens, 0, `${name}: its bearer is still told why`)
    t.not(await reasonOf(token), 'INVALID')
    clock.now += 1
    t.equal((await auth.prune()).tokens, 1, name)
    t.equal(await reasonOf(token), 'INVALID')
  }
})

t.test('live tokens stay, also by a use that is not written yet', async (t) => {
  const { auth, clock, createUser, signIn, reasonOf, userOf } = await openDomain(t, {
    token: { retentionMs: 0 },
  })
  await createUser('ada')
  const { token } = await signIn('ada')
  clock.now += 14 * dayMs - 1
  await userOf(token)
  clock.now += 1
  t.equal((await auth.prune()).tokens, 0)
  t.equal(await reasonOf(token), 'none')
})

t.test('more than a batch of tokens is looked through to the end', async (t) => {
  const { auth, clock, database, createUser, reasonOf, signIn } = await openDomain(t, {
    token: { retentionMs: 0, limit: 10_000 },
  })
  const userId = await createUser('ada')
  await database.transaction(async (db) => {
    for (let count = 0; count < 1_300; count++) {
      const id = String(count).padStart(5, '0')
      await db
        .insertInto('latchkey_tokens')
        .values({
          id,
          user_id: userId,
          digest: id,
          name: '',
          device_id: null,
          device_name: null,
          device_platform: null,
          user_agent: null,
          created_at: clock.now,
          last_used_at: null,
          last_used_address: null,
          revoked_at: null,
          expires_at: clock.now + (count % 2 ? dayMs : 0),
          max_expires_at: 0,
        })
        .execute()
    }
  })
  const { token } = await signIn('ada')
  t.equal((await auth.prune()).tokens, 650)
  t.equal((await auth.prune()).tokens, 0)
  t.equal(await reasonOf(token), 'none')
})

t.test('counters go once they say nothing any more', async (t) => {
  const { auth, clock, database, createUser, signIn } = await openDomain(t)
  await createUser('ada')
  await refusalOf(signIn('ada', { password: 'a wrong password' }))
  await refusalOf(signIn('nobody', { password: 'a wrong password' }))
  await database.transaction(async (db) => {
    for (let count = 0; count < 1_100; count++) {
      await db
        .insertInto('latchkey_throttle')
        .values({ key: String(count), attempts: 1, blocked_until: 0, expires_at: clock.now })
        .execute()
    }
  })
  t.equal((await auth.prune()).counters, 1_100)
  clock.now += dayMs
  t.equal(
    (await auth.prune()).counters,
    4,
    'two names, an address, and the failures of a name that nobody has',
  )
  const left = await database.kysely.selectFrom('latchkey_throttle').selectAll().execute()
  t.equal(left.length, 1, 'the wrong passwords of the account')
})
