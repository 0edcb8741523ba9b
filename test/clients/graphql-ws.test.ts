import { createClient } from 'graphql-ws'
import t, { type Test } from 'tap'
import { cookieStorage } from '../../clients/client.ts'
import { socketOptions } from '../../clients/graphql-ws.ts'
import { startApp } from '../support/app.ts'
import { actAsBrowser, createDevices, type Device, until } from './device.ts'

const minute = 60_000
const changes = 'subscription { viewerTokensChanged { username } }'

async function start(t: Test) {
  const server = await startApp(t, { listen: true, tokenTtl: '10m', tokenRenew: 'on' })
  const user = await server.createUser()
  const device = createDevices(t, server)
  /** Subscribes as an application does; `events` has what came, or how it ended. */
  const subscribe = ({ auth }: Device) => {
    const opened: number[] = []
    const { on, ...options } = socketOptions(auth)
    const client = createClient({
      url: `${server.url.replace('http', 'ws')}/graphql`,
      ...options,
      retryWait: async () => {},
      on: {
        ...on,
        connected(socket) {
          opened.push(1)
          on.connected(socket)
        },
      },
    })
    t.teardown(() => client.dispose())
    const events: string[] = []
    client.subscribe(
      { query: changes },
      {
        next: () => events.push('event'),
        error: (error) => events.push(`${(error as CloseEvent).code} ${(error as CloseEvent).reason}`),
        complete: () => events.push('complete'),
      },
    )
    return { opened, events, client }
  }
  return { ...server, user, device, subscribe }
}

t.test('subscriptions outlive a rotation, and its grace, on the socket that they have', async (t) => {
  const { user, device, subscribe, clock } = await start(t)
  const tab = device()
  await tab.auth.signIn(user)
  const { events, opened } = subscribe(tab)
  await until(() => opened.length === 1)
  clock.now += 5 * minute
  await tab.query('{ viewer { username } }')
  await until(() => tab.events.includes('rotated'))
  await new Promise((resolve) => setTimeout(resolve, 100))
  clock.now += minute
  const id = (await tab.auth.find())?.id
  const renamed = await tab.query(`mutation { renameToken(id: "${id}", name: "new") { tokenInfo { name } } }`)
  t.equal(renamed.data.renameToken.tokenInfo.name, 'new')
  await until(() => events.length > 0)
  t.same(new Set(events), new Set(['event']))
  t.equal(opened.length, 1)
})

t.test('whoever signs in next has a socket of their own', async (t) => {
  const { user, createUser, device, subscribe, graphql } = await start(t)
  const tab = device()
  await tab.auth.signIn(user)
  const { client, events, opened } = subscribe(tab)
  await until(() => opened.length === 1)
  const grace = await createUser()
  await tab.auth.signIn(grace)
  await until(() => opened.length === 2)
  const { value } = await client.iterate({ query: '{ viewer { username } }' }).next()
  t.same(value, { data: { viewer: { username: grace.username } } })
  const before = events.length
  const signedInAnew = await graphql(
    'mutation ($u: String!, $p: String!) { tokenAuth(username: $u, password: $p) { user { id } } }',
    { u: user.username, p: user.password },
  )
  t.equal(signedInAnew.status, 200)
  await new Promise((resolve) => setTimeout(resolve, 300))
  t.equal(events.length, before, 'and hears nothing of the former user')
})

t.test('a token that is revoked elsewhere closes the socket, and signs out', async (t) => {
  const { user, device, subscribe, graphql, signIn } = await start(t)
  const tab = device()
  await tab.auth.signIn(user)
  const { events, opened } = subscribe(tab)
  await until(() => opened.length === 1)
  await graphql('mutation { revokeOtherTokens { count } }', null, { token: await signIn(user) })
  await until(() => tab.events.length === 2)
  t.same(tab.events, ['signed-in', 'signed-out REVOKED'])
  await until(() => events.includes('4401 REVOKED'))
  t.equal(opened.length, 1)
})

t.test('a socket that closes for another reason opens again, and signs nobody out', async (t) => {
  const { user, device, subscribe } = await start(t)
  const tab = device()
  await tab.auth.signIn(user)
  const { events, opened, client } = subscribe(tab)
  await until(() => opened.length === 1)
  client.terminate()
  await until(() => opened.length === 2)
  t.same(events, [])
  t.same(tab.events, ['signed-in'])
})

t.test('nobody signed in opens a socket without credentials', async (t) => {
  const { device } = await start(t)
  const { auth } = device()
  const { connectionParams, on } = socketOptions(auth)
  on.closed({ code: 4401, reason: 'REVOKED' })
  t.same(await connectionParams(), {})
  on.closed(new Error('no event'))
})

t.test('where a cookie has the token, a socket is given a ticket, or connects anew', async (t) => {
  const { user, device, clock } = await start(t)
  const browser = actAsBrowser(t)
  const texts = new Map<string, string>()
  const area = {
    getItem: (key: string) => texts.get(key) ?? null,
    setItem: (key: string, value: string) => void texts.set(key, value),
    removeItem: (key: string) => void texts.delete(key),
  }
  const { auth, events, query } = device({ storage: cookieStorage(area) })
  const { connectionParams, on } = socketOptions(auth)
  const said: string[] = []
  const socket = {
    readyState: 1,
    send: (message: string) => said.push(message),
    close: (code: number) => said.push(String(code)),
  }
  await auth.signIn(user)
  t.same(await connectionParams(), {}, 'the browser sends the cookie with the upgrade')
  on.connected(socket)
  clock.now += 5 * minute
  await query('{ viewer { username } }')
  await until(() => said.length === 1)
  t.match(JSON.parse(said[0] ?? ''), { type: 'ping', payload: { ticket: /./ } })

  clock.now += 5 * minute
  await query('{ viewer { username } }')
  auth.subscribe(() => {
    browser.isOnline = false // behind the rotation
  })
  await until(() => said.length === 2)
  t.same(said[1], '4205')
  t.same(events, ['signed-in', 'rotated', 'rotated'])

  on.closed({ code: 1006 })
  browser.isOnline = true
  clock.now += 5 * minute
  await query('{ viewer { username } }')
  await until(() => events.length === 4)
  t.equal(said.length, 2, 'nothing is said on a socket that has closed')
})
