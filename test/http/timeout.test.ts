import t from 'tap'
import { startApp } from '../support/app.ts'

t.test('an operation that hangs is given up, and others are not', async (t) => {
  const { graphql } = await startApp(t, {
    listen: true,
    queryTimeout: '200ms',
    plugin: {
      schema: 'extend type Query { never: String @public soon: String @public }',
      resolvers: { Query: { never: () => new Promise(() => {}), soon: async () => 'here' } },
    },
  })
  const [never, soon] = await Promise.all([graphql('{ never }'), graphql('{ soon }')])
  t.match(never, {
    status: 503,
    headers: { 'retry-after': '5' },
    body: { errors: [{ extensions: { code: 'SERVICE_UNAVAILABLE', reason: 'TIMEOUT', retryAfter: 5 } }] },
  })
  t.notOk('data' in never.body)
  t.strictSame(soon.body, { data: { soon: 'here' } })
})
