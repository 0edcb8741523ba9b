import t, { type Test } from 'tap'
import { AuthError, authOperations, findRefusal, webStorage } from '../../clients/client.ts'
import { startApp } from '../support/app.ts'
import { logLines, secret } from '../support/log.ts'
import { createDevices, interceptFetch, until } from './device.ts'

const viewer = '{ viewer { username } }'
const minute = 60_000

/** A server whose tokens live ten minutes from their last use, so that rotation keeps one alive; and devices for it. */
async function start(t: Test, settings: object = {}) {
  const server = await startApp(t, { listen: true, tokenTtl: '10m', tokenRenew: 'on', ...settings })
  const user = await server.createUser()
  const calls: string[] = []
  const countCalls = (operation: string) => calls.filter((call) => call.includes(`{ ${operation}`)).length
  return { ...server, user, calls, countCalls, device: createDevices(t, server) }
}

/** Notes the body of each request that the client or the test sends. */
function watch(t: Test, calls: string[]): void {
  interceptFetch(t, async (request) => {
    calls.push(await request.text())
    return undefined
  })
}

function countRotations(id: string | null | undefined): number {
  return logLines().filter((line) => line.includes('"authn_token_rotated"') && line.includes(String(id)))
    .length
}

t.test('a token that is due is rotated once, beside 20 queries that are all answered', async (t) => {
  const { user, device, clock, calls, countCalls } = await start(t)
  const { auth, events, query, token } = device()
  await auth.signIn(user)
  const before = await token()
  clock.now += 5 * minute
  watch(t, calls)
  const answers = await Promise.all(Array.from({ length: 20 }, () => query(viewer)))
  t.same(new Set(answers.map(({ data }) => data.viewer.username)), new Set([user.username]))
  await until(() => events.length === 2)
  t.same(events, ['signed-in', 'rotated'])
  t.equal(countCalls('rotateToken'), 1)
  t.equal(countRotations((await auth.find())?.id), 1)
  t.not(await token(), before)
  clock.now += 5 * minute - 1
  t.equal((await query(viewer)).data.viewer.username, user.username, 'the next one comes half a life later')
  t.equal(countCalls('rotateToken'), 1)
})

t.test('queries wait for the rotation of a token that may have expired', async (t) => {
  const { user, device, clock, calls } = await start(t)
  const { auth, query, events } = device({ clock: () => clock.now + ahead })
  let ahead = 0
  await auth.signIn(user)
  ahead = 11 * minute // the server renewed it by a use that this device knows nothing of
  watch(t, calls)
  const answers = await Promise.all([query(viewer), query(viewer)])
  for (const { data } of answers) t.ok(data.viewer)
  t.match(calls, [/rotateToken/, /viewer/, /viewer/])
  t.same(events, ['signed-in', 'rotated'])
  await query(viewer)
  t.equal(calls.length, 4, 'and a clock that jumped does not make it rotate again and again')
})

t.test('a device whose clock is a year off rotates and expires at the right time', async (t) => {
  const { user, device, clock } = await start(t)
  const offset = 365 * 86_400_000
  const { auth, query, events } = device({ clock: () => clock.now - offset })
  await auth.signIn(user)
  const expiresAt = async () => Number((await auth.find())?.expiresAt) + offset - clock.now
  t.equal(await expiresAt(), 10 * minute)
  clock.now += 5 * minute - 1
  await query(viewer)
  clock.now += 1
  await query(viewer)
  await until(() => events.includes('rotated'))
  t.equal(await expiresAt(), 10 * minute)
})

t.test('a secret is used for a day at the most, and as often near the end of a life', async (t) => {
  const day = 86_400_000
  const { user, device, clock, calls, countCalls } = await start(t, { tokenTtl: '3d', tokenRenew: 'off' })
  const { auth, query, events } = device()
  await auth.signIn(user)
  watch(t, calls)
  for (const [wait, rotations] of [
    [day - 1, 0],
    [1, 1],
    [day - 1, 1],
    [1, 2],
    [day - 1, 2],
  ] as const) {
    clock.now += wait
    t.ok((await query(viewer)).data.viewer)
    await until(() => events.length === rotations + 1)
  }
  t.equal(countCalls('rotateToken'), 2)
  clock.now += 1
  await query(viewer)
  t.same(events, ['signed-in', 'rotated', 'rotated', 'signed-out EXPIRED'])
})

