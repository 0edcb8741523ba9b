import t from 'tap'
import { createTokenLife, parseDuration } from '../../src/auth/token-life.ts'
import { dayMs, hourMs, openDomain, refusalOf, tokenDefaults } from '../support/domain.ts'

t.test('a token is valid one millisecond before its end, and refused at it', async (t) => {
  const cases = [
    ['its expiry', { idleTtlMs: Number.POSITIVE_INFINITY }, 30 * dayMs],
    ['its idle limit', {}, 14 * dayMs],
    ['an idle limit beyond its expiry', { ttlMs: dayMs, idleTtlMs: 2 * dayMs }, dayMs],
  ] as const
  for (const [name, token, lifeMs] of cases) {
    const { clock, createUser, signIn, reasonOf } = await openDomain(t, { token })
    await createUser('ada')
    const before = (await signIn('ada')).token
    const at = (await signIn('ada')).token
    clock.now += lifeMs - 1
    t.equal(await reasonOf(before), 'none', `before ${name}`)
    clock.now += 1
    t.equal(await reasonOf(at), 'EXPIRED', name)
  }
})

t.test('use moves the idle limit, and not the expiry', async (t) => {
  const { clock, createUser, signIn, reasonOf } = await openDomain(t)
  await createUser('ada')
  const { token } = await signIn('ada')
  clock.now += 14 * dayMs - 1
  t.equal(await reasonOf(token), 'none')
  clock.now += 14 * dayMs - 1
  t.equal(await reasonOf(token), 'none')
  clock.now += 2 * dayMs + 1
  t.equal(await reasonOf(token), 'none', 'one millisecond before 30 days')
  clock.now += 1
  t.equal(await reasonOf(token), 'EXPIRED')
})

t.test('with renewal, use moves the expiry, up to the ceiling and no further', async (t) => {
  for (const flushed of [true, false]) {
    const { auth, clock, createUser, signIn, reasonOf } = await openDomain(t, {
      token: { ttlMs: 10 * hourMs, renew: true, maxTtlMs: 25 * hourMs },
    })
    await createUser('ada')
    const issuedAt = clock.now
    const { token } = await signIn('ada')
    const unused = (await signIn('ada')).token
    for (const hours of [9, 18]) {
      clock.now = issuedAt + hours * hourMs
      t.equal(await reasonOf(token), 'none', `after ${hours} hours`)
      if (flushed) await auth.flush()
    }
    t.equal(await reasonOf(unused), 'EXPIRED', 'without use nothing moves')
    clock.now = issuedAt + 25 * hourMs - 1
    t.equal(await reasonOf(token), 'none', 'one millisecond before the ceiling')
    clock.now += 1
    t.equal(await reasonOf(token), 'EXPIRED', 'at the ceiling')
  }
})

t.test('a renewed token is refused at its new expiry', async (t) => {
  const { clock, createUser, signIn, reasonOf } = await openDomain(t, {
    token: { ttlMs: 10 * hourMs, renew: true, maxTtlMs: 90 * dayMs },
  })
  await createUser('ada')
  const { token } = await signIn('ada')
  clock.now += hourMs
  t.equal(await reasonOf(token), 'none')
  clock.now += 10 * hourMs
  t.equal(await reasonOf(token), 'EXPIRED')
})

t.test('expiresIn shortens a life, never lengthens it, and such a token is not renewed', async (t) => {
  const { clock, createUser, signIn, reasonOf } = await openDomain(t, {
    token: { ttlMs: 10 * hourMs, renew: true, maxTtlMs: 100 * hourMs },
  })
  await createUser('ada')
  const issuedAt = clock.now
  const { token, tokenInfo } = await signIn('ada', { expiresIn: '2h' })
  t.equal(tokenInfo.expiresAt, issuedAt + 2 * hourMs)
  const longer = await signIn('ada', { expiresIn: '999d' })
  t.equal(longer.tokenInfo.expiresAt, issuedAt + 10 * hourMs)
  clock.now += 2 * hourMs - 1
  t.equal(await reasonOf(token), 'none')
  clock.now += 1
  t.equal(await reasonOf(token), 'EXPIRED')
  clock.now = issuedAt + 10 * hourMs - 1
  t.equal(await reasonOf(longer.token), 'none')
  clock.now += 1
  t.equal(await reasonOf(longer.token), 'EXPIRED')
})

t.test(
  'an expiresIn that is no duration of a second or more is refused before it costs an attempt',
  async (t) => {
    const { createUser, signIn, events } = await openDomain(t)
    await createUser('ada')
    for (const expiresIn of [
      '',
      '1',
      's',
      '-1s',
      '0s',
      '999ms',
      '1.5h',
      '1h30m',
      ' 1h',
      '1H',
      'Infinity',
      '9'.repeat(20),
    ]) {
      t.match(await refusalOf(signIn('ada', { expiresIn, password: 'wrong password' })), {
        code: 'BAD_USER_INPUT',
        reason: 'DURATION',
        field: 'expiresIn',
      })
    }
    t.same(events, [])
  },
)

t.test('durations are read in milliseconds', async (t) => {
  const cases = [
    ['250ms', 250],
    ['10s', 10_000],
    ['15m', 900_000],
    ['12h', 12 * hourMs],
    ['30d', 30 * dayMs],
    ['1w', null],
  ] as const
  for (const [text, milliseconds] of cases) t.equal(parseDuration(text), milliseconds, text)
})

t.test('without an idle limit no token goes idle', async (t) => {
  const life = createTokenLife({ ...tokenDefaults, idleTtlMs: Number.POSITIVE_INFINITY })
  t.same(life.liveAt(5), { now: 5, idleSince: -1 })
  t.same(createTokenLife(tokenDefaults).liveAt(15 * dayMs), { now: 15 * dayMs, idleSince: dayMs })
})

t.test('a ceiling below the life of a token does not shorten it', async (t) => {
  const life = createTokenLife({ ...tokenDefaults, renew: true, maxTtlMs: dayMs })
  t.same(life.start(0, null), { expiresAt: 30 * dayMs, maxExpiresAt: 30 * dayMs })
})
