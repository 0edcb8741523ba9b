import t from 'tap'
import { adaptSize } from '../../src/auth/delete-ended.ts'
import { dayMs, numberedId, openDomain, origin, refusalOf } from '../support/domain.ts'

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
      const row = endedToken(count, userId, clock.now)
      await db
        .insertInto('latchkey_tokens')
        .values({ ...row, expires_at: clock.now + (count % 2 ? dayMs : 0) })
        .execute()
    }
  })
  const { token } = await signIn('ada')
  t.equal((await auth.prune()).tokens, 650)
  t.equal((await auth.prune()).tokens, 0)
  t.equal(await reasonOf(token), 'none')
})

t.test('a batch grows while it is quick, and shrinks when it takes long', async (t) => {
  t.equal(adaptSize(50, 1), 100)
  t.equal(adaptSize(50, 10), 50)
  t.equal(adaptSize(50, 16), 25)
  t.equal(adaptSize(600, 1), 1_000, 'not for ever')
  t.equal(adaptSize(15, 16), 10, 'to no less than is worth a transaction')
})

t.test('tokens that are younger than the retention are not looked at', async (t) => {
  const { auth, clock, database, createUser } = await openDomain(t, {
    token: { retentionMs: dayMs, limit: 10_000 },
  })
  const userId = await createUser('ada')
  const issuedAt = clock.now
  const add = (number: number, createdAt: number): Promise<unknown> =>
    database.kysely
      .insertInto('latchkey_tokens')
      .values(endedToken(number, userId, createdAt))
      .execute()
  // The first batch of fifty ends with the first young one; what is behind it cannot have ended longer ago.
  for (let count = 0; count < 49; count++) await add(count, issuedAt)
  await add(49, issuedAt + 2)
  await add(50, issuedAt)
  clock.now = issuedAt + dayMs + 1
  t.equal((await auth.prune()).tokens, 49)
  const left = await database.kysely.selectFrom('latchkey_tokens').select('id').orderBy('id').execute()
  t.strictSame(
    left.map(({ id }) => Buffer.from(id)),
    [49, 50].map(numberedId),
  )
})

t.test('it can be ended between two batches', async (t) => {
  const { auth, clock, database, createUser } = await openDomain(t, { token: { retentionMs: 0 } })
  const userId = await createUser('ada')
  for (let count = 0; count < 60; count++) {
    const row = endedToken(count, userId, clock.now)
    await database.kysely.insertInto('latchkey_tokens').values(row).execute()
  }
  const stop = new AbortController()
  const pruned = auth.prune({ signal: stop.signal, onProgress: () => stop.abort() })
  await t.rejects(pruned, { name: 'AbortError' })
  t.equal((await database.kysely.selectFrom('latchkey_tokens').select('id').execute()).length, 10)
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

/** A row of a token that ended the moment it was issued. */
function endedToken(number: number, userId: string, createdAt: number) {
  return {
    id: numberedId(number),
    user_id: userId,
    digest: numberedId(number),
    name: '',
    device_id: null,
    device_name: null,
    device_platform: null,
    user_agent_id: null,
    created_at: createdAt,
    last_used_at: null,
    last_used_address: null,
    revoked_at: null,
    expires_at: createdAt,
    max_expires_at: 0,
  }
}
