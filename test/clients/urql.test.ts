import { Client, CombinedError, fetchExchange, gql, type OperationResult } from '@urql/core'
import t from 'tap'
import { createAuth } from '../../clients/client.ts'
import { authExchange } from '../../clients/urql.ts'
import { interceptFetch } from './device.ts'
import { type ClientError, type Outcome, testClient } from './scenario.ts'

t.test('urql', (t) => {
  testClient(t, (url, auth) => {
    const client = new Client({ url, exchanges: [authExchange(auth), fetchExchange], preferGetMethod: false })
    return {
      query: async (document) =>
        toOutcome(await client.query(gql(document), {}, { requestPolicy: 'network-only' })),
      mutate: async (document, variables = {}) => toOutcome(await client.mutation(gql(document), variables)),
    }
  })

  t.test('keeps the options of a request, and does not send what nobody waits for', async (t) => {
    const read = Promise.withResolvers<null>()
    const auth = createAuth({
      url: 'http://127.0.0.1:1/graphql',
      storage: { get: () => read.promise, set: () => {} },
    })
    t.teardown(() => auth.close())
    const requests: Request[] = []
    interceptFetch(t, (request) => {
      requests.push(request)
      return Response.json({ data: { count: 1 } })
    })
    const client = new Client({
      url: 'http://127.0.0.1:1/graphql',
      exchanges: [authExchange(auth), fetchExchange],
      preferGetMethod: false,
      fetchOptions: () => ({ headers: new Headers({ 'x-own': '1' }), credentials: 'omit' }),
    })
    const gone = client.query(gql`query Gone { count }`, {}).subscribe(() => {})
    gone.unsubscribe()
    const stays = client.query(gql`query Stays { count }`, {}).toPromise()
    read.resolve(null)
    t.same((await stays).data, { count: 1 })
    t.equal(requests.length, 1)
    t.match(await requests[0]?.text(), 'Stays')
    t.equal(requests[0]?.headers.get('x-own'), '1')
    t.equal(requests[0]?.credentials, 'omit')
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
