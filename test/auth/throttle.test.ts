import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import { createThrottle, createThrottleStore, type Throttle, throttleKey } from '../../src/auth/throttle.ts'
import { createLimiters } from '../../src/http/rate-limit.ts'
import { graphqlJson, password, startApp } from '../support/app.ts'
import { dayMs, openDomain, origin, refusalOf, type TestDomain, throttleDefaults } from '../support/domain.ts'

// Hundreds of password checks take their time on a busy machine.
t.setTimeout(600_000)

const wrong = 'a wrong password'
const limited = { code: 'RATE_LIMITED', reason: 'CREDENTIALS' }
const refused = { code: 'UNAUTHENTICATED', reason: 'CREDENTIALS' }

/** Sign-ins with a wrong password, each from an address of its own, as soon as the account's back-off lets them. */
async function fail({ clock, signIn }: TestDomain, username: string, times: number): Promise<void> {
  for (let count = 0; count < times; count++) {
    clock.now += 15 * 60_000
    await refusalOf(signIn(username, { password: wrong, address: `192.0.2.${count}` }))
  }
}

t.test('five failures are free; then each wait doubles, up to a quarter of an hour', async (t) => {
  const { clock, createUser, signIn } = await openDomain(t, { throttle: { addressMax: 1_000 } })
  await createUser('ada')
  for (let count = 0; count < 5; count++)
    t.match(await refusalOf(signIn('ada', { password: wrong })), refused)
  for (const seconds of [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 900, 900, 900]) {
    t.match(await refusalOf(signIn('ada', { password: wrong })), { ...limited, retryAfter: seconds })
    clock.now += seconds * 1_000 - 1
    t.match(
      await refusalOf(signIn('ada', { password: wrong })),
      { ...limited, retryAfter: 1 },
      'a millisecond early',
    )
    clock.now += 1
    t.match(await refusalOf(signIn('ada', { password: wrong })), refused, `${seconds} s are enough`)
  }
})

t.test('the right password has to wait as well, and then clears the account', async (t) => {
  const { clock, createUser, signIn, events } = await openDomain(t, { throttle: { addressMax: 1_000 } })
  await createUser('ada')
  for (let count = 0; count < 6; count++) {
    await refusalOf(signIn('ada', { password: wrong }))
    clock.now += 1_000
  }
  const { retryAfter = 0 } = await refusalOf(signIn('ada'))
  t.equal(retryAfter, 1, 'of two seconds one is over')
  clock.now += retryAfter * 1_000
  await signIn('ada')
  t.match(events.at(-1), { event: 'authn_login_successafterfail' })
  for (let count = 0; count < 5; count++)
    t.match(await refusalOf(signIn('ada', { password: wrong })), refused)
  t.match(await refusalOf(signIn('ada', { password: wrong })), limited)
})

t.test(
  'right and wrong passwords, known and unknown names get the same bytes, throttled or not',
  async (t) => {
    const { graphql, createUser, clock } = await startApp(t)
    await createUser({ username: 'ada' })
    const attempt = async (username: string, secret: string, address: string) => {
      const { status, headers, body } = await graphql(
        'mutation ($u: String!, $p: String!) { tokenAuth(username: $u, password: $p) { token } }',
        { u: username, p: secret },
        { address, accept: graphqlJson },
      )
      const { 'x-request-id': _id, date: _date, ...rest } = headers
      return { status, headers: rest, body }
    }
    const known = await attempt('ada', wrong, '192.0.2.1')
    t.match(known, { status: 401, body: { errors: [{ extensions: refused }] } })
    t.same(await attempt('nobody', wrong, '192.0.2.1'), known)
    for (let count = 0; count < 4; count++) {
      await attempt('ada', wrong, `192.0.2.1${count}`)
      await attempt('nobody', wrong, `192.0.2.1${count}`)
    }
    const throttled = await attempt('ada', wrong, '192.0.2.2')
    t.match(throttled, {
      status: 429,
      headers: { 'retry-after': '1' },
      body: { errors: [{ extensions: limited }] },
    })
    t.same(await attempt('ada', password, '192.0.2.2'), throttled)
    t.same(await attempt('nobody', wrong, '192.0.2.2'), throttled)
    clock.now += 1_000
    t.match(await attempt('ada', password, '192.0.2.2'), { status: 200 })
  },
)

