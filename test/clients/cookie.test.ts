import t, { type Test } from 'tap'
import { cookieStorage, type WebStorageArea } from '../../clients/client.ts'
import { startApp } from '../support/app.ts'
import { actAsBrowser, createDevices, until } from './device.ts'

const viewer = '{ viewer { username } }'
const minute = 60_000

async function start(t: Test) {
  const server = await startApp(t, { listen: true, tokenTtl: '10m', tokenRenew: 'on' })
  const user = await server.createUser()
  const texts = new Map<string, string>()
  const area: WebStorageArea = {
    getItem: (key) => texts.get(key) ?? null,
    setItem: (key, value) => void texts.set(key, value),
    removeItem: (key) => void texts.delete(key),
  }
  const device = createDevices(t, server)
  const tab = () => device({ storage: cookieStorage(area) })
  return { ...server, user, texts, tab, browser: actAsBrowser(t) }
}

t.test('the token stays in the cookie, and tabs have sign-in, rotation and end in common', async (t) => {
  const { user, clock, texts, tab, browser } = await start(t)
  const [one, two] = [tab(), tab()]
  for (const { auth } of [one, two]) t.equal(await auth.find(), null)
  await one.auth.signIn(user)
  t.match(browser.cookie, /^lk_/)
  t.notMatch(JSON.stringify([...texts]), 'lk_')
  t.same(await one.auth.authorize(), {
    headers: {},
    credentials: 'include',
    key: (await one.auth.authorize()).key,
  })
  for (const { query } of [one, two]) t.equal((await query(viewer)).data.viewer.username, user.username)

  const first = browser.cookie
  clock.now += 5 * minute
  await Promise.all([one, two, one, two].map(({ query }) => query(viewer)))
  await until(() => [one, two].every(({ events }) => events.includes('rotated')))
  t.equal(browser.rotations, 1)
  t.not(browser.cookie, first)
  t.match(await two.auth.find(), { id: String, expiresAt: new Date(clock.now + 10 * minute) })

  t.equal(await two.auth.signOut(), true)
  t.equal(browser.cookie, '')
  await until(() => one.events.length === 3)
  for (const { events } of [one, two]) t.same(events, ['signed-in', 'rotated', 'signed-out SIGNED_OUT'])
})

t.test('a cookie that was dropped, or whose token was revoked, is the end of it in each tab', async (t) => {
  const { user, tab, browser, graphql, signIn } = await start(t)
  const [one, two] = [tab(), tab()]
  await two.auth.find()
  const ends: [reason: string, end: () => unknown][] = [
    [
      'MISSING',
      () => {
        browser.cookie = ''
      },
    ],
    [
      'REVOKED',
      async () => graphql('mutation { revokeOtherTokens { count } }', null, { token: await signIn(user) }),
    ],
  ]
  for (const [reason, end] of ends) {
    await one.auth.signIn(user)
    await end()
    t.match((await one.query(viewer)).errors, [{ extensions: { reason } }])
    await until(() => two.events.length === 2)
    for (const { events } of [one, two]) t.same(events.splice(0), ['signed-in', `signed-out ${reason}`])
  }
})

t.test('signing out needs the network, which alone can clear the cookie', async (t) => {
  const { user, tab, browser } = await start(t)
  const { auth, events, query } = tab()
  await auth.signIn(user)
  browser.isOnline = false
  await t.rejects(auth.signOut(), { message: 'fetch failed' })
  browser.isOnline = true
  t.ok((await query(viewer)).data.viewer, 'the user is still signed in')
  t.same(events, ['signed-in'])
})

t.test('who signed in without this client is taken over, or signed out', async (t) => {
  const { user, texts, tab, browser } = await start(t)
  await tab().auth.signIn(user)
  texts.clear()
  const { auth, events, query } = tab()
  t.equal(await auth.find(), null)
  t.ok((await query(viewer)).data.viewer, 'the browser sends the cookie all the same')
  await auth.accept({})
  await query(viewer)
  await until(() => events.includes('rotated'))
  t.match(await auth.find(), { id: String, expiresAt: Date })
  texts.clear()
  const other = tab()
  t.equal(await other.auth.signOut(), true)
  t.equal(browser.cookie, '')
  t.equal(await other.auth.signOut(), true, 'and there is nobody to sign out any more')
})
