import t, { type Test } from 'tap'
import { memoryStorage, type TokenStorage } from '../../clients/client.ts'
import { startApp } from '../support/app.ts'
import { createDevices, interceptFetch, sharedStorage, until } from './device.ts'

const viewer = '{ viewer { username } }'
const minute = 60_000

async function start(t: Test) {
  const server = await startApp(t, { listen: true, tokenTtl: '10m', tokenRenew: 'on' })
  const user = await server.createUser()
  const device = createDevices(t, server)
  const revokeAll = async () => {
    const token = await server.signIn(user)
    await server.graphql('mutation { revokeOtherTokens { count } }', null, { token })
  }
  return { ...server, user, device, revokeAll }
}

/** What came of a message that another tab was told. */
const settle = () => new Promise((resolve) => setTimeout(resolve, 50))

/** Counts the requests that rotate, and gives them time to meet. */
function countRotations(t: Test): { rotations: number } {
  const count = { rotations: 0 }
  interceptFetch(t, async (request) => {
    if ((await request.text()).includes('rotateToken')) count.rotations += 1
    return undefined
  })
  return count
}

t.test('tabs that share a storage share sign-in, one rotation and the end', async (t) => {
  const { user, device, clock, revokeAll } = await start(t)
  const storage = sharedStorage()
  const tabs = [device({ storage }), device({ storage }), device({ storage })] as const
  const [one, two, three] = tabs
  for (const { auth } of tabs) t.equal(await auth.find(), null)
  await one.auth.signIn(user)
  await until(() => tabs.every(({ events }) => events.length === 1))
  for (const { query } of tabs) t.equal((await query(viewer)).data.viewer.username, user.username)

  clock.now += 5 * minute
  const count = countRotations(t)
  const answers = await Promise.all(tabs.flatMap(({ query }) => [query(viewer), query(viewer)]))
  for (const { data } of answers) t.ok(data.viewer)
  await until(() => tabs.every(({ events }) => events.length === 2))
  t.equal(count.rotations, 1)
  clock.now += minute
  for (const { query } of tabs) t.ok((await query(viewer)).data.viewer, 'behind the grace of the rotation')

  await revokeAll()
  await Promise.all([two, two, three].map(({ query }) => query(viewer)))
  await settle()
  for (const { events } of tabs) t.same(events, ['signed-in', 'rotated', 'signed-out REVOKED'])

  await two.auth.signIn(user)
  await until(() => one.events.length === 4)
  await three.auth.signOut()
  await settle()
  for (const { events } of tabs) t.same(events.slice(3), ['signed-in', 'signed-out SIGNED_OUT'])
})

t.test('a tab that has not asked yet hears nothing, and finds what the others have', async (t) => {
  const { user, device } = await start(t)
  const storage = sharedStorage()
  const [one, idle] = [device({ storage }), device({ storage })]
  await one.auth.signIn(user)
  await settle()
  t.same(idle.events, [])
  t.same(await idle.auth.find(), await one.auth.find())
})

t.test('another user who signs in in one tab is a sign-in in the others', async (t) => {
  const { user, createUser, device } = await start(t)
  const storage = sharedStorage()
  const [one, two] = [device({ storage }), device({ storage })]
  const other = await createUser()
  await one.auth.signIn(user)
  await until(() => two.events.length === 0 && storage.text !== null)
  t.ok((await two.query(viewer)).data.viewer)
  await two.auth.signIn(other)
  await until(() => one.events.length === 2)
  t.same(one.events, ['signed-in', 'signed-in'])
  t.equal((await one.query(viewer)).data.viewer.username, other.username)
})

t.test('a duplicated tab, which has a copy of the token, is given the next one', async (t) => {
  const { user, device, clock, revokeAll } = await start(t)
  const original: TokenStorage = { ...memoryStorage(), tabs: 'copied' }
  const one = device({ storage: original })
  await one.auth.signIn(user)
  const copy: TokenStorage = { ...memoryStorage(), tabs: 'copied' }
  copy.set(await original.get())
  const two = device({ storage: copy })
  const stranger = device({ storage: { ...memoryStorage(), tabs: 'copied' } })
  t.ok((await two.query(viewer)).data.viewer)
  const count = countRotations(t)
  clock.now += 5 * minute
  await one.query(viewer)
  await until(() => two.events.includes('rotated'))
  t.equal(count.rotations, 1)
  clock.now += minute
  t.equal(await two.token(), await one.token())
  t.equal(await copy.get(), await original.get())
  t.ok((await two.query(viewer)).data.viewer, 'and does not show the one before when its grace is over')
  t.equal(await stranger.token(), undefined, 'a tab without that token takes no notice')

  await revokeAll()
  await one.query(viewer)
  await until(() => two.events.length === 2)
  t.same(two.events, ['rotated', 'signed-out REVOKED'])
  t.same(stranger.events, [])
})