t.test('a name counts in its canonical form', async (t) => {
  const { createUser, signIn } = await openDomain(t)
  await createUser('straße')
  for (const name of ['straße', 'STRASSE', ' Strasse ', 'ｓtraße', 'STRAẞE']) {
    t.match(await refusalOf(signIn(name, { password: wrong })), refused)
  }
  t.match(await refusalOf(signIn('strasse')), limited)
})

t.test('a hundred wrong passwords in a row lock it until it is set anew; tokens go on', async (t) => {
  const domain = await openDomain(t, { throttle: { lockAfter: 100 } })
  const { auth, clock, createUser, signIn, userOf, events } = domain
  await createUser('ada', 'ada@example.org')
  const { token } = await signIn('ada')
  await fail(domain, 'ada', 99)
  clock.now += 15 * 60_000
  await signIn('ada')
  t.match(events.at(-1), { event: 'authn_login_successafterfail' }, 'after 99 the right one still works')

  await fail(domain, 'ada', 60)
  await fail(domain, 'ADA@example.org', 40)
  t.match(events.at(-1), { event: 'authn_login_lock' }, 'by username and by email it is one row')
  clock.now += 15 * 60_000
  t.match(await refusalOf(signIn('ada')), refused, 'the answer does not tell')
  t.equal((await userOf(token)).user.username, 'ada')

  const user = await auth.findUser('ada')
  if (user === undefined) throw new Error('no user')
  await auth.setPassword(user, 'a password set anew')
  await signIn('ada', { password: 'a password set anew' })
  t.match(events.at(-1), { event: 'authn_login_success' }, 'at once: nobody has to wait for what others did')
})

t.test('strangers who lock a password do not lock out a device that is signed in', async (t) => {
  const domain = await openDomain(t, { throttle: { lockAfter: 10 } })
  const { auth, clock, createUser, signIn, userOf } = domain
  await createUser('ada')
  const device = await userOf((await signIn('ada')).token)
  await fail(domain, 'ada', 10)
  clock.now += 15 * 60_000
  t.match(await refusalOf(signIn('ada')), refused, 'locked elsewhere')
  await auth.changePassword(device, { currentPassword: password, newPassword: 'another long one' }, origin())
  clock.now += 15 * 60_000
  await signIn('ada', { password: 'another long one' })
})

t.test('a password set by the operator works at once, whatever wait came before', async (t) => {
  const domain = await openDomain(t)
  const { auth, createUser, signIn } = domain
  await createUser('ada', 'ada@example.org')
  for (const name of ['ada', 'ada@example.org']) {
    for (let count = 0; count < 5; count++) {
      await refusalOf(signIn(name, { password: wrong, address: `192.0.2.${count}` }))
    }
  }
  const user = await auth.findUser('ada')
  if (user === undefined) throw new Error('no user')
  await auth.setPassword(user, 'a password set anew')
  await signIn('ada', { password: 'a password set anew', address: '192.0.2.99' })
  await signIn('ada@example.org', { password: 'a password set anew', address: '192.0.2.98' })
})

t.test('the lock outlasts pruning, restarts and years', async (t) => {
  const url = `sqlite:${t.testdir()}/latchkey.db`
  const before = await openDomain(t, { url, throttle: { lockAfter: 10 } })
  await before.createUser('ada')
  await fail(before, 'ada', 10)
  const after = await openDomain(t, { url, throttle: { lockAfter: 10 }, clock: before.clock })
  after.clock.now += 3 * 365 * dayMs
  await after.auth.prune()
  t.match(await refusalOf(after.signIn('ada')), refused)
})

t.test(
  'an address has ten failures a minute, whatever the names; success gives its own place back',
  async (t) => {
    const { clock, createUser, signIn } = await openDomain(t)
    await createUser('ada')
    for (let count = 0; count < 9; count++) {
      t.match(await refusalOf(signIn(`name${count}`, { password: wrong })), refused)
      await signIn('ada')
      clock.now += 1_000
    }
    t.match(await refusalOf(signIn('name9', { password: wrong })), refused, 'the tenth')
    t.match(await refusalOf(signIn('ada')), { ...limited, retryAfter: 51 }, 'the rest of the minute')
    await signIn('ada', { address: '192.0.2.2' })
    clock.now += 51_000 - 1
    t.match(await refusalOf(signIn('ada')), limited)
    clock.now += 1
    await signIn('ada')
  },
)

