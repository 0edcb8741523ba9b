import { randomUUID } from 'node:crypto'
import t from 'tap'
import { createTokenUses } from '../../src/auth/token-uses.ts'
import { findToken } from '../../src/db/tokens.ts'
import { startApp } from '../support/app.ts'
import { forbid, permit } from '../support/database.ts'
import { dayMs, openDomain, type TestDomain } from '../support/domain.ts'

async function storedToken({ database }: TestDomain, id: string) {
  const row = await database.run((db) => findToken(db, id))
  if (row === undefined) throw new Error('the token is gone')
  return row
}

/** Has every write of a token's use fail, or lets them pass again. */
async function breakWrites({ database }: TestDomain, broken: boolean): Promise<void> {
  if (broken) await forbid(database, 'update of last_used_at', 'latchkey_tokens')
  else await permit(database, 'latchkey_tokens')
}

t.test('uses are kept in memory and written by a flush, once each', async (t) => {
  const domain = await openDomain(t)
  const { auth, clock, createUser, signIn } = domain
  await createUser('ada')
  const { token, tokenInfo } = await signIn('ada')
  for (const address of ['192.0.2.1', '192.0.2.2']) {
    clock.now += 1_000
    await auth.resolvePrincipal(token, address)
  }
  t.match(await storedToken(domain, tokenInfo.id), { lastUsedAt: null, lastUsedAddress: '192.0.2.1' })
  await auth.flush()
  t.match(await storedToken(domain, tokenInfo.id), { lastUsedAt: clock.now, lastUsedAddress: '192.0.2.2' })
})

t.test('authenticating writes nothing', async (t) => {
  const domain = await openDomain(t)
  await domain.createUser('ada')
  const { token } = await domain.signIn('ada')
  await breakWrites(domain, true)
  t.equal(await domain.reasonOf(token), 'none')
})

t.test('what is not written yet is shown', async (t) => {
  const { auth, clock, createUser, signIn, userOf } = await openDomain(t)
  const userId = await createUser('ada')
  const { token } = await signIn('ada')
  clock.now += 1_000
  t.equal((await userOf(token)).token.lastUsedAt, clock.now)
  t.equal((await auth.listTokens(userId, 1, null)).tokens[0]?.lastUsedAt, clock.now)
})

t.test('what cannot be written is kept and written the next time', async (t) => {
  const domain = await openDomain(t)
  const { auth, clock, createUser, signIn, userOf } = domain
  await createUser('ada')
  const { token, tokenInfo } = await signIn('ada')
  const other = await signIn('ada')
  clock.now += 1_000
  await userOf(token)
  await breakWrites(domain, true)
  const flushed = t.rejects(auth.flush())
  clock.now += 1_000
  await userOf(other.token)
  await flushed
  await userOf(token)
  await breakWrites(domain, false)
  await auth.flush()
  t.equal((await storedToken(domain, tokenInfo.id)).lastUsedAt, clock.now)
  t.equal((await storedToken(domain, other.tokenInfo.id)).lastUsedAt, clock.now)
})

t.test(
  'a use recorded while a batch is written is written by the flush that was asked for meanwhile',
  async (t) => {
    const domain = await openDomain(t)
    const { clock, createUser, database, signIn } = domain
    await createUser('ada')
    const { tokenInfo } = await signIn('ada')
    const row = await storedToken(domain, tokenInfo.id)
    const gate = Promise.withResolvers<void>()
    const uses = createTokenUses({
      ...database,
      run: async (work) => {
        await gate.promise
        return database.run(work)
      },
    })
    uses.record(row, clock.now, '192.0.2.9', tokenInfo.expiresAt)
    const first = uses.flush()
    clock.now += 1_000
    uses.record(row, clock.now, '192.0.2.9', tokenInfo.expiresAt)
    const second = uses.flush()
    t.not(second, first)
    t.equal(uses.flush(), second, 'one more has nothing of its own to write')
    gate.resolve()
    await first
    await second
    t.equal((await storedToken(domain, tokenInfo.id)).lastUsedAt, clock.now)
  },
)

t.test('the next flush writes although the one before failed', async (t) => {
  const domain = await openDomain(t)
  await domain.createUser('ada')
  const { token, tokenInfo } = await domain.signIn('ada')
  await domain.userOf(token)
  await breakWrites(domain, true)
  const first = domain.auth.flush()
  const second = first.catch(() => breakWrites(domain, false)).then(() => domain.auth.flush())
  await t.rejects(first)
  await second
  t.equal((await storedToken(domain, tokenInfo.id)).lastUsedAt, domain.clock.now)
})

t.test('a late flush turns no clock back and revives nothing', async (t) => {
  const domain = await openDomain(t)
  const { auth, clock, createUser, signIn, userOf, reasonOf } = domain
  await createUser('ada')
  const { token, tokenInfo } = await signIn('ada')
  const late = createTokenUses(domain.database)
  const row = await storedToken(domain, tokenInfo.id)
  late.record(row, clock.now, '192.0.2.9', tokenInfo.expiresAt)
  clock.now += 1_000
  await userOf(token)
  await auth.flush()
  await late.flush()
  t.match(await storedToken(domain, tokenInfo.id), { lastUsedAt: clock.now, lastUsedAddress: '127.0.0.1' })

  late.record(row, clock.now + 1, '192.0.2.9', tokenInfo.expiresAt + dayMs)
  await auth.revokeToken(await userOf(token), null, {
    requestId: '',
    address: '',
    network: '',
    userAgent: null,
  })
  await late.flush()
  t.match(await storedToken(domain, tokenInfo.id), { lastUsedAt: clock.now, expiresAt: tokenInfo.expiresAt })
  t.equal(await reasonOf(token), 'REVOKED')
})

