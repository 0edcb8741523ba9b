import {
  ApolloClient,
  ApolloLink,
  CombinedGraphQLErrors,
  gql,
  HttpLink,
  InMemoryCache,
  Observable,
} from '@apollo/client'
import t from 'tap'
import { createAuthLink } from '../../clients/apollo.ts'
import { createAuth } from '../../clients/client.ts'
import { type ClientError, type Outcome, testClient } from './scenario.ts'

t.test('Apollo Client', (t) => {
  testClient(t, (url, auth) => {
    const client = createClient(createAuthLink(auth), new HttpLink({ uri: url }))
    const past = { fetchPolicy: 'network-only', errorPolicy: 'all' } as const
    return {
      query: async (document) => toOutcome(await client.query({ query: gql(document), ...past })),
      mutate: async (document, variables = {}) =>
        toOutcome(await client.mutate({ mutation: gql(document), variables, errorPolicy: 'all' })),
    }
  })

  t.test('keeps what an operation has in its headers, and what follows a refusal in its order', async (t) => {
    const auth = createAuth({ url: 'http://127.0.0.1:1/graphql' })
    t.teardown(() => auth.close())
    await auth.accept({
      token: 'given',
      tokenInfo: { id: '1', createdAt: '2026-01-01T00:00:00.000Z', expiresAt: '2026-01-02T00:00:00.000Z' },
    })
    const headers: object[] = []
    const refusal = { message: 'No.', extensions: { code: 'UNAUTHENTICATED', reason: 'MISSING' } }
    const stream = new ApolloLink(
      (operation) =>
        new Observable((observer) => {
          headers.push(operation.getContext().headers ?? {})
          observer.next({ data: null, errors: [refusal] })
          observer.next({ data: { count: 2 } })
          observer.complete()
        }),
    )
    const client = createClient(createAuthLink(auth), stream)
    const seen: unknown[] = []
    const options = { query: gql`subscription { count }`, context: { headers: { 'x-own': '1' } } }
    await new Promise<void>((resolve) => {
      client.subscribe({ ...options, errorPolicy: 'all' }).subscribe({
        next: ({ data, error }) => seen.push(data ?? String(error)),
        complete: resolve,
      })
    })
    t.same(headers, [{ 'x-own': '1', authorization: 'Token given' }])
    t.same(seen, ['CombinedGraphQLErrors: No.', { count: 2 }])
  })

  t.test('does not send what nobody waits for any more', async (t) => {
    const read = Promise.withResolvers<null>()
    const auth = createAuth({
      url: 'http://127.0.0.1:1/graphql',
      storage: { get: () => read.promise, set: () => {} },
    })
    t.teardown(() => auth.close())
    let sent = 0
    const count = new ApolloLink(() => {
      sent += 1
      return new Observable(() => {})
    })
    const client = createClient(createAuthLink(auth), count)
    const subscribe = (name: string) =>
      client.subscribe({ query: gql(`subscription ${name} { count }`) }).subscribe({})
    const [gone] = [subscribe('Gone'), subscribe('Stays')]
    gone.unsubscribe()
    read.resolve(null)
    await new Promise((resolve) => setTimeout(resolve, 20))
    t.equal(sent, 1)
  })

  t.end()
})

function createClient(...links: ApolloLink[]): ApolloClient {
  return new ApolloClient({ link: ApolloLink.from(links), cache: new InMemoryCache() })
}

function toOutcome({ data, error }: { data?: unknown; error?: unknown }): Outcome {
  return { data, errors: error === undefined ? [] : errorsOf(error) }
}

function errorsOf(error: unknown): readonly ClientError[] {
  if (!CombinedGraphQLErrors.is(error)) throw error
  return error.errors
}
