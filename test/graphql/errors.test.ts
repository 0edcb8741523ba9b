import { GraphQLError, Kind } from 'graphql'
import t from 'tap'
import { badInput, LatchkeyError } from '../../src/errors.ts'
import {
  describeVariables,
  formatRequestError,
  formatResolverError,
  isAboutVariables,
  withoutRepeats,
} from '../../src/graphql/errors.ts'
import { loadSchema, type Resolver } from '../../src/graphql/schema.ts'
import { startApp } from '../support/app.ts'

/** An error as graphql-js hands it over when a resolver has thrown `thrown`. */
function located(thrown: unknown): GraphQLError {
  const originalError = thrown instanceof Error ? thrown : new Error(`Unexpected error value: ${thrown}`)
  return new GraphQLError(originalError.message, { originalError, path: ['field'] })
}

t.test('an error that was meant keeps its words; all else is masked and reported', (t) => {
  const cause = new Error('the cause')
  const masked = {
    message: 'Internal server error.',
    extensions: { code: 'INTERNAL_SERVER_ERROR', requestId: 'r1' },
  }
  const meant = badInput('name', 'SHORT', 'Too short.')
  const withCause = new LatchkeyError('SERVICE_UNAVAILABLE', 'Away.', {}, { cause })
  const coded = new GraphQLError('Mine.', { extensions: { code: 'TEAPOT', more: 1 } })
  const plain = new Error('secret')
  const uncoded = new GraphQLError('secret')
  const oddly = Object.assign(new Error('secret'), { extensions: { code: 500 } })
  const nulled = Object.assign(new Error('secret'), { extensions: null })
  const rows: [name: string, thrown: unknown, shown: object, reported: unknown[]][] = [
    [
      'ours',
      meant,
      { message: 'Too short.', extensions: { code: 'BAD_USER_INPUT', reason: 'SHORT', field: 'name' } },
      [],
    ],
    [
      'ours with a cause',
      withCause,
      { message: 'Away.', extensions: { code: 'SERVICE_UNAVAILABLE' } },
      [cause],
    ],
    ['ours inside another', located(meant), { extensions: { code: 'BAD_USER_INPUT' } }, []],
    [
      "an application's with a code",
      coded,
      { message: 'Mine.', extensions: { code: 'TEAPOT', more: 1 } },
      [],
    ],
    ['one without a code', uncoded, masked, [uncoded]],
    ['any other', plain, masked, [plain]],
    ['one with a code that is no text', oddly, masked, [oddly]],
    ['one with no extensions', nulled, masked, [nulled]],
  ]
  for (const [name, thrown, shown, reported] of rows) {
    const reports: unknown[] = []
    const formatted = formatResolverError(located(thrown), 'r1', (error) => reports.push(error))
    t.match(formatted, { ...shown, path: ['field'] }, name)
    t.strictSame(reports, reported, name)
    t.notMatch(JSON.stringify(formatted), 'secret', name)
  }
  const reports: unknown[] = []
  t.match(
    formatResolverError(located('a string'), 'r1', (error) => reports.push(error)),
    masked,
  )
  t.equal(reports.length, 1)
  t.strictSame(
    formatResolverError({ message: 'secret' }, 'r1', (error) => reports.push(error)),
    masked,
    'one with neither place nor origin',
  )
  t.end()
})

t.test('a refusal before anything ran hides literals, and suggestions unless they are on', (t) => {
  const literal = { kind: Kind.STRING, value: 'hunter2' } as const
  const rows: [error: Error, hidden: string, shown: string][] = [
    [
      new GraphQLError('Cannot query field "a". Did you mean "b" or "c"?'),
      'Cannot query field "a".',
      'Cannot query field "a". Did you mean "b" or "c"?',
    ],
    [
      new GraphQLError('Expected value of type "T", found "hunter2".', { nodes: [literal] }),
      'Expected value of type "T".',
      'Expected value of type "T".',
    ],
    [
      new GraphQLError('Int cannot represent: "hunter2"', { nodes: [literal] }),
      'Int cannot represent.',
      'Int cannot represent.',
    ],
    [
      new GraphQLError('Value "hunter2" does not exist in "E" enum. Did you mean "F"?', { nodes: [literal] }),
      'Value does not exist in "E" enum.',
      'Value does not exist in "E" enum. Did you mean "F"?',
    ],
    [new LatchkeyError('GRAPHQL_PARSE_FAILED', 'Syntax error.'), 'Syntax error.', 'Syntax error.'],
  ]
  for (const [error, hidden, shown] of rows) {
    t.equal(formatRequestError(error, { suggestions: false }).message, hidden)
    t.equal(formatRequestError(error, { suggestions: true }).message, shown)
  }
  t.end()
})

