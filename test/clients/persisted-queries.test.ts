import { createHash } from 'node:crypto'
import { ApolloClient, ApolloLink, gql, HttpLink, InMemoryCache } from '@apollo/client'
import { PersistedQueryLink } from '@apollo/client/link/persisted-queries'
import { Client, fetchExchange, gql as urqlGql } from '@urql/core'
import { persistedExchange } from '@urql/exchange-persisted'
import t, { type Test } from 'tap'
import type { SettingsInput } from '../../src/config.ts'
import { startApp } from '../support/app.ts'

const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex')

/** A request as the client sent it. */
interface Sent {
  method: string
  hasQuery: boolean
  hash: string | undefined
}

/** A client asks the same twice, as another one does that comes later; what went over the wire is noted. */
interface PersistingClient {
  ask(): Promise<unknown>
  mutate(): Promise<unknown>
}

const clients: [
  name: string,
  create: (url: string, byGet: boolean, note: typeof fetch) => PersistingClient,
][] = [
  ['Apollo Client', createApollo],
  ['urql', createUrql],
]

for (const [name, create] of clients) {
  t.test(
    `${name} names a document by its hash, and sends it where the server does not know it`,
    async (t) => {
      for (const byGet of [false, true]) {
        const { client, other, sent } = await start(t, create, byGet, {})
        t.equal(await client.ask(), 'latchkey')
        t.equal(await client.ask(), 'latchkey')
        t.equal(await other.ask(), 'latchkey', 'another client of the same document')
        const hash = sent[0]?.hash
        t.match(hash, /^[0-9a-f]{64}$/)
        t.match(sent[0], { method: byGet ? 'GET' : 'POST', hasQuery: false })
        t.match(sent[1], { hasQuery: true, hash }, 'it did not know the document')
        t.strictSame(
          sent.slice(2),
          [1, 2].map(() => ({ method: byGet ? 'GET' : 'POST', hasQuery: false, hash })),
          'and then it did',
        )
        t.match(await client.mutate(), 'UNAUTHENTICATED', 'a mutation is answered as always')
        t.equal(sent.at(-1)?.method, 'POST')
      }
    },
  )

  t.test(`${name} sends whole documents where the server keeps none`, async (t) => {
    const { client, sent } = await start(t, create, false, { persistedQueries: 'off' })
    t.equal(await client.ask(), 'latchkey')
    t.match(sent, [{ hasQuery: false }, { hasQuery: true }])
    t.equal(await client.ask(), 'latchkey')
    t.match(sent[2], { hasQuery: true, hash: undefined }, 'and no hash any more')
    t.equal(sent.length, 3)
  })
}

async function start(t: Test, create: (typeof clients)[number][1], byGet: boolean, settings: SettingsInput) {
  const app = await startApp(t, { listen: true, ...settings })
  const sent: Sent[] = []
  const note: typeof fetch = (input, init) => {
    const url = new URL(String(input))
    const method = init?.method ?? 'GET'
    const body = method === 'GET' ? Object.fromEntries(url.searchParams) : JSON.parse(String(init?.body))
    const extensions = typeof body.extensions === 'string' ? JSON.parse(body.extensions) : body.extensions
    sent.push({ method, hasQuery: Boolean(body.query), hash: extensions?.persistedQuery?.sha256Hash })
    return fetch(input, init)
  }
  const url = `${app.url}/graphql`
  return { client: create(url, byGet, note), other: create(url, byGet, note), sent }
}

function createApollo(uri: string, useGETForHashedQueries: boolean, note: typeof fetch): PersistingClient {
  const client = new ApolloClient({
    link: ApolloLink.from([
      new PersistedQueryLink({ sha256, useGETForHashedQueries }),
      new HttpLink({ uri, fetch: note }),
    ]),
    cache: new InMemoryCache(),
  })
  return {
    async ask() {
      const query = gql`query Server { serverInfo { name } }`
      const { data } = await client.query<{ serverInfo: { name: string } }>({
        query,
        fetchPolicy: 'no-cache',
      })
      return data?.serverInfo.name
    },
    async mutate() {
      const mutation = gql`mutation Out { revokeToken { revoked } }`
      const { error } = await client.mutate({ mutation, errorPolicy: 'all' })
      return JSON.stringify(error)
    },
  }
}

function createUrql(url: string, byGet: boolean, note: typeof fetch): PersistingClient {
  const client = new Client({
    url,
    fetch: note,
    preferGetMethod: byGet,
    exchanges: [
      persistedExchange({
        enforcePersistedQueries: false,
        enableForMutation: true,
        preferGetForPersistedQueries: byGet,
        generateHash: async (query) => sha256(query),
      }),
      fetchExchange,
    ],
  })
  return {
    async ask() {
      const query = urqlGql<{ serverInfo: { name: string } }>`query Server { serverInfo { name } }`
      const { data } = await client.query(query, {}, { requestPolicy: 'network-only' }).toPromise()
      return data?.serverInfo.name
    },
    async mutate() {
      const { error } = await client
        .mutation(urqlGql`mutation Out { revokeToken { revoked } }`, {})
        .toPromise()
      return JSON.stringify(error?.graphQLErrors.map(({ extensions }) => extensions))
    },
  }
}
