import { ApolloClient, gql, InMemoryCache } from '@apollo/client'
import { GraphQLWsLink } from '@apollo/client/link/subscriptions'
import { Client, fetchExchange, subscriptionExchange } from '@urql/core'
import { createClient, type SubscribePayload } from 'graphql-ws'
import t from 'tap'
import { WebSocket } from 'ws'
import { startApp } from '../support/app.ts'

const document = 'subscription { viewerTokensChanged { tokens { nodes { name } } } }'

/** How a client subscribes: `next` hears answers, and what is thrown is how the socket closed. */
type Subscribe = (client: ReturnType<typeof createClient>, next: (data: unknown) => void) => Promise<void>

const clients: [name: string, subscribe: Subscribe][] = [
  [
    'graphql-ws',
    async (client, next) => {
      for await (const result of client.iterate({ query: document })) next(result)
    },
  ],
  [
    'Apollo Client',
    (client, next) =>
      new Promise((resolve, reject) => {
        const apollo = new ApolloClient({ link: new GraphQLWsLink(client), cache: new InMemoryCache() })
        apollo.subscribe({ query: gql(document), fetchPolicy: 'no-cache' }).subscribe({
          next: ({ data, error }) => (error ? reject(error) : next(data)),
          error: reject,
          complete: resolve,
        })
      }),
  ],
  [
    'urql',
    (client, next) =>
      new Promise((resolve, reject) => {
        const urql = new Client({
          url: 'http://localhost/',
          preferGetMethod: false,
          exchanges: [
            subscriptionExchange({
              forwardSubscription: (request) => ({
                subscribe: (sink) => ({
                  unsubscribe: client.subscribe(
                    request as SubscribePayload,
                    sink as Parameters<typeof client.subscribe>[1],
                  ),
                }),
              }),
            }),
            fetchExchange,
          ],
        })
        urql.subscription(document, {}).subscribe((result) => {
          if (result.error) reject(result.error)
          else if (result.data) next(result.data)
          else resolve()
        })
      }),
  ],
]

for (const [name, subscribe] of clients) {
  t.test(`${name} is cut by a revocation from another device, signs in and resumes`, async (t) => {
    const { url, createUser, signIn, graphql } = await startApp(t, { listen: true })
    const ada = await createUser()
    let token = await signIn(ada, { name: 'laptop' })
    const closes: string[] = []
    let wake = (): void => {}
    const client = createClient({
      url: `${url.replace('http', 'ws')}/graphql`,
      webSocketImpl: WebSocket,
      connectionParams: () => ({ authorization: `Token ${token}` }),
      on: {
        connected: () => wake(),
        closed: (event) => {
          const { code, reason } = event as CloseEvent
          closes.push(`${code} ${reason}`)
          wake()
        },
      },
    })
    t.teardown(() => client.dispose())
    const seen: string[] = []
    const start = (): Promise<unknown> =>
      subscribe(client, (data) => {
        seen.push(JSON.stringify(data))
        wake()
      }).then(
        () => null,
        (error) => error,
      )
    const until = async (isSo: () => boolean): Promise<void> => {
      while (!isSo()) {
        await new Promise<void>((resolve) => {
          wake = resolve
        })
      }
    }
    /** Signs in until the subscription has told of it: it may have begun a moment later. */
    const hear = async (device: string): Promise<string> => {
      for (;;) {
        const other = await signIn(ada, { name: device })
        const isHeard = () => seen.some((text) => text.includes(device))
        const late = setTimeout(() => wake(), 500)
        await new Promise<void>((resolve) => {
          if (isHeard()) return resolve()
          wake = resolve
        })
        clearTimeout(late)
        if (isHeard()) return other
      }
    }
    const first = start()
    const phone = await hear('phone')
    await graphql('mutation { revokeOtherTokens { count } }', null, { token: phone })
    await until(() => closes.length > 0)
    t.strictSame(closes, ['4401 REVOKED'])
    t.ok(await first, 'the subscription ends with an error')
    token = await signIn(ada)
    void start()
    await hear('tablet')
    t.equal(closes.length, 1, 'and the new one goes on')
  })
}