t.test('repeats are told once', (t) => {
  const messages = [
    'a',
    'Unknown directive "@a".',
    'a',
    'Unknown directive "@b".',
    'b',
    'Too many validation errors, error limit reached.',
  ]
  t.strictSame(
    withoutRepeats(messages.map((message) => ({ message }))).map(({ message }) => message),
    ['a', 'Unknown directive "@a".', 'b'],
  )
  t.end()
})

t.test('refusals of values are told from refusals of the document', (t) => {
  const rows: [string, boolean][] = [
    ['Variable "$a" got invalid value 1; String cannot represent', true],
    ['Variable "$a" of required type "Int!" was not provided.', true],
    ['Variable "$a" of non-null type "Int!" must not be null.', true],
    ['Variable "$a" of type "Int" used in position expecting type "String".', false],
    ['Variable "$a" is never used.', false],
    ['Variable "$a" is not defined.', false],
    ['Variable "$a" cannot be non-input type "User".', false],
  ]
  for (const [message, expected] of rows) t.equal(isAboutVariables({ message }), expected, message)
  t.end()
})

t.test('variables that fit after all are refused in general words', (t) => {
  const schema = loadSchema()
  const general = [
    { message: 'The variables do not fit the operation.', extensions: { code: 'GRAPHQL_VALIDATION_FAILED' } },
  ]
  for (const [source, variables] of [
    ['{ __typename }', {}],
    ['query ($a: Int, $b: Int! = 1) { __typename }', {}],
    ['query ($a: Int) { __typename }', { a: null }],
    ['query ($a: Int) { __typename }', { a: 1, b: 'hunter2' }],
    ['query ($a: Nothing) { __typename }', { a: 'hunter2' }],
    ['fragment A on Query { __typename }', {}],
  ] as const) {
    t.strictSame(describeVariables(schema, source, variables), general, source)
  }
  t.match(
    describeVariables(schema, 'query ($a: [[Int!]!]) { __typename }', { a: [[1], [2, 'hunter2']] }),
    [{ message: 'Variable "$a" got an invalid value at "a[1][1]"; expected "[[Int!]!]".' }],
    'where in a list',
  )
  t.end()
})

t.test('an answer that no JSON can say is an internal error', async (t) => {
  const { graphql } = await startApp(t, {
    plugin: {
      schema: 'extend type Query { odd: String @public }',
      resolvers: {
        Query: {
          odd: () => {
            throw Object.assign(new Error('odd'), { extensions: { code: 'ODD', count: 1n } })
          },
        },
      },
    },
  })
  const { status, headers, body } = await graphql('{ odd }')
  t.equal(status, 500)
  t.strictSame(body, {
    errors: [
      {
        message: 'Internal server error.',
        extensions: { code: 'INTERNAL_SERVER_ERROR', requestId: headers['x-request-id'] },
      },
    ],
  })
})

t.test('a copy of the context knows where the request comes from', async (t) => {
  const { graphql } = await startApp(t, {
    plugin: {
      schema: 'extend type Query { address: String @public }',
      resolvers: {
        Query: { address: ((_parent, _args, context) => ({ ...context }).origin.address) as Resolver },
      },
    },
  })
  t.strictSame((await graphql('{ address }')).body, { data: { address: '127.0.0.1' } })
})

t.test('what a hook of Mercurius throws is masked, be it an error or not', async (t) => {
  for (const thrown of [new Error('secret'), 'secret']) {
    const { app, graphql } = await startApp(t)
    app.graphql.addHook('preExecution', async () => {
      throw thrown
    })
    t.match(await graphql('{ serverInfo { name } }'), {
      status: 500,
      body: { errors: [{ message: 'Internal server error.' }] },
    })
  }
})
