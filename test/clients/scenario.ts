import type { Test } from 'tap'
import { createMemoryStore, type TokenStore } from '../../examples/clients/token-store.ts'
import { graphqlJson, startApp } from '../support/app.ts'

/** A GraphQL client as the scenario drives it, past its cache. */
export interface ClientUnderTest {
  signIn(request: {
    username: string
    password: string
    device?: { id?: string; name?: string; platform?: string }
  }): Promise<void>
  signOut(): Promise<void>
  query(document: string): Promise<Outcome>
  mutate(document: string, variables: object): Promise<Outcome>
  /** The errors of GraphQL that a rejected `signIn` or `signOut` carries; throws for any other rejection. */
  errorsOf(rejection: unknown): readonly ClientError[]
}

/** A GraphQL error as a client hands it on. */
export interface ClientError {
  message: string
  extensions?: Record<string, unknown>
}

/** What an operation came to; `errors` is empty where it succeeded. */
export interface Outcome {
  // The shape is the operation's; the scenario says what it expects of it.
  // biome-ignore lint/suspicious/noExplicitAny: see above
  data: any
  errors: readonly ClientError[]
}

export type CreateClient = (options: {
  url: string
  tokens: TokenStore
  onSignedOut: (reason: string) => void
}) => ClientUnderTest

const viewer = '{ viewer { username } }'
const devices = '{ viewer { tokens { totalCount nodes { id name current device { platform } } } } }'

