import type { FastifyReply } from 'fastify'
import t from 'tap'
import { createExecutor } from '../../src/graphql/execute.ts'
import type { Operation } from '../../src/graphql/operations.ts'
import type { ExecutionResult } from '../../src/graphql/result.ts'
import { loadSchema } from '../../src/graphql/schema.ts'

const source = 'query ($a: Int!) { __typename }'
const operation: Operation = {
  kind: 'query',
  name: null,
  field: null,
  signsIn: false,
  defaulted: [],
  lists: null,
  source,
}

/** Runs an operation while Mercurius answers as given: in ways that its documents of today do not bring about. */
async function execute(answer: () => unknown): Promise<ExecutionResult> {
  const executor = createExecutor({
    schema: loadSchema(),
    findOperation: () => [],
    limits: { nodes: 2_000 },
    suggestions: true,
    rules: [],
    maxErrors: 10,
    findCompiled: () => null,
  })
  const reply = { graphql: async () => answer(), request: { id: 'r1' } } as unknown as FastifyReply
  return executor.execute(operation, null, {}, reply, () => undefined)
}

t.test('what Mercurius throws and is no refusal of the operation is thrown on', async (t) => {
  const fault = new Error('a fault')
  await t.rejects(
    execute(() => {
      throw fault
    }),
    fault,
  )
})

t.test('variables that are refused without data, or by an error, are named', async (t) => {
  const expected = { errors: [{ message: 'Variable "$a" of required type "Int!" was not provided.' }] }
  t.match(await execute(() => ({ errors: [{ message: 'Variable "$a" got invalid value' }] })), expected)
  t.match(
    await execute(() => {
      throw Object.assign(new Error(), {
        errors: [{ message: 'Variable "$a" of required type "Int!" was not provided.' }],
      })
    }),
    expected,
  )
})

t.test('an empty list of errors is left out', async (t) => {
  t.strictSame(await execute(() => ({ data: { a: 1 }, errors: [] })), { data: { a: 1 } })
})
