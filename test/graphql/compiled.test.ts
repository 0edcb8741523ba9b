import { setTimeout as sleep } from 'node:timers/promises'
import { buildSchema } from 'graphql'
import t from 'tap'
import { createCompiledOperations } from '../../src/graphql/compiled.ts'
import type { Operation } from '../../src/graphql/operations.ts'
import { startApp } from '../support/app.ts'

function operationOf(source: string): Operation {
  return { kind: 'query', name: null, signsIn: false, defaulted: [], lists: null, source, field: null }
}

t.test(
  'an operation is compiled once it has run so often, and answers at once where nothing is waited for',
  (t) => {
    const schema = buildSchema('type Query { a: Int }')
    const compiled = createCompiledOperations(schema, 2)
    const operation = operationOf('{ a }')
    compiled.ran(operation)
    t.equal(compiled.find(operation), null)
    compiled.ran(operation)
    const run = compiled.find(operation)
    t.strictSame(run?.({}, null), { data: { a: null } })
    compiled.ran(operation)
    t.equal(compiled.find(operation), run, 'and only once')
    t.end()
  },
)

t.test('with 0 nothing is compiled, nor is what cannot be', (t) => {
  const schema = buildSchema('type Query { a(with: Self): Int } input Self { again: Self, b: Int! = 1 }')
  for (const [afterRuns, source] of [
    [0, '{ a }'],
    [1, 'query ($with: Self) { a(with: $with) }'],
    [1, 'fragment Nothing on Query { a }'],
  ] as const) {
    const compiled = createCompiledOperations(schema, afterRuns)
    const operation = operationOf(source)
    for (let run = 0; run < 3; run++) compiled.ran(operation)
    t.equal(compiled.find(operation), null, source)
  }
  t.end()
})

t.test('variables are checked as for an operation that is not compiled', async (t) => {
  const compiled = createCompiledOperations(buildSchema('type Query { a(b: Int!): Int }'), 1)
  const operation = operationOf('query ($b: Int!) { a(b: $b) }')
  compiled.ran(operation)
  const run = compiled.find(operation)
  for (const variables of [null, {}, { b: 'x' }, { b: 1.5 }]) {
    const result = await run?.({}, variables)
    t.match(result, { errors: [{ message: /\$b/ }] })
    t.notOk(result && 'data' in result)
  }
  t.strictSame(await run?.({}, { b: 1 }), { data: { a: null } })
})

t.test('an operation answers the same before and after it was compiled', async (t) => {
  const { graphql } = await startApp(t, {
    plugin: {
      schema: 'extend type Query { now(after: Int! = 1): Int @public, late(after: Int!): Int @public }',
      resolvers: {
        Query: {
          now: (_parent: unknown, { after }: { after: number }) => after,
          late: async (_parent: unknown, { after }: { after: number }, context) => {
            await sleep(after)
            if (!('reply' in context && 'app' in context)) throw new Error('Mercurius gives both.')
            return after
          },
        },
      },
    },
  })
  const document = 'query ($after: Int!) { now(after: $after) late(after: $after) }'
  for (let run = 0; run < 12; run++) {
    t.strictSame((await graphql(document, { after: 2 })).body, { data: { now: 2, late: 2 } })
    const { body } = await graphql(document, { after: 'secret' })
    t.match(body, { errors: [{ extensions: { code: 'GRAPHQL_VALIDATION_FAILED' } }] })
    t.notMatch(JSON.stringify(body), 'secret')
  }
})

t.test('hooks of an application on Mercurius are called for each run', async (t) => {
  const { app, graphql } = await startApp(t)
  let calls = 0
  app.graphql.addHook('preExecution', async () => {
    calls++
  })
  for (let run = 0; run < 12; run++) await graphql('{ serverInfo { name } }')
  t.equal(calls, 12)
})