/** What every client of ours has to get right, over real HTTP. */
export function testClient(t: Test, createClient: CreateClient): void {
  t.test('signs in, reads, is refused once its token is revoked, and signs in again', async (t) => {
    const { url, clock, createUser } = await startApp(t, { listen: true })
    const user = await createUser()
    const responses: Response[] = []
    interceptFetch(t, (response) => responses.push(response))
    const phone = device(url)
    const laptop = device(url)

    const anonymous = await phone.client.query(viewer)
    t.match(anonymous.errors, [{ extensions: { code: 'UNAUTHENTICATED', reason: 'MISSING' } }])
    t.equal(responses.at(-1)?.status, 401, 'GraphQL errors are seen beside an HTTP status')
    t.match(responses.at(-1)?.headers.get('content-type'), graphqlJson)

    await phone.client.signIn({ ...user, device: { id: 'p1', name: "Ada's phone", platform: 'ios' } })
    clock.now += 1000 // the list has the newest first
    await laptop.client.signIn({ ...user, device: { id: 'l1', name: 'Laptop', platform: 'web' } })
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
    t.same(phone.signedOut, ['REVOKED'])
    t.equal(phone.tokens.get(), null)

    await phone.client.signIn(user)
    t.equal((await phone.client.query(viewer)).data.viewer.username, user.username)

    const kept = phone.tokens.get()
    await phone.client.signOut()
    t.equal(phone.tokens.get(), null)
    phone.tokens.set(kept)
    t.match((await phone.client.query(viewer)).errors, [{ extensions: { reason: 'REVOKED' } }])
    t.same(laptop.signedOut, [], 'the other device stays signed in')
    t.equal((await laptop.client.query(viewer)).data.viewer.username, user.username)
  })

  t.test('tells a wrong password and a throttle by their codes, and keeps the token it has', async (t) => {
    const { url, clock, createUser } = await startApp(t, { listen: true, rateLimitAccountFailures: 1 })
    const user = await createUser()
    const { client, tokens, signedOut } = device(url)
    await client.signIn(user)
    const token = tokens.get()

    const wrong = await rejection(client.signIn({ ...user, password: 'not the password' }))
    t.match(client.errorsOf(wrong), [{ extensions: { code: 'UNAUTHENTICATED', reason: 'CREDENTIALS' } }])
    const throttled = await rejection(client.signIn(user))
    const [error] = client.errorsOf(throttled)
    t.match(error, { extensions: { code: 'RATE_LIMITED', reason: 'CREDENTIALS', retryAfter: Number } })
    t.equal(tokens.get(), token)
    t.same(signedOut, [])
    t.equal((await client.query(viewer)).data.viewer.username, user.username)

    clock.now += Number(error?.extensions?.retryAfter) * 1000
    await client.signIn(user)
    t.not(tokens.get(), token, 'waiting that long is enough')
  })

  t.test('drops its token for each reason that ends one', async (t) => {
    const { app, url, clock, createUser } = await startApp(t, { listen: true })
    const user = await createUser()
    const cases: [reason: string, end: (tokens: TokenStore) => unknown][] = [
      ['INVALID', (tokens) => tokens.set('lk_unknown')],
      ['MALFORMED', (tokens) => tokens.set('two words')],
      [
        'EXPIRED',
        () => {
          clock.now += 31 * 86_400_000
        },
      ],
      ['INACTIVE', () => app.latchkey.auth.setActive(user.id, false)],
    ]
    for (const [reason, end] of cases) {
      const { client, tokens, signedOut } = device(url)
      await client.signIn(user)
      await end(tokens)
      t.match((await client.query(viewer)).errors, [{ extensions: { code: 'UNAUTHENTICATED', reason } }])
      t.same(signedOut, [reason])
      t.equal(tokens.get(), null)
    }
  })

  t.test('does not let a late answer to an old token drop the new one', async (t) => {
    const { url, createUser } = await startApp(t, { listen: true })
    const user = await createUser()
    const { client, tokens, signedOut } = device(url)
    await client.signIn(user)
    const token = tokens.get()
    tokens.set('lk_unknown')
    interceptFetch(t, () => tokens.set(token)) // as a sign-in does that ends before the answer comes
    t.match((await client.query(viewer)).errors, [{ extensions: { reason: 'INVALID' } }])
    t.equal(tokens.get(), token)
    t.same(signedOut, [])
  })

  t.test('sees the errors of a request that is refused as a whole', async (t) => {
    const { url, createUser } = await startApp(t, {
      listen: true,
      staleTokens: 'strict',
      rateLimitRequests: 3,
    })
    const user = await createUser()
    const { client, tokens, signedOut } = device(url)
    tokens.set('lk_unknown')
    t.match((await client.query('{ serverInfo { name } }')).errors, [{ extensions: { reason: 'INVALID' } }])
    t.same(signedOut, ['INVALID'])

    await client.signIn(user)
    t.match((await client.query('{ nothing }')).errors, [
      { extensions: { code: 'GRAPHQL_VALIDATION_FAILED' } },
    ])
    for (let count = 0; count < 2; count++) t.ok((await client.query(viewer)).data.viewer)
    const limited = (await client.query(viewer)).errors
    t.match(limited, [{ extensions: { code: 'RATE_LIMITED', reason: 'REQUESTS', retryAfter: Number } }])
    t.not(tokens.get(), null)
  })

  function device(url: string): { client: ClientUnderTest; tokens: TokenStore; signedOut: string[] } {
    const tokens = createMemoryStore()
    const signedOut: string[] = []
    const client = createClient({
      url: `${url}/graphql`,
      tokens,
      onSignedOut: (reason) => signedOut.push(reason),
    })
    return { client, tokens, signedOut }
  }
}

/** Calls back with each response of `fetch`, before the client gets it. */
function interceptFetch(t: Test, callback: (response: Response) => void): void {
  const { fetch } = globalThis
  t.intercept(globalThis, 'fetch', {
    configurable: true,
    writable: true,
    value: async (...request: Parameters<typeof fetch>) => {
      const response = await fetch(...request)
      callback(response)
      return response
    },
  })
}

async function rejection(promise: Promise<unknown>): Promise<unknown> {
  try {
    await promise
  } catch (error) {
    return error
  }
  throw new Error('It did not fail.')
}
