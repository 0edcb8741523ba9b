import type { Test } from 'tap'
import type { Auth } from '../../clients/client.ts'
import { graphqlJson, startApp } from '../support/app.ts'
import { secret } from '../support/log.ts'
import { createDevices, type Device, interceptFetch, until } from './device.ts'

/** A GraphQL client as the scenario drives it, past its cache. */
export interface ClientUnderTest {
  query(document: string): Promise<Outcome>
  mutate(document: string, variables?: object): Promise<Outcome>
}

/** A GraphQL error as a client hands it on. */
export interface ClientError {
  message: string
  extensions?: Record<string, unknown>
}

/** What an operation came to; `errors` is empty where it succeeded. Rejects where nothing was answered. */
export interface Outcome {
  // The shape is the operation's; the scenario says what it expects of it.
  // biome-ignore lint/suspicious/noExplicitAny: see above
  data: any
  errors: readonly ClientError[]
}

export type CreateClient = (url: string, auth: Auth) => ClientUnderTest

const viewer = '{ viewer { username } }'
const devices = '{ viewer { tokens { totalCount nodes { id name current device { platform } } } } }'
const minute = 60_000

/** What each of the links and exchanges has to get right, over real HTTP. */
export function testClient(t: Test, createClient: CreateClient): void {
  async function start(t: Test, settings: object = {}) {
    const server = await startApp(t, { listen: true, tokenTtl: '10m', tokenRenew: 'on', ...settings })
    const device = createDevices(t, server)
    const create = (...options: Parameters<typeof device>): Device & { client: ClientUnderTest } => {
      const made = device(...options)
      return { ...made, client: createClient(`${server.url}/graphql`, made.auth) }
    }
    return { ...server, user: await server.createUser(), device: create }
  }

  t.test('signs in, reads, is refused once its token is revoked, and signs in again', async (t) => {
    const { user, device, clock } = await start(t)
    const responses: Response[] = []
    const { fetch } = globalThis
    interceptFetch(t, async (request) => {
      const response = await fetch(request)
      responses.push(response)
      return response
    })
    const [phone, laptop] = [device(), device()]

    const anonymous = await phone.client.query(viewer)
    t.match(anonymous.errors, [{ extensions: { code: 'UNAUTHENTICATED', reason: 'MISSING' } }])
    t.equal(responses.at(-1)?.status, 401, 'GraphQL errors are seen beside an HTTP status')
    t.match(responses.at(-1)?.headers.get('content-type'), graphqlJson)

    await phone.auth.signIn({ ...user, device: { id: 'p1', name: "Ada's phone", platform: 'ios' } })
    clock.now += 1000 // the list has the newest first
    await laptop.auth.signIn({ ...user, device: { id: 'l1', name: 'Laptop', platform: 'web' } })
    t.same((await phone.client.query(viewer)).data.viewer.username, user.username)
    const listed = (await phone.client.query(devices)).data.viewer.tokens
    t.match(listed, {
      totalCount: 2,
      nodes: [
        { name: 'Laptop', current: false, device: { platform: 'web' } },
        { name: "Ada's phone", current: true, device: { platform: 'ios' } },
      ],
    })

    const revoke = 'mutation ($id: ID) { revokeToken(id: $id) { revoked } }'
    const ended = await laptop.client.mutate(revoke, { id: listed.nodes[1].id })
    t.equal(ended.data.revokeToken.revoked, true)
    const refused = await phone.client.query(viewer)
    t.match(refused.errors, [{ extensions: { code: 'UNAUTHENTICATED', reason: 'REVOKED' } }])
    t.equal(responses.at(-1)?.status, 401)
    t.same(phone.events, ['signed-in', 'signed-out REVOKED'])

    await phone.auth.signIn(user)
    t.equal((await phone.client.query(viewer)).data.viewer.username, user.username)
    t.same(laptop.events, ['signed-in'], 'the other device stays signed in')
  })

  t.test('answers 20 queries while the token is rotated once', async (t) => {
    const { user, device, clock } = await start(t)
    const { auth, client, events, token } = device()
    await auth.signIn(user)
    const before = await token()
    clock.now += 5 * minute
    let rotations = 0
    interceptFetch(t, async (request) => {
      if ((await request.text()).includes('rotateToken')) rotations += 1
      return undefined
    })
    const fields = Array.from({ length: 20 }, (_, index) => `query Q${index} ${viewer}`)
    for (const { data } of await Promise.all(fields.map((query) => client.query(query)))) {
      t.equal(data.viewer.username, user.username)
    }
    await until(() => events.includes('rotated'))
    t.equal(rotations, 1)
    t.not(await token(), before)
  })

  t.test('asks once for credentials when 20 queries meet the end of the token', async (t) => {
    const { user, device, clock } = await start(t, { tokenRenew: 'off' })
    const asked: string[] = []
    const { auth, client } = device({
      askCredentials: async (reason) => {
        asked.push(reason)
        return user
      },
      clock: () => 0, // it does not see the end coming
    })
    await auth.signIn(user)
    clock.now += 10 * minute
    const queries = Array.from({ length: 20 }, (_, index) => `query Q${index} ${viewer}`)
    for (const { data } of await Promise.all(queries.map((query) => client.query(query)))) {
      t.equal(data?.viewer?.username, user.username)
    }
    t.same(asked, ['EXPIRED'])
    const rename = 'mutation { renameToken(id: "none", name: "new") { tokenInfo { id } } }'
    clock.now += 10 * minute
    t.match((await client.mutate(rename)).errors, [{ extensions: { code: /NOT_FOUND|BAD_USER_INPUT/ } }])
    t.same(asked, ['EXPIRED', 'EXPIRED'], 'a mutation that was refused is sent again')
  })

  t.test('sends once more at the most, and nothing that ran in part', async (t) => {
    const { user, device, clock } = await start(t, { tokenRenew: 'off' })
    const { auth, client } = device({ askCredentials: async () => user, clock: () => 0 })
    const sent: string[] = []
    interceptFetch(t, async (request) => {
      const body = await request.text()
      if (body.includes('Latchkey')) return undefined
      sent.push(body)
      if (!body.includes('Hopeless')) return undefined
      const refusal = { message: 'No.', extensions: { code: 'UNAUTHENTICATED', reason: 'EXPIRED' } }
      return Response.json({ data: null, errors: [refusal] })
    })
    await auth.signIn(user)
    t.match((await client.query(`query Hopeless ${viewer}`)).errors, [{ message: 'No.' }])
    t.equal(sent.length, 2)

    clock.now += 10 * minute
    sent.length = 0
    const both =
      'mutation ($token: String!) { reportLeakedToken(token: $token) { received } revokeToken { revoked } }'
    const { data, errors } = await client.mutate(both, { token: secret(`lk_${'0'.repeat(49)}`) })
    t.match(data, { reportLeakedToken: { received: true }, revokeToken: null })
    t.match(errors, [{ extensions: { reason: 'EXPIRED' } }])
    t.equal(sent.length, 1)
    t.ok((await client.query(viewer)).data.viewer, 'the next operation has the new token')
  })

  t.test('hands on what is no refusal of the token, and what the network says', async (t) => {
    const { user, device } = await start(t, { rateLimitRequests: 3, staleTokens: 'strict' })
    const { auth, client, events } = device()
    await auth.accept({ token: 'two words' })
    t.match((await client.query('{ serverInfo { name } }')).errors, [{ extensions: { reason: 'MALFORMED' } }])
    await auth.signIn(user)
    t.match((await client.query('{ nothing }')).errors, [
      { extensions: { code: 'GRAPHQL_VALIDATION_FAILED' } },
    ])
    for (let count = 0; count < 2; count++) t.ok((await client.query(viewer)).data.viewer)
    const limited = (await client.query(viewer)).errors
    t.match(limited, [{ extensions: { code: 'RATE_LIMITED', reason: 'REQUESTS', retryAfter: Number } }])
    interceptFetch(t, () => Promise.reject(new TypeError('fetch failed')))
    await t.rejects(client.query(viewer))
    t.same(events, ['signed-in', 'signed-out MALFORMED', 'signed-in'])
  })

  t.test('fails an operation whose token cannot be read', async (t) => {
    const { device } = await start(t)
    const { client } = device({
      storage: { get: () => Promise.reject(new Error('The keychain is locked.')), set: () => {} },
    })
    await t.rejects(client.query(viewer), /keychain is locked/)
  })
}