t.test('each way for a token to end is one event, however many queries meet it', async (t) => {
  const { app, user, clock, device, signIn, graphql } = await start(t)
  const { auth, events, query } = device()
  const ends: [reason: string, end: () => unknown][] = [
    ['INVALID', () => auth.accept({ token: secret(`lk_${'0'.repeat(49)}`) })],
    ['MALFORMED', () => auth.accept({ token: 'two words' })],
    [
      'EXPIRED',
      () => {
        clock.now += 11 * minute
      },
    ],
    [
      'REVOKED',
      async () => graphql('mutation { revokeOtherTokens { count } }', null, { token: await signIn(user) }),
    ],
    ['INACTIVE', () => app.latchkey.auth.setActive(user.id, false)],
  ]
  for (const [reason, end] of ends) {
    await auth.signIn(user)
    await end()
    events.length = 0
    const answers = await Promise.all(Array.from({ length: 20 }, () => query(viewer)))
    t.same(
      events.filter((event) => event !== 'rotated'),
      [`signed-out ${reason}`],
    )
    for (const { errors } of answers) t.match(errors, [{ extensions: { code: 'UNAUTHENTICATED' } }])
    t.equal(await auth.find(), null)
  }
})

t.test(
  '20 queries that meet the end of a token ask once for credentials, and are all answered',
  async (t) => {
    const { user, device, clock, calls, countCalls } = await start(t, { tokenRenew: 'off' })
    const asked: string[] = []
    const { auth, events, query } = device({
      askCredentials: async (reason) => {
        asked.push(reason)
        return user
      },
      clock: () => 0, // it does not see the end coming
    })
    await auth.signIn(user)
    clock.now += 10 * minute
    watch(t, calls)
    const answers = await Promise.all(Array.from({ length: 20 }, () => query(viewer)))
    for (const { data } of answers) t.equal(data?.viewer.username, user.username)
    t.same(asked, ['EXPIRED'])
    t.equal(countCalls('tokenAuth'), 1)
    t.same(events, ['signed-in', 'signed-in'])
  },
)

t.test('credentials that are not given, wrong or cannot be asked for sign out', async (t) => {
  const { user, device, clock } = await start(t, { tokenRenew: 'off' })
  const answers = [
    async () => null,
    async () => ({ ...user, password: 'not the password' }),
    () => {
      throw new Error('no window')
    },
  ]
  for (const askCredentials of answers) {
    const { auth, events, query } = device({ askCredentials })
    await auth.signIn(user)
    clock.now += 10 * minute
    t.match((await query(viewer)).errors, [{ extensions: { code: 'UNAUTHENTICATED' } }])
    t.same(events, ['signed-in', 'signed-out EXPIRED'])
  }
})

t.test('operations that begin while credentials are asked for wait for them', async (t) => {
  const { user, device, clock } = await start(t, { tokenRenew: 'off' })
  const answer = Promise.withResolvers<typeof user>()
  const { auth, query } = device({ askCredentials: () => answer.promise })
  await auth.signIn(user)
  clock.now += 10 * minute
  let asked = false
  const first = query(viewer)
  const later = until(() => asked).then(() => query(viewer))
  interceptFetch(t, () => {
    asked = true
    return undefined
  })
  setTimeout(() => answer.resolve(user), 50)
  for (const { data } of await Promise.all([first, later])) t.ok(data?.viewer)
})

t.test('a refused sign-in says why, and leaves the token that there is', async (t) => {
  const { user, device } = await start(t, { rateLimitAccountFailures: 1 })
  const { auth, events, token } = device()
  await auth.signIn(user)
  const before = await token()
  const wrong = { ...user, password: 'not the password' }
  await t.rejects(auth.signIn(wrong), { name: 'AuthError', code: 'UNAUTHENTICATED', reason: 'CREDENTIALS' })
  await t.rejects(auth.signIn(wrong), { code: 'RATE_LIMITED', extensions: { retryAfter: Number } })
  t.equal(await token(), before)
  t.same(events, ['signed-in'])
})

t.test('a fault of the network or of a proxy never signs anybody out', async (t) => {
  const { user, device, clock, countCalls, calls } = await start(t)
  const { auth, events, query, token } = device()
  await auth.signIn(user)
  const before = await token()
  clock.now += 5 * minute
  const faults = [
    () => Promise.reject(new TypeError('fetch failed')),
    () => new Response('<h1>Bad gateway</h1>', { status: 502 }),
    () => new Response('{"error":"unauthorized"}', { status: 401 }),
    () => Response.json({ errors: [{ message: 'later', extensions: { code: 'SERVICE_UNAVAILABLE' } }] }),
  ]
  let fault: (() => Promise<Response> | Response) | undefined
  interceptFetch(t, async (request) => {
    calls.push(await request.text())
    return fault?.()
  })
  for (fault of faults) {
    await query(viewer).catch(() => {})
    await t.rejects(auth.signIn(user))
  }
  t.equal(countCalls('rotateToken'), 1, 'it does not try to rotate each time')
  fault = undefined
  t.ok((await query(viewer)).data.viewer)
  t.equal(await token(), before)
  await until(() => events.length === 2)
  t.same(events, ['signed-in', 'rotated'], 'but soon tries again')
  t.equal(countCalls('rotateToken'), 2)
})

