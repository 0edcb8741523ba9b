import t from 'tap'
import { startApp } from '../support/app.ts'

const schema = `
  input Where { name: String = "any", and: [Where!], not: Where }
  input Page { first: Int! = 20, after: String }
  input Listing { page: Page }
  input Wide { a: Leaves, b: [Leaves!], c: Leaves }
  input Leaves { ${Array.from({ length: 200 }, (_, index) => `x${index}: Int`).join(' ')} }
  input Plain { name: String! page: Int = 1 }
  extend type Query {
    find(where: Where): String @public
    page(page: Page): String @public
    listing(listing: [Listing!]!): String @public
    wide(wide: Wide): String @public
    plain(plain: Plain): String @public
  }
`
const say = (_parent: unknown, given: object): string => JSON.stringify(given)
const plugin = {
  schema,
  resolvers: { Query: { find: say, page: say, listing: say, wide: say, plain: say } },
}

t.test('an input type that holds itself does not keep the server busy for ever', async (t) => {
  const { graphql } = await startApp(t, { plugin, queryJit: 1 })
  const where = { and: [{ name: 'a' }, { not: { name: null, and: [] } }] }
  for (let turn = 0; turn < 5; turn++) {
    const { body } = await graphql('query ($where: Where) { find(where: $where) }', { where })
    t.strictSame(JSON.parse(body.data.find), {
      where: { name: 'any', and: [{ name: 'a' }, { name: 'any', not: { name: null, and: [] } }] },
    })
  }
})

t.test('fields that have a default may be left out, however often', async (t) => {
  const { graphql } = await startApp(t, { plugin, queryJit: 1 })
  const rows: [query: string, variables: object, got: object][] = [
    [
      'query ($page: Page) { got: page(page: $page) }',
      { page: { after: 'x' } },
      { page: { first: 20, after: 'x' } },
    ],
    [
      'query ($listing: [Listing!]!) { got: listing(listing: $listing) }',
      { listing: [{ page: {} }] },
      { listing: [{ page: { first: 20 } }] },
    ],
    [
      'query ($wide: Wide) { got: wide(wide: $wide) }',
      { wide: { a: { x7: 1 } } },
      { wide: { a: { x7: 1 } } },
    ],
    [
      'query ($plain: Plain) { got: plain(plain: $plain) }',
      { plain: { name: 'x' } },
      { plain: { name: 'x', page: 1 } },
    ],
  ]
  for (const [query, variables, got] of rows) {
    for (let turn = 0; turn < 5; turn++) {
      t.strictSame(JSON.parse((await graphql(query, variables)).body.data?.got ?? null), got, query)
    }
    const { status } = await graphql(query, { [Object.keys(variables)[0] ?? '']: 'a text' })
    t.equal(status, 400, 'what does not fit is refused')
  }
})
