import t from 'tap'
import { startApp } from '../support/app.ts'

t.test(
  'a context has values alone: a getter would give each its own hidden class, which keeps its request',
  async (t) => {
    const { graphql } = await startApp(t, {
      plugin: {
        schema: 'extend type Query { getters: [String!] @public, userAgent: String @public }',
        resolvers: {
          Query: {
            getters: (_parent: unknown, _args: unknown, context) =>
              Object.entries(Object.getOwnPropertyDescriptors(context))
                .filter(([, { get }]) => get !== undefined)
                .map(([name]) => name),
            userAgent: (_parent: unknown, _args: unknown, { origin }) => origin.userAgent,
          },
        },
      },
    })
    const { body } = await graphql('{ getters userAgent }', null, { headers: { 'user-agent': 'a \u00e4' } })
    t.strictSame(body, { data: { getters: [], userAgent: 'a ?' } })
  },
)