t.test('what is refused for the account costs the address nothing', async (t) => {
  const { createUser, signIn } = await openDomain(t)
  await createUser('ada')
  for (let count = 0; count < 5; count++) await refusalOf(signIn('ada', { password: wrong }))
  for (let count = 0; count < 50; count++)
    t.match(await refusalOf(signIn('ada', { password: wrong })), limited)
  t.match(await refusalOf(signIn('eve', { password: wrong })), refused, 'the sixth of ten')
})

t.test('an IPv6 network is one address, and an IPv4 address is one in either form', async (t) => {
  const cases = [
    ['2001:db8:1:2::1', '2001:db8:1:2:ffff:ffff:ffff:ffff', '2001:db8:1:3::1'],
    ['::ffff:198.51.100.7', '198.51.100.7', '198.51.100.8'],
  ] as const
  for (const [one, same, other] of cases) {
    const { graphql } = await startApp(t, { rateLimitAddressFailures: 2 })
    const codeOf = async (username: string, address: string) => {
      const { body } = await graphql(
        'mutation ($u: String!) { tokenAuth(username: $u, password: "wrong") { token } }',
        { u: username },
        { address },
      )
      return body.errors[0].extensions.code
    }
    t.equal(await codeOf('a', one), 'UNAUTHENTICATED')
    t.equal(await codeOf('b', same), 'UNAUTHENTICATED')
    t.equal(await codeOf('c', one), 'RATE_LIMITED')
    t.equal(await codeOf('d', same), 'RATE_LIMITED')
    t.equal(await codeOf('e', other), 'UNAUTHENTICATED')
  }
})

t.test('a crowd behind one address finds room to wait, whatever floods from others', async (t) => {
  const { createUser, signIn } = await openDomain(t, { throttle: { accountFree: 1_000 } })
  for (let index = 0; index < 40; index++) await createUser(`user${index}`)
  const flood = Array.from({ length: 12 }, (_, address) =>
    Array.from({ length: 150 }, (_, index) =>
      refusalOf(signIn(`nobody${index}`, { password: wrong, address: `192.0.2.${address % 4}` })),
    ),
  ).flat()
  const crowd = Array.from({ length: 40 }, (_, index) => signIn(`user${index}`, { address: '198.51.100.1' }))
  t.equal((await Promise.all(crowd)).length, 40)
  const reasons = (await Promise.all(flood)).filter(({ code }) => code === 'UNAUTHENTICATED')
  t.equal(reasons.length, 40, 'ten of each address')
})

t.test('nobody can keep an owner out who comes with a device that is signed in', async (t) => {
  const domain = await openDomain(t)
  const { createUser, signIn, userOf, clock } = domain
  await createUser('ada', 'ada@example.org')
  await createUser('eve')
  const ada = await userOf((await signIn('ada')).token)
  const eve = await userOf((await signIn('eve')).token)
  await fail(domain, 'ada', 9)
  await refusalOf(signIn('ada@example.org', { password: wrong }))
  t.match(await refusalOf(signIn('ada')), limited)
  t.match(await refusalOf(signIn('ada', { principal: eve })), limited, 'another user’s device is a stranger')
  t.match((await signIn('ada', { principal: ada })).user, { username: 'ada' })
  t.match(await refusalOf(signIn('ada')), limited, 'and clears nothing for strangers')

  const again = await userOf(
    (await signIn('ada@example.org', { principal: ada, address: '192.0.2.99' })).token,
  )
  for (let count = 0; count < 5; count++) {
    t.match(
      await refusalOf(signIn('ada', { password: wrong, principal: again, address: `192.0.2.1${count}` })),
      refused,
    )
  }
  t.match(
    await refusalOf(signIn('ada', { principal: again })),
    limited,
    'the device has a back-off of its own',
  )
  clock.now += 1_000
  await signIn('ada', { principal: again })
})

t.test(
  'changing a password counts its wrong guesses by the device and the address, with a lock of its own',
  async (t) => {
    const { auth, clock, createUser, signIn, userOf } = await openDomain(t, { throttle: { lockAfter: 10 } })
    await createUser('ada')
    const device = await userOf((await signIn('ada')).token)
    const change = (currentPassword: string, address?: string) =>
      auth.changePassword(device, { currentPassword, newPassword: 'another long one' }, origin(address))
    for (let count = 0; count < 5; count++) t.match(await refusalOf(change(wrong)), refused)
    t.match(await refusalOf(change(password)), { ...limited, retryAfter: 1 })
    for (let count = 5; count < 10; count++) {
      clock.now += 20_000
      await refusalOf(change(wrong, '192.0.2.77'))
    }
    clock.now += 15 * 60_000
    t.match(await refusalOf(change(password, '192.0.2.78')), refused, 'locked for this device')
    await signIn('ada', { address: '192.0.2.78' })
  },
)

