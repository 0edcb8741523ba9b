import t, { type Test } from 'tap'
import { deriveToken, generateToken, isWellFormedToken } from '../../src/auth/token-format.ts'
import { type DomainOptions, dayMs, openDomain, origin } from '../support/domain.ts'

const graceMs = 30_000
const ended = { code: 'UNAUTHENTICATED', details: { reason: 'REVOKED' } }

async function start(t: Test, options: DomainOptions = {}) {
  const domain = await openDomain(t, options)
  await domain.createUser('ada')
  const { token, tokenInfo } = await domain.signIn('ada')
  domain.events.length = 0
  const rotate = async (own: string) => domain.auth.rotateToken(await domain.userOf(own), own, origin())
  return { ...domain, token, tokenInfo, rotate }
}

t.test('a rotated token keeps all but its secret', async (t) => {
  const { rotate, token, tokenInfo, userOf, events, clock } = await start(t)
  clock.now += 1_000
  const next = await rotate(token)
  t.not(next.token, token)
  t.ok(isWellFormedToken(next.token))
  t.match((await userOf(next.token)).token, { id: tokenInfo.id, name: tokenInfo.name, scopes: null })
  t.equal(next.tokenInfo.expiresAt, tokenInfo.expiresAt, 'what is not renewed does not live longer')
  t.match(events, [{ event: 'authn_token_rotated', tokenId: tokenInfo.id }])
})

t.test('the expiry starts anew, up to the ceiling', async (t) => {
  const { rotate, token, tokenInfo, clock } = await start(t, {
    token: { renew: true, ttlMs: 10 * dayMs, maxTtlMs: 15 * dayMs },
  })
  const issuedAt = tokenInfo.createdAt
  clock.now = issuedAt + 4 * dayMs
  const one = await rotate(token)
  t.equal(one.tokenInfo.expiresAt, issuedAt + 14 * dayMs)
  clock.now = issuedAt + 8 * dayMs
  const two = await rotate(one.token)
  t.equal(two.tokenInfo.expiresAt, issuedAt + 15 * dayMs)
})

t.test('the one before works within the grace, and gets the same new token', async (t) => {
  const { rotate, token, tokenInfo, userOf, clock, events } = await start(t)
  const next = await rotate(token)
  clock.now += graceMs - 1
  t.equal((await userOf(token)).token.id, tokenInfo.id)
  t.equal((await rotate(token)).token, next.token)
  t.equal(events.filter(({ event }) => event === 'authn_token_rotated').length, 1)
  t.equal((await userOf(next.token)).token.id, tokenInfo.id)
})

t.test('after the grace it ends what followed it, and that is told once', async (t) => {
  const { rotate, token, tokenInfo, reasonOf, clock, events } = await start(t)
  const next = await rotate(token)
  clock.now += graceMs
  events.length = 0
  t.strictSame(
    await Promise.all(Array.from({ length: 20 }, () => reasonOf(token))),
    Array.from({ length: 20 }, () => 'REVOKED'),
  )
  t.equal(await reasonOf(next.token), 'REVOKED')
  t.match(
    events.map(({ event, tokenId }) => [event, tokenId]),
    [
      ['authn_token_reuse', tokenInfo.id],
      ['authn_token_revoked', tokenInfo.id],
    ],
  )
  t.equal(events.length, 2)
})

t.test('an older one ends it at any time, within the grace of a later one, too', async (t) => {
  const { rotate, token, reasonOf } = await start(t)
  const one = await rotate(token)
  const two = await rotate(one.token)
  t.equal(await reasonOf(one.token), 'none', 'the immediate one works')
  t.equal(await reasonOf(token), 'REVOKED')
  t.equal(await reasonOf(two.token), 'REVOKED')
  t.equal(await reasonOf(one.token), 'REVOKED')
})

t.test('one that ended by itself says why, and is no alarm', async (t) => {
  const { rotate, token, tokenInfo, reasonOf, clock, events } = await start(t)
  await rotate(token)
  clock.now = tokenInfo.expiresAt
  t.equal(await reasonOf(token), 'EXPIRED')
  t.notMatch(
    events.map(({ event }) => event),
    ['authn_token_reuse'],
  )
})

t.test('fifty rotations at once give one new token', async (t) => {
  const { rotate, token, events, userOf } = await start(t)
  const answers = await Promise.all(Array.from({ length: 50 }, () => rotate(token)))
  t.equal(new Set(answers.map((answer) => answer.token)).size, 1)
  t.equal(events.filter(({ event }) => event === 'authn_token_rotated').length, 1)
  await userOf(answers[0]?.token ?? '')
})

t.test(
  'a request that was under way while its token ended, or was rotated twice, gets nothing',
  async (t) => {
    const { auth, rotate, token, userOf, reasonOf, events } = await start(t)
    const before = await userOf(token)
    const one = await rotate(token)
    await t.rejects(auth.rotateToken(before, generateToken('lk_'), origin()), ended, 'of another')
    t.equal(await reasonOf(one.token), 'none', 'which ends nothing')
    const two = await rotate(one.token)
    events.length = 0
    await t.rejects(auth.rotateToken(before, token, origin()), ended)
    t.match(events, [{ event: 'authn_token_reuse', address: '192.0.2.1' }, { event: 'authn_token_revoked' }])
    await t.rejects(auth.rotateToken(before, two.token, origin()), ended, 'revoked')
    await t.rejects(
      auth.rotateToken({ ...before, user: { ...before.user, id: 'x' } }, token, origin()),
      ended,
    )
  },
)

t.test('the operator ends a token by what it was before, and is told what that is worth', async (t) => {
  const { auth, rotate, token, tokenInfo, reasonOf, clock } = await start(t)
  const next = await rotate(token)
  t.match(await auth.introspectToken(token), { found: { token: { id: tokenInfo.id }, refusal: null } })
  clock.now += graceMs
  t.match(await auth.introspectToken(token), {
    found: { refusal: { reason: 'REVOKED', message: /rotation/ } },
  })
  t.equal(await reasonOf(next.token), 'none', 'asking ends nothing')
  t.match(await auth.endToken({ token }), { ended: true, token: { id: tokenInfo.id } })
  t.equal(await reasonOf(next.token), 'REVOKED')
  await t.rejects(auth.endToken({ token: generateToken('lk_') }), { code: 'NOT_FOUND' })
})

t.test('predecessors are pruned with their token', async (t) => {
  const { auth, database, rotate, token, clock } = await start(t)
  await rotate((await rotate(token)).token)
  clock.now += 365 * dayMs
  await auth.prune({})
  t.strictSame(await database.kysely.selectFrom('latchkey_token_predecessors').selectAll().execute(), [])
})

t.test('a token keeps its prefix, and one of another form gets ours', (t) => {
  const nonce = Buffer.alloc(32, 1)
  const own = generateToken('old_')
  t.match(deriveToken('lk_', own, nonce), /^old_/)
  t.equal(deriveToken('lk_', own, nonce), deriveToken('lk_', own, nonce))
  t.not(deriveToken('lk_', own, nonce), deriveToken('lk_', own, Buffer.alloc(32, 2)))
  t.match(deriveToken('lk_', 'f'.repeat(40), nonce), /^lk_/)
  t.ok(isWellFormedToken(deriveToken('lk_', 'f'.repeat(40), nonce)))
  t.end()
})