t.test('a rotation whose answer was lost is asked for again, and gets the same token', async (t) => {
  const { user, device, clock, countCalls, calls } = await start(t)
  const { auth, events, query, token } = device()
  await auth.signIn(user)
  clock.now += 5 * minute
  const { fetch } = globalThis
  interceptFetch(t, async (request) => {
    const body = await request.clone().text()
    calls.push(body)
    if (!body.includes('rotateToken') || countCalls('rotateToken') > 1) return undefined
    await fetch(request)
    throw new TypeError('fetch failed')
  })
  t.ok((await query(viewer)).data.viewer)
  await until(() => events.includes('rotated'))
  t.equal(countCalls('rotateToken'), 2)
  t.equal(countRotations((await auth.find())?.id), 1)
  clock.now += minute
  t.match(await token(), /^lk_/)
  t.ok((await query(viewer)).data.viewer, 'the grace is over, and the token that is held is the one in force')
})

t.test('a rotation that goes on failing is tried again when the token is used', async (t) => {
  const { user, device, clock, calls, countCalls } = await start(t)
  const { setTimeout } = globalThis
  const waits = [1_000, 2_000, 4_000, 8_000, 16_000]
  t.intercept(globalThis, 'setTimeout', {
    value: (run: (given?: unknown) => void, ms?: number, given?: unknown) =>
      setTimeout(run, waits.includes(Number(ms)) ? 1 : ms, given),
  })
  const { auth, query, events } = device()
  await auth.signIn(user)
  clock.now += 5 * minute
  let isDown = true
  interceptFetch(t, async (request) => {
    const body = await request.text()
    calls.push(body)
    if (isDown && body.includes('rotateToken')) throw new TypeError('fetch failed')
    return undefined
  })
  t.ok((await query(viewer)).data.viewer)
  await until(() => countCalls('rotateToken') === 6)
  await new Promise((resolve) => setTimeout(resolve, 50))
  t.equal(countCalls('rotateToken'), 6, 'at once and five times by itself')
  isDown = false
  clock.now += 31_999
  t.ok((await query(viewer)).data.viewer)
  t.equal(countCalls('rotateToken'), 6)
  clock.now += 1
  await query(viewer)
  await until(() => events.length === 2)
  t.equal(countCalls('rotateToken'), 7)
  t.same(events, ['signed-in', 'rotated'])
})

t.test('a rotation that finds the token ended signs out', async (t) => {
  const { user, device, clock, graphql, signIn } = await start(t)
  const { auth, events } = device()
  await auth.signIn(user)
  await graphql('mutation { revokeOtherTokens { count } }', null, { token: await signIn(user) })
  clock.now += 5 * minute
  await auth.authorize()
  await until(() => events.length === 2)
  t.same(events, ['signed-in', 'signed-out REVOKED'])
})

t.test('who signs out while a rotation is under way stays signed out', async (t) => {
  const { user, device, clock } = await start(t)
  const { auth, events } = device()
  await auth.signIn(user)
  clock.now += 5 * minute
  const held = Promise.withResolvers<void>()
  const { fetch } = globalThis
  interceptFetch(t, async (request) => {
    const isRotation = (await request.clone().text()).includes('rotateToken')
    if (!isRotation) return undefined
    const response = await fetch(request)
    await held.promise
    return response
  })
  await auth.authorize()
  await auth.signOut()
  held.resolve()
  await new Promise((resolve) => setTimeout(resolve, 20))
  t.equal(await auth.find(), null)
  t.same(events, ['signed-in', 'signed-out SIGNED_OUT'])
})

t.test(
  'signing out ends the token on the server, and forgets it where there is no network too',
  async (t) => {
    const { user, device, graphql, signIn } = await start(t)
    const { auth, events, token } = device()
    t.equal(await auth.signOut(), true, 'nobody was signed in')
    await auth.signIn(user)
    const ended = await token()
    t.equal(await auth.signOut(), true)
    t.match((await graphql(viewer, null, { token: String(ended) })).body.errors, [
      { extensions: { reason: 'REVOKED' } },
    ])

    await auth.signIn(user)
    await graphql('mutation { revokeOtherTokens { count } }', null, { token: await signIn(user) })
    t.equal(await auth.signOut(), true, 'it had ended before')

    await auth.signIn(user)
    const alive = await token()
    interceptFetch(t, () => Promise.reject(new TypeError('fetch failed')))
    t.equal(await auth.signOut(), false)
    t.equal(await auth.find(), null)
    t.ok((await graphql(viewer, null, { token: String(alive) })).body.data.viewer, 'which the answer tells')

    await auth.accept({ token: alive ?? '' })
    const missing = { message: '', extensions: { code: 'UNAUTHENTICATED', reason: 'MISSING' } }
    interceptFetch(t, () => Response.json({ errors: [missing] }))
    t.equal(await auth.signOut(), false, 'a proxy has taken the header away')
    t.same(events, Array(4).fill(['signed-in', 'signed-out SIGNED_OUT']).flat())
  },
)