t.test('taken names count against the address that tries them; free ones do not', async (t) => {
  const { auth, clock, createUser } = await openDomain(t)
  await createUser('ada')
  const signUp = (username: string) => auth.signUp({ username, password }, origin())
  for (let count = 0; count < 12; count++) await signUp(`free${count}`)
  for (let count = 0; count < 12; count++) {
    t.match(await refusalOf(auth.signUp({ username: `poor${count}`, password: 'x' }, origin())), {
      reason: 'TOO_SHORT',
    })
  }
  for (let count = 0; count < 10; count++) t.match(await refusalOf(signUp('ada')), { code: 'CONFLICT' })
  t.match(await refusalOf(signUp('ada')), { ...limited, retryAfter: 60 })
  t.match(await refusalOf(signUp('free')), limited)
  clock.now += 60_000
  await signUp('free')
})

t.test('whoever tries out names for an account of theirs is counted too', async (t) => {
  const { auth, createUser, signIn, userOf } = await openDomain(t)
  await createUser('ada')
  await createUser('eve')
  const eve = await userOf((await signIn('eve')).token)
  const rename = (username: string) => auth.updateViewer(eve, { username }, origin())
  for (let count = 0; count < 12; count++) await rename(`eve${count}`)
  for (let count = 0; count < 10; count++) t.match(await refusalOf(rename('ada')), { code: 'CONFLICT' })
  t.match(await refusalOf(rename('ada')), limited)
})

t.test('the counters survive a restart', async (t) => {
  const url = `sqlite:${t.testdir()}/latchkey.db`
  const before = await openDomain(t, { url })
  await before.createUser('ada')
  for (let count = 0; count < 5; count++) await refusalOf(before.signIn('ada', { password: wrong }))
  await before.database.close()
  const after = await openDomain(t, { url, clock: before.clock })
  t.match(await refusalOf(after.signIn('ada')), limited)
})

t.test('6,000 other names flush no counter', async (t) => {
  const { auth, database, clock, createUser, signIn } = await openDomain(t)
  await createUser('ada')
  for (let count = 0; count < 5; count++) await refusalOf(signIn('ada', { password: wrong }))
  await database.transaction(async (db) => {
    for (let count = 0; count < 6_000; count++) {
      const values = {
        key: throttleKey('account', `name name${count}`),
        attempts: 5,
        blocked_until: clock.now + 1_000,
      }
      await db
        .insertInto('latchkey_throttle')
        .values({ ...values, expires_at: clock.now + dayMs })
        .execute()
    }
  })
  await auth.prune()
  t.match(await refusalOf(signIn('ada', { address: '192.0.2.2' })), limited)
  t.match(await refusalOf(signIn('name5999', { address: '192.0.2.2' })), limited)
})

t.test('a clock that is set back blocks nobody for longer than the wait itself', async (t) => {
  for (const backMs of [10 * 60_000, 2 * 3_600_000, 400 * dayMs]) {
    const { clock, createUser, signIn } = await openDomain(t)
    await createUser('ada')
    for (let count = 0; count < 10; count++) {
      await refusalOf(signIn('ada', { password: wrong }))
      await refusalOf(signIn('eve', { password: wrong }))
    }
    t.match(await refusalOf(signIn('ada')), limited)
    clock.now -= backMs
    await signIn('ada')
  }
})

t.test('a clock that is set right by seconds voids no counter', async (t) => {
  const { clock, createUser, signIn } = await openDomain(t)
  await createUser('ada')
  for (let count = 0; count < 5; count++) await refusalOf(signIn('ada', { password: wrong }))
  clock.now -= 2_000
  t.match(await refusalOf(signIn('ada')), { ...limited, retryAfter: 3 })
})

t.test('of 100 attempts at once as many are checked as are free', async (t) => {
  const { createUser, signIn, countRefusals, events } = await openDomain(t, {
    throttle: { addressMax: 1_000 },
  })
  await createUser('ada')
  const outcomes = await Promise.all(
    Array.from({ length: 100 }, () => refusalOf(signIn('ada', { password: wrong }))),
  )
  t.equal(countRefusals(), 5)
  t.equal(outcomes.filter(({ code }) => code === 'RATE_LIMITED').length, 95)
  t.equal(events.filter(({ event }) => event === 'authn_login_fail_max').length, 95)
})