t.test('tabs with tokens of their own are signed out by their user alone, and end them', async (t) => {
  const { user, device, graphql } = await start(t)
  const [one, two] = [device(), device()]
  await one.auth.signIn(user)
  await two.auth.signIn(user)
  const [first, second] = [await one.token(), await two.token()]
  t.not(first, second)
  await graphql('mutation { revokeToken { revoked } }', null, { token: String(first) })
  t.match((await one.query(viewer)).errors, [{ extensions: { reason: 'REVOKED' } }])
  await settle()
  t.same(two.events, ['signed-in'], 'that token was not theirs')

  await one.auth.signIn(user)
  await one.auth.signOut()
  await until(() => two.events.length === 2)
  t.same(two.events, ['signed-in', 'signed-out SIGNED_OUT'])
  await until(async () => {
    const { body } = await graphql(viewer, null, { token: String(second) })
    return body.errors?.[0].extensions.reason === 'REVOKED'
  })
})

t.test('a tab that cannot end its own token is signed out all the same', async (t) => {
  const { user, device } = await start(t)
  const [one, two] = [device(), device()]
  await one.auth.signIn(user)
  await two.auth.signIn(user)
  interceptFetch(t, () => Promise.reject(new TypeError('fetch failed')))
  t.equal(await one.auth.signOut(), false)
  await until(() => two.events.length === 2)
  t.same(two.events, ['signed-in', 'signed-out SIGNED_OUT'])
})

t.test('without tabs, locks and timeouts, as on a phone, the rest holds', async (t) => {
  const { user, device, clock, revokeAll } = await start(t)
  for (const name of ['BroadcastChannel', 'navigator'] as const) {
    t.intercept(globalThis, name, { value: undefined, configurable: true, writable: true })
  }
  t.intercept(AbortSignal, 'timeout', { value: undefined, configurable: true, writable: true })
  let stored: string | null = null
  const keychain: TokenStorage = {
    get: async () => stored,
    set: async (text) => {
      stored = text
    },
  }
  const first = device({ storage: keychain })
  await first.auth.signIn(user)
  const restarted = device({ storage: keychain })
  t.ok((await restarted.query(viewer)).data.viewer, 'the token is there after a restart')
  t.same(restarted.events, [], 'which is no event')
  clock.now += 5 * minute
  await Promise.all([restarted.query(viewer), restarted.query(viewer)])
  await until(() => restarted.events.includes('rotated'))
  t.match(stored, String(await restarted.token()))
  const storage = sharedStorage()
  const [one, two] = [device({ storage }), device({ storage })]
  await one.auth.signIn(user)
  t.ok((await two.query(viewer)).data.viewer)
  clock.now += 5 * minute
  await Promise.all([one.query(viewer), one.query(viewer)])
  await until(() => one.events.includes('rotated'))
  t.equal(await two.token(), await one.token())
  await revokeAll()
  await Promise.all([one.query(viewer), two.query(viewer)])
  t.same(one.events, ['signed-in', 'rotated', 'signed-out REVOKED'])
  t.same(two.events, ['rotated', 'signed-out REVOKED'])
})

t.test('what is read while it is written does not undo the writing', async (t) => {
  const { user, device } = await start(t)
  const read = Promise.withResolvers<string | null>()
  const { auth, events, query } = device({ storage: { get: () => read.promise, set: () => {} } })
  const early = query(viewer)
  const signedIn = auth.signIn(user)
  read.resolve(null)
  await signedIn
  await early
  t.ok((await query(viewer)).data.viewer)
  t.notOk(events.some((event) => event.startsWith('signed-out')))
})

t.test('a storage that does not take the token is told of, and offered it again', async (t) => {
  const { user, device, clock } = await start(t)
  let isFull = true
  const shared = sharedStorage()
  const storage: TokenStorage = {
    tabs: 'shared',
    get: () => shared.get(),
    async set(text) {
      if (isFull) throw new Error('full')
      shared.set(text)
    },
  }
  const { auth, events, query } = device({ storage })
  await auth.signIn(user)
  t.same(events, ['signed-in', 'not-stored Error: full'])
  t.ok((await query(viewer)).data.viewer, 'it is held in memory')
  t.equal(shared.text, null)
  clock.now += 5 * minute
  isFull = false
  await query(viewer)
  await until(() => events.includes('rotated'))
  t.ok(shared.text)
  t.equal(await device({ storage: shared }).token(), await device({ storage }).token())
})

t.test('a storage that cannot be read fails the operation, and tells the tab nothing else', async (t) => {
  const { user, device } = await start(t)
  const good = device()
  await good.auth.signIn(user)
  const storage: TokenStorage = {
    tabs: 'shared',
    get: () => Promise.reject(new Error('The keychain is locked.')),
    set: () => {},
  }
  const { query, events } = device({ storage })
  await t.rejects(query(viewer), { message: 'The keychain is locked.' })
  await good.auth.signOut()
  await settle()
  t.same(events, [])
})

t.test('a storage that holds something else holds no token', async (t) => {
  const { device } = await start(t)
  for (const text of ['{', '"text"', 'null', '{}']) {
    const { auth } = device({ storage: { get: () => text, set: () => {} } })
    t.equal(await auth.find(), null, text)
  }
})

t.test('who has left the group, or does not listen any more, hears nothing', async (t) => {
  const { user, device } = await start(t)
  const storage = sharedStorage()
  const [one, two] = [device({ storage }), device({ storage })]
  const heard: string[] = []
  const stop = one.auth.subscribe(({ kind }) => heard.push(kind))
  await one.auth.signIn(user)
  stop()
  two.auth.close()
  await one.auth.signOut()
  await settle()
  t.same(heard, ['signed-in'])
  t.equal(two.events.length, 0)
})
