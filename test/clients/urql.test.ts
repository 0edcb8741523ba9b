import { CombinedError, gql, type OperationResult } from '@urql/core'
import t from 'tap'
import { createClient, signIn, signOut } from '../../examples/clients/urql.ts'
import { type ClientError, type Outcome, testClient } from './scenario.ts'

t.test('urql', (t) => {
  testClient(t, (options) => {
    const client = createClient(options)
    return {
      signIn: (request) => signIn(client, options.tokens, request),
      signOut: () => signOut(client, options.tokens),
      query: async (document) =>
        toOutcome(await client.query(gql(document), {}, { requestPolicy: 'network-only' })),
      mutate: async (document, variables) => toOutcome(await client.mutation(gql(document), variables)),
      errorsOf,
    }
  })
  t.end()
})

function toOutcome({ data, error }: OperationResult): Outcome {
  return { data, errors: error === undefined ? [] : errorsOf(error) }
}

function errorsOf(error: unknown): readonly ClientError[] {
  if (!(error instanceof CombinedError) || error.networkError) throw error
  return error.graphQLErrors
}