t.test('a crowd with right passwords behind one address is let in, each in turn', async (t) => {
  const { createUser, signIn } = await openDomain(t, { token: { limit: 100 } })
  await createUser('ada')
  await createUser('eve')
  const all = await Promise.all(Array.from({ length: 40 }, (_, count) => signIn(count % 2 ? 'ada' : 'eve')))
  t.equal(all.length, 40)
})

t.test('more attempts at once than may wait are refused at once', async (t) => {
  const { createUser, signIn, countRefusals } = await openDomain(t, { throttle: { addressMax: 1 } })
  await createUser('ada')
  const outcomes = await Promise.all(
    Array.from({ length: 600 }, (_, count) => refusalOf(signIn(`name${count}`, { password: wrong }))),
  )
  t.equal(countRefusals(), 1)
  t.equal(outcomes.filter(({ code }) => code === 'RATE_LIMITED').length, 599)
})

t.test('what was forgotten meanwhile cannot be given back', async (t) => {
  const { auth, clock, database } = await openDomain(t)
  const store = { database, clock: () => clock.now, options: throttleDefaults }
  const limiters = await createLimiters(createThrottleStore(store), throttleDefaults)
  const throttle = createThrottle({ ...store, limiters, isShared: false })
  const attempt = await throttle.begin({ address: 'address:a', account: 'account:a', request: {} })
  clock.now += dayMs
  await auth.prune()
  await attempt.cancel()
  attempt.end()
  t.same(await database.kysely.selectFrom('latchkey_throttle').selectAll().execute(), [])
})

t.test('attempts that another process has under way may yet be right, and are given time', async (t) => {
  const { clock, database } = await openDomain(t)
  const options = { ...throttleDefaults, addressMax: 2 }
  const store = { database, clock: () => clock.now, options }
  const limiters = await createLimiters(createThrottleStore(store), options)
  const [here, there] = [0, 1].map(() => createThrottle({ ...store, limiters, isShared: true }))
  if (here === undefined || there === undefined) throw new Error('no throttle')
  const begin = (throttle: Throttle, request = {}) => throttle.begin({ address: 'address:a', request })
  const attempts = [await begin(there), await begin(there)]

  const waiting = begin(here)
  await sleep(150)
  await database.transaction(async (db) => attempts[0]?.clear(db))
  attempts[0]?.end()
  const attempt = await waiting
  attempt.end()
  // Neither for ever, nor is there room for all.
  const startedAt = performance.now()
  const crowd = Array.from({ length: 150 }, async () => {
    const refusal = await refusalOf(begin(here))
    return { ...refusal, waited: performance.now() - startedAt > 1_500 }
  })
  const refusals = await Promise.all(crowd)
  for (const refusal of refusals) t.match(refusal, { code: 'RATE_LIMITED', reason: 'CREDENTIALS' })
  t.equal(refusals.filter(({ waited }) => waited).length, 100)
  const request = {}
  await refusalOf(begin(here, request))
  const againAt = performance.now()
  for (let times = 0; times < 15; times++) await refusalOf(begin(here, request))
  t.ok(performance.now() - againAt < 1_500, 'a request has waited once, however much it tries')
  attempts[1]?.end()
})

t.test('what was typed as a name is kept as a digest alone', async (t) => {
  const { database, signIn } = await openDomain(t)
  await refusalOf(signIn('my password by mistake', { password: wrong, address: '192.0.2.250' }))
  const rows = await database.kysely.selectFrom('latchkey_throttle').select('key').execute()
  t.match(rows.map(({ key }) => key.replace(/:.*/, '')).sort(), ['account', 'address', 'failures'])
  for (const { key } of rows) t.match(key, /^[a-z]+:[A-Za-z0-9_-]{43}$/)
})

t.test('where the counters cannot be written no password is checked', async (t) => {
  const { database, createUser, signIn, events, reasonOf } = await openDomain(t)
  await createUser('ada')
  const { token } = await signIn('ada')
  events.length = 0
  await database.kysely.schema.dropTable('latchkey_throttle').execute()
  t.match(await refusalOf(signIn('ada')), { code: 'SERVICE_UNAVAILABLE', reason: 'DATABASE' })
  t.same(events, [])
  t.equal(await reasonOf(token), 'none', 'tokens go on')
})
