import { CombinedGraphQLErrors, gql } from '@apollo/client'
import t from 'tap'
import { createClient, signIn, signOut } from '../../examples/clients/apollo.ts'
import { createMemoryStore } from '../../examples/clients/token-store.ts'
import { startApp } from '../support/app.ts'
import { type ClientError, type Outcome, testClient } from './scenario.ts'

t.test('Apollo Client', (t) => {
  testClient(t, (options) => {
    const client = createClient(options)
    const past = { fetchPolicy: 'network-only', errorPolicy: 'all' } as const
    return {
      signIn: (request) => signIn(client, options.tokens, request),
      signOut: () => signOut(client, options.tokens),
      query: async (document) => toOutcome(await client.query({ query: gql(document), ...past })),
      mutate: async (document, variables) =>
        toOutcome(await client.mutate({ mutation: gql(document), variables, errorPolicy: 'all' })),
      errorsOf,
    }
  })

  t.test('forgets at sign-out what it has read', async (t) => {
    const { url, createUser } = await startApp(t, { listen: true })
    const [ada, grace] = [await createUser(), await createUser()]
    const tokens = createMemoryStore()
    const client = createClient({ url: `${url}/graphql`, tokens, onSignedOut: () => {} })
    const query = gql`{ viewer { id username } }`
    await signIn(client, tokens, ada)
    t.match(await client.query({ query }), { data: { viewer: { username: ada.username } } })
    await signOut(client, tokens)
    await signIn(client, tokens, grace)
    t.match(await client.query({ query }), { data: { viewer: { username: grace.username } } })
    t.notMatch(JSON.stringify(client.extract()), tokens.get(), 'a token is never in the cache')
  })

  t.end()
})

function toOutcome({ data, error }: { data?: unknown; error?: unknown }): Outcome {
  return { data, errors: error === undefined ? [] : errorsOf(error) }
}

function errorsOf(error: unknown): readonly ClientError[] {
  if (!CombinedGraphQLErrors.is(error)) throw error
  return error.errors
}