t.test('a token from elsewhere is rotated with its first use', async (t) => {
  const { user, device, signIn, graphql } = await start(t)
  const { auth, events, query, token } = device()
  const given = await signIn(user)
  await auth.accept({ token: given })
  t.same(await auth.find(), { id: null, expiresAt: null })
  t.ok((await query(viewer)).data.viewer)
  await until(() => events.length === 2)
  t.same(events, ['signed-in', 'rotated'])
  t.not(await token(), given)
  t.match(await auth.find(), { id: String, expiresAt: Date })

  const { body } = await graphql(
    'mutation ($name: String!, $password: String!) { tokenAuth(username: $name, password: $password) { token tokenInfo { id createdAt expiresAt } } }',
    { name: user.username, password: user.password },
  )
  await auth.accept(body.data.tokenAuth)
  t.equal(await token(), body.data.tokenAuth.token)
  t.equal(events.at(-1), 'signed-in')
})

t.test(
  'a late answer to an older token ends nothing, and the operation is sent with the newer one',
  async (t) => {
    const { user, device, signIn } = await start(t)
    const { auth, events, query } = device()
    await auth.signIn(user)
    const first = await auth.authorize()
    await auth.signIn(user) // ends the one before
    const refusal = [{ message: '', extensions: { code: 'UNAUTHENTICATED', reason: 'REVOKED' } }]
    t.equal(await auth.shouldRetry(first, refusal), true)
    t.equal(await auth.shouldRetry(first, refusal, false), false, 'but not what cannot be repeated')
    t.equal(await auth.shouldRetry(first, [{ message: '' }]), false)
    t.ok((await query(viewer)).data.viewer)
    t.same(events, ['signed-in', 'signed-in'])
    t.ok(await signIn(user))

    const nobody = device()
    const anonymous = await nobody.auth.authorize()
    const missing = [{ message: '', extensions: { code: 'UNAUTHENTICATED', reason: 'MISSING' } }]
    t.equal(await nobody.auth.shouldRetry(anonymous, missing), false)
    await nobody.auth.signIn(user)
    t.equal(await nobody.auth.shouldRetry(anonymous, missing), true, 'somebody has signed in meanwhile')
  },
)

t.test('scheme and header are those of the server', async (t) => {
  const { user, device } = await start(t, { tokenSchemes: 'Bearer', tokenHeader: 'X-Token' })
  const { auth, query } = device({ scheme: 'Bearer', header: 'x-token' })
  await auth.signIn(user)
  t.match((await auth.authorize()).headers, { 'x-token': /^Bearer lk_/ })
  t.ok((await query(viewer)).data.viewer)
})

t.test('what a client sends by itself is valid, and known by name', async (t) => {
  const { graphql } = await start(t)
  t.match(Object.keys(authOperations), ['tokenAuth', 'rotateToken', 'revokeToken'])
  for (const [name, document] of Object.entries(authOperations)) {
    const { body } = await graphql(document, { username: 'nobody', password: 'no password' })
    t.match(body.errors, [{ extensions: { code: 'UNAUTHENTICATED' } }], name)
  }
})

t.test('errors are read by code and reason', async (t) => {
  t.equal(findRefusal([{ message: '', extensions: null }, { message: '' }]), null)
  t.equal(
    findRefusal([{ message: '', extensions: { code: 'UNAUTHENTICATED', reason: 'CREDENTIALS' } }]),
    null,
  )
  t.match(new AuthError({ message: 'No.' }), { message: 'No.', code: '', reason: '', extensions: {} })
})

t.test('Web Storage of a tab goes along with a duplicate, that of the origin is shared', async (t) => {
  t.equal(webStorage(sessionStorage).tabs, 'copied')
  const area = new Map<string, string>()
  const fake = {
    getItem: (key: string) => area.get(key) ?? null,
    setItem: (key: string, value: string) => void area.set(key, value),
    removeItem: (key: string) => void area.delete(key),
  }
  const { localStorage } = globalThis
  Object.defineProperty(globalThis, 'localStorage', { value: fake, configurable: true, writable: true })
  t.teardown(() => Object.assign(globalThis, { localStorage }))
  const storage = webStorage(fake, 'own key')
  t.equal(storage.tabs, 'shared')
  storage.set('text')
  t.same([...area], [['own key', 'text']])
  t.equal(storage.get(), 'text')
  storage.set(null)
  t.equal(storage.get(), null)
})
