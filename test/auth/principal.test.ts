import t from 'tap'
import { createNoteLife } from '../../src/auth/note-life.ts'
import { createResolvePrincipal, toToken } from '../../src/auth/principal.ts'
import { digestToken, generateToken } from '../../src/auth/token-format.ts'
import { createTokenLife } from '../../src/auth/token-life.ts'
import { createTokenUses } from '../../src/auth/token-uses.ts'
import { prepareFindPredecessor } from '../../src/db/rotation.ts'
import { prepareFindToken } from '../../src/db/tokens.ts'
import { dayMs, openDomain, origin, tokenDefaults } from '../support/domain.ts'

t.test('a token in force is its user and itself, without the secret', async (t) => {
  const { clock, createUser, signIn, userOf } = await openDomain(t)
  const issuedAt = clock.now
  const id = await createUser('ada', 'ada@example.org')
  const { token, tokenInfo } = await signIn('ada', { device: { id: 'd1', name: 'Phone', platform: 'ios' } })
  clock.now += 5
  const principal = await userOf(token)
  t.same(principal, {
    kind: 'user',
    user: {
      id,
      username: 'ada',
      email: 'ada@example.org',
      emailVerified: false,
      active: true,
      role: 'USER',
      createdAt: issuedAt,
      lastSignInAt: issuedAt,
    },
    token: {
      id: tokenInfo.id,
      userId: id,
      name: 'Phone',
      device: { id: 'd1', name: 'Phone', platform: 'ios' },
      userAgent: 'test',
      createdAt: issuedAt,
      expiresAt: issuedAt + 30 * dayMs,
      lastUsedAt: clock.now,
      lastUsedAddress: '127.0.0.1',
      kind: 'DEVICE',
      scopes: null,
      provenAt: issuedAt,
    },
  })
  t.notMatch(JSON.stringify(principal), token.slice(3, 20))
  t.notMatch(JSON.stringify(principal), digestToken(token))
})

t.test('each way of a token to end has its reason and its message', async (t) => {
  const domain = await openDomain(t)
  const { auth, clock, createUser, signIn, userOf } = domain
  const cases: [string, string, (token: string, userId: string) => Promise<unknown> | undefined, string?][] =
    [
      ['unknown', 'INVALID', () => undefined, generateToken('lk_')],
      ['ill-formed', 'INVALID', () => undefined, 'lk_nonsense'],
      [
        'idle',
        'EXPIRED',
        async () => {
          clock.now += 14 * dayMs
        },
      ],
      ['revoked', 'REVOKED', async (token) => auth.revokeToken(await userOf(token), null, origin())],
      ['of a disabled user', 'INACTIVE', (_token, userId) => auth.setActive(userId, false)],
      ['of a deleted user', 'INACTIVE', (_token, userId) => auth.deleteUser(userId)],
      [
        'revoked, of a disabled user',
        'INACTIVE',
        async (token, userId) => {
          await auth.revokeToken(await userOf(token), null, origin())
          await auth.setActive(userId, false)
        },
      ],
      [
        'revoked, and past its expiry',
        'REVOKED',
        async (token) => {
          await auth.revokeToken(await userOf(token), null, origin())
          clock.now += 30 * dayMs
        },
      ],
      [
        'past its expiry, of a disabled user',
        'INACTIVE',
        (_token, userId) => {
          clock.now += 30 * dayMs
          return auth.setActive(userId, false)
        },
      ],
      [
        'of a user who was enabled again',
        'REVOKED',
        async (_token, userId) => {
          await auth.setActive(userId, false)
          await auth.setActive(userId, true)
        },
      ],
    ]
  const messages = {
    INVALID: 'Invalid token.',
    EXPIRED: 'Token has expired.',
    REVOKED: 'Token has been revoked.',
    INACTIVE: 'User inactive or deleted.',
  }
  for (const [index, [name, reason, end, other]] of cases.entries()) {
    const userId = await createUser(`ada${index}`)
    const { token } = await signIn(`ada${index}`, { address: `192.0.2.${index}` })
    await end(token, userId)
    const principal = await auth.resolvePrincipal(other ?? token, '127.0.0.1')
    t.same(principal, { kind: 'anonymous', reason, message: messages[reason as keyof typeof messages] }, name)
  }
})

t.test('an ended token records no use', async (t) => {
  const { auth, clock, database, createUser, signIn, userOf } = await openDomain(t)
  await createUser('ada')
  const { token } = await signIn('ada')
  await auth.revokeToken(await userOf(token), null, origin())
  await auth.flush()
  clock.now += 1_000
  await auth.resolvePrincipal(token, '127.0.0.1')
  await auth.flush()
  const row = await database.kysely.selectFrom('latchkey_tokens').select('last_used_at').executeTakeFirst()
  t.not(row?.last_used_at, clock.now)
})

t.test('a token costs one look-up, and an ill-formed one none', async (t) => {
  const { database, clock, createUser, signIn } = await openDomain(t)
  await createUser('ada')
  const { token } = await signIn('ada')
  const findToken = prepareFindToken(database)
  let lookUps = 0
  const resolvePrincipal = createResolvePrincipal({
    findPredecessor: prepareFindPredecessor(database),
    endFamily: async () => {},
    findToken: (digest) => {
      lookUps++
      return findToken(digest)
    },
    knownTokens: null,
    clock: () => clock.now,
    life: createTokenLife(tokenDefaults),
    uses: createTokenUses(database),
    noteLife: createNoteLife(() => {}),
  })
  t.match(await resolvePrincipal(token, ''), { kind: 'user' })
  t.equal(lookUps, 1)
  t.match(await resolvePrincipal(`${token.slice(0, -1)}_`, ''), { reason: 'INVALID' })
  t.equal(lookUps, 1)
})

t.test('a driver that answers later is waited for', async (t) => {
  const { database, clock, createUser, signIn } = await openDomain(t)
  await createUser('ada')
  const { token } = await signIn('ada')
  const findToken = prepareFindToken(database)
  const resolvePrincipal = createResolvePrincipal({
    findPredecessor: prepareFindPredecessor(database),
    endFamily: async () => {},
    findToken: async (digest) => findToken(digest),
    knownTokens: null,
    clock: () => clock.now,
    life: createTokenLife(tokenDefaults),
    uses: createTokenUses(database),
    noteLife: createNoteLife(() => {}),
  })
  t.match(await resolvePrincipal(token, ''), { kind: 'user', user: { username: 'ada' } })
  t.match(await resolvePrincipal(generateToken('lk_'), ''), { reason: 'INVALID' })
})

t.test('a token without a user shows an empty id', async (t) => {
  const row = {
    id: '1',
    userId: null,
    name: '',
    deviceId: null,
    deviceName: null,
    devicePlatform: null,
    userAgent: null,
    createdAt: 0,
    expiresAt: 0,
    maxExpiresAt: 0,
    lastUsedAt: null,
    lastUsedAddress: null,
    revokedAt: null,
    kind: null,
    scopes: null,
    provenAt: null,
  }
  t.equal(toToken(row).userId, '')
})