t.test(
  'a token revoked between its stored expiry and the writing of its renewal stays revoked',
  async (t) => {
    const domain = await openDomain(t, { token: { ttlMs: dayMs, renew: true } })
    const { auth, clock, createUser, signIn, userOf, reasonOf } = domain
    const userId = await createUser('ada')
    const { token } = await signIn('ada')
    clock.now += dayMs - 1
    await userOf(token)
    clock.now += 1
    t.equal(await reasonOf(token), 'none', 'renewed, in memory')
    await auth.setActive(userId, false)
    await auth.flush()
    await auth.setActive(userId, true)
    t.equal(await reasonOf(token), 'REVOKED')
  },
)

t.test('a token that was shortened before its renewal is written stays so', async (t) => {
  const domain = await openDomain(t, { token: { ttlMs: dayMs, renew: true } })
  const { auth, clock, database, createUser, signIn, userOf, reasonOf } = domain
  await createUser('ada')
  const { token, tokenInfo } = await signIn('ada')
  clock.now += 1_000
  t.equal((await userOf(token)).token.expiresAt, clock.now + dayMs)
  await database.kysely
    .updateTable('latchkey_tokens')
    .set({ expires_at: clock.now, max_expires_at: clock.now })
    .execute()
  t.equal(await reasonOf(token), 'EXPIRED')
  await auth.flush()
  t.match(await storedToken(domain, tokenInfo.id), { lastUsedAt: clock.now, expiresAt: clock.now })
})

t.test('while nothing can be written, no more is kept than there is room for', async (t) => {
  const domain = await openDomain(t)
  const { clock, createUser, signIn } = domain
  await createUser('ada')
  const rows = []
  for (let count = 0; count < 2; count++) {
    rows.push(await storedToken(domain, (await signIn('ada')).tokenInfo.id))
  }
  const uses = createTokenUses(domain.database, 1)
  for (const row of rows) t.equal(uses.record(row, clock.now, '', row.expiresAt).usedAt, clock.now)
  t.same(
    rows.map((row) => uses.find(row.id) !== undefined),
    [true, false],
  )
})

t.test('more uses than one batch holds are all written', async (t) => {
  const domain = await openDomain(t, { token: { limit: 1_000 } })
  const { auth, clock, database, createUser, userOf } = domain
  const userId = await createUser('ada')
  const user = await auth.findUser('ada')
  if (user === undefined) throw new Error('no user')
  const device = { id: null, name: null, platform: null }
  const tokens = await database.transaction(async (db) => {
    const issued = []
    for (let count = 0; count < 450; count++) {
      issued.push(
        await auth.issueToken(db, {
          user,
          device,
          name: null,
          expiresIn: null,
          origin: { address: null, userAgent: null },
        }),
      )
    }
    return issued
  })
  clock.now += 1_000
  for (const issued of tokens) await userOf(issued?.token ?? '')
  await auth.flush()
  const rows = await database.kysely
    .selectFrom('latchkey_tokens')
    .select('last_used_at')
    .where('user_id', '=', userId)
    .execute()
  t.equal(rows.filter((row) => row.last_used_at === clock.now).length, 450)
})

t.test('uses are written in the order of the tokens’ creation', async (t) => {
  const domain = await openDomain(t, { token: { limit: 1_000 } })
  const { clock, createUser, database, signIn } = domain
  await createUser('ada')
  const { tokenInfo } = await signIn('ada')
  const row = await storedToken(domain, tokenInfo.id)
  const written: number[] = []
  const uses = createTokenUses({
    ...database,
    async run(work) {
      const result = await database.run(work)
      const stored = await storedToken(domain, tokenInfo.id)
      written.push(stored.lastUsedAt ?? 0)
      return result
    },
  })
  // Of more than a batch the newest comes first, and is written last.
  for (let age = 0; age < 300; age++) {
    const id = age === 0 ? row.id : randomUUID()
    uses.record({ ...row, id, createdAt: row.createdAt - age }, clock.now + 1, '192.0.2.9', row.expiresAt)
  }
  await uses.flush()
  t.same(written, [row.lastUsedAt ?? 0, clock.now + 1])
})

t.test('closing the service writes what is still in memory', async (t) => {
  const databaseUrl = `sqlite:${t.testdir()}/latchkey.db`
  const { app, clock, createUser, signIn, graphql } = await startApp(t, {
    databaseUrl,
    tokenFlushInterval: '1h',
  })
  const token = await signIn(await createUser())
  clock.now += 1_000
  t.match(await graphql('{ viewer { id } }', null, { token }), { status: 200 })
  await app.close()
  const { database } = await openDomain(t, { url: databaseUrl })
  const row = await database.kysely.selectFrom('latchkey_tokens').select('last_used_at').executeTakeFirst()
  t.equal(row?.last_used_at, clock.now)
})
