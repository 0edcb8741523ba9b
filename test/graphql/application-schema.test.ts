import { GraphQLError, GraphQLScalarType } from 'graphql'
import mercurius from 'mercurius'
import t from 'tap'
import { LatchkeyError, type LatchkeyOptions, type ResolverMap, requireUser } from '../../src/index.ts'
import { password } from '../support/app.ts'
import { startHost } from '../support/host.ts'
import { logLines, secret } from '../support/log.ts'

const { ErrorWithProps } = mercurius

secret(password)

t.test('the application does not start with a schema that breaks a rule, and is told each', async (t) => {
  const rules = (...lines: string[]) =>
    `The schema breaks ${lines.length} rule(s):\n${lines.map((line) => `  - ${line}`).join('\n')}`
  const cases: [what: string, options: LatchkeyOptions, message: string | RegExp][] = [
    [
      'root fields with neither directive',
      {
        schema: [
          'extend type Query { notes: Int, open: Int @public }',
          'extend type Mutation { add: Int }',
          'extend type Subscription { added: Int }',
        ],
      },
      rules(
        'Query.notes: a root field needs @auth or @public; add one of them.',
        'Subscription.added: a root field needs @auth or @public; add one of them.',
        'Mutation.add: a root field needs @auth or @public; add one of them.',
      ),
    ],
    [
      'a subscription that nothing feeds',
      {
        schema: 'extend type Subscription { added: Int @public }',
        resolvers: { Subscription: { added: {} } },
      },
      rules('Subscription.added: a resolver { subscribe } is needed, which returns an async iterable.'),
    ],
    [
      'both directives',
      {
        schema:
          'extend type Query { note: Note @auth @public } type Note @auth @public { text: Int @public @auth }',
      },
      rules(
        'Query.note: @auth and @public contradict each other; keep one.',
        'Note: @auth and @public contradict each other; keep one.',
        'Note.text: @auth and @public contradict each other; keep one.',
      ),
    ],
    [
      "a directive on an interface's field",
      {
        schema:
          'interface Node { id: ID @auth, name: Int @public } type Note implements Node { id: ID, name: Int }',
      },
      rules(
        "Node.id: a directive on an interface's field protects nothing; put it on the object types that implement Node.",
        "Node.name: a directive on an interface's field protects nothing; put it on the object types that implement Node.",
      ),
    ],
    [
      'a directive on an interface',
      { schema: 'interface Node @auth { id: ID } type Note implements Node { id: ID }' },
      /Directive "@auth" may not be used on INTERFACE/,
    ],
    [
      'a resolver without a field, and without a type',
      { resolvers: { Query: { notes: () => 1, viewr: () => 1 }, Nothing: { a: () => 1 } } },
      rules(
        'Query.notes: a resolver stands for a field that the schema does not have.',
        'Query.viewr: a resolver stands for a field that the schema does not have.',
        'Nothing: a resolver stands for a type that the schema does not have.',
      ),
    ],
    [
      'a loader without a field, and without a type',
      { loaders: { User: { notes: () => [] }, Nothing: { a: () => [] } } },
      rules(
        'User.notes: a resolver stands for a field that the schema does not have.',
        'Nothing: a resolver stands for a type that the schema does not have.',
      ),
    ],
    [
      "a resolver or a loader for a field of Latchkey's",
      { resolvers: { Query: { viewer: () => null } }, loaders: { User: { tokens: () => [] } } },
      rules(
        'Query.viewer: two resolvers stand for one field.',
        'User.tokens: two resolvers stand for one field.',
      ),
    ],
    [
      'a resolver for a field of an interface',
      {
        schema: 'interface Node { id: ID } type Note implements Node { id: ID }',
        resolvers: { Node: { id: () => 1, resolveType: () => 'Note' } },
      },
      rules('Node.id: a resolver stands for a field that the schema does not have.'),
    ],
    [
      'Query defined anew',
      { schema: 'type Query { notes: Int @auth }' },
      rules(
        'There can be only one type named "Query". Write "extend type" for Query, Mutation and Subscription, which Latchkey defines.',
      ),
    ],
    [
      "a type of Latchkey's defined anew",
      { schema: 'type User { id: ID }' },
      rules('There can be only one type named "User".', 'Field "User.id" can only be defined once.'),
    ],
    [
      "a field of Latchkey's defined anew",
      { schema: 'extend type User { email: String }' },
      /Field "User.email" already exists in the schema|Field "User.email" can only be defined once/,
    ],
    [
      'all that is wrong at once',
      {
        schema: `
          extend type Query { a: Nothing b: Int c: [Nowhere!]! @auth @public }
          extend type Mutation { d: Int @auth(role: ROOT) }
          extend type Strange { e: Int }
          union Any = Nothing
        `,
      },
      rules(
        'Unknown type "Nothing". Did you mean "String"?',
        'Unknown type "Nowhere".',
        'Cannot extend type "Strange" because it is not defined.',
        'Query.a: a root field needs @auth or @public; add one of them.',
        'Query.b: a root field needs @auth or @public; add one of them.',
        'Query.c: @auth and @public contradict each other; keep one.',
        'Mutation.d: @auth has an argument it cannot have: Argument "role" has invalid value ROOT.',
      ),
    ],
    [
      'what is too wrong to be looked at any further',
      { schema: 'extend type Query { a: Nothing } input Note { author: User = 1 }' },
      rules('Unknown type "Nothing". Did you mean "String"?'),
    ],
    ['an unknown type', { schema: 'extend type Query { notes: [Note!] @auth }' }, /Unknown type "Note"/],
    [
      'an unknown role',
      { schema: 'extend type Query { a: Int @auth(role: ROOT) }' },
      rules('Query.a: @auth has an argument it cannot have: Argument "role" has invalid value ROOT.'),
    ],
    [
      'scopes that nobody has declared, and durations that are none',
      {
        schema: `
          extend enum Scope { NOTES_WRITE }
          extend type Query {
            a: Int @auth(scopes: [NOTES_WRITE, NOTES_READ])
            b: Int @auth(scopes: [NOTES_WRITE], fresh: "soon")
            c: Int @auth(fresh: "0s")
            d: Int @auth(scopes: [NOTES_WRITE], fresh: "10m")
          }
          type Note @auth(scopes: NOTE) { text: Int }
        `,
      },
      rules(
        'Query.a: @auth has an argument it cannot have: Argument "scopes" has invalid value [NOTES_WRITE, NOTES_READ].',
        'Query.b: @auth has an argument it cannot have: Argument "fresh" must be a duration of at least 1s, such as "10m"; it is "soon".',
        'Query.c: @auth has an argument it cannot have: Argument "fresh" must be a duration of at least 1s, such as "10m"; it is "0s".',
        'Note: @auth has an argument it cannot have: Argument "scopes" has invalid value NOTE.',
      ),
    ],
    ['no SDL', { schema: 'extend typ Query {' }, /^The schema cannot be built: Syntax Error/],
    ['no fields', { schema: 'type Note' }, rules('Type Note must define one or more fields.')],
  ]
  for (const [what, options, message] of cases) {
    const error = await startHost(t, options).then(
      () => undefined,
      (error: Error) => error,
    )
    t.match({ message: error?.message }, { message }, what)
  }
})

const zoo = `
  extend type Query {
    note: Note @public
    notes: [Note!] @public
    node: Node @public
    any: [Any!] @public
    mine: Int @auth
    admin: Int @auth(role: ADMIN)
    vault: Vault @public
  }
  interface Node { id: ID }
  union Any = Note | Open
  type Open { name: String }
  type Note implements Node @auth { id: ID, text: String, teaser: String @public, log: String @auth(role: ADMIN), open: Open }
  type Vault @auth(role: ADMIN) { code: Int, sign: String @auth, door: String @public }
`

const zooResolvers: ResolverMap = {
  Query: {
    note: () => note,
    notes: () => [note, note],
    node: () => note,
    any: async () => [note, { kind: 'Open', name: 'free' }],
    mine: () => 1,
    admin: async () => 2,
    vault: () => ({ code: 7, sign: 'keep out', door: 'oak' }),
  },
  Node: { resolveType: () => 'Note' },
  Any: { resolveType: (value: { kind: string }) => value.kind },
  Note: { text: async (parent) => parent.text },
}

const note = { kind: 'Note', id: '1', text: 'hello', teaser: 'hel…', log: 'changed', open: { name: 'free' } }

t.test('@auth guards each field of a type, however it is reached, compiled or not', async (t) => {
  const anonymous = 'UNAUTHENTICATED/MISSING'
  const role = 'FORBIDDEN/ROLE'
  const all = { text: 'hello', teaser: 'hel…' }
  const cut = { text: null, teaser: 'hel…' }
  type Expected = [data: object, errors: Record<string, string>]
  const cases: [query: string, anonymously: Expected, asUser: Expected, asAdmin: Expected][] = [
    [
      '{ note { text teaser } }',
      [{ note: cut }, { 'note.text': anonymous }],
      [{ note: all }, {}],
      [{ note: all }, {}],
    ],
    [
      '{ notes { text teaser } }',
      [{ notes: [cut, cut] }, { 'notes.0.text': anonymous, 'notes.1.text': anonymous }],
      [{ notes: [all, all] }, {}],
      [{ notes: [all, all] }, {}],
    ],
    [
      '{ node { id ... on Note { text teaser } } }',
      [{ node: { id: null, ...cut } }, { 'node.id': anonymous, 'node.text': anonymous }],
      [{ node: { id: '1', ...all } }, {}],
      [{ node: { id: '1', ...all } }, {}],
    ],
    [
      '{ any { __typename ...N ... on Open { name } } } fragment N on Note { text teaser open { name } }',
      [
        {
          any: [
            { __typename: 'Note', ...cut, open: null },
            { __typename: 'Open', name: 'free' },
          ],
        },
        { 'any.0.text': anonymous, 'any.0.open': anonymous },
      ],
      [
        {
          any: [
            { __typename: 'Note', ...all, open: { name: 'free' } },
            { __typename: 'Open', name: 'free' },
          ],
        },
        {},
      ],
      [
        {
          any: [
            { __typename: 'Note', ...all, open: { name: 'free' } },
            { __typename: 'Open', name: 'free' },
          ],
        },
        {},
      ],
    ],
    [
      '{ aliased: mine admin }',
      [
        { aliased: null, admin: null },
        { aliased: anonymous, admin: anonymous },
      ],
      [{ aliased: 1, admin: null }, { admin: role }],
      [{ aliased: 1, admin: 2 }, {}],
    ],
    [
      '{ note { log } vault { code sign door } }',
      [
        { note: { log: null }, vault: { code: null, sign: null, door: 'oak' } },
        { 'note.log': anonymous, 'vault.code': anonymous, 'vault.sign': anonymous },
      ],
      [
        { note: { log: null }, vault: { code: null, sign: null, door: 'oak' } },
        { 'note.log': role, 'vault.code': role, 'vault.sign': role },
      ],
      [{ note: { log: 'changed' }, vault: { code: 7, sign: 'keep out', door: 'oak' } }, {}],
    ],
  ]
  for (const queryJit of [0, 1]) {
    const host = await startHost(t, { schema: zoo, resolvers: zooResolvers, queryJit })
    const user = await host.signIn('ada')
    const admin = await host.signIn('root', 'ADMIN')
    for (const [query, anonymously, asUser, asAdmin] of cases) {
      const people: [who: string, token: string | undefined, expected: Expected][] = [
        ['anonymous', undefined, anonymously],
        ['user', user.token, asUser],
        ['administrator', admin.token, asAdmin],
      ]
      // One compiled operation serves all: what it grants to one must not be left for the next.
      for (let round = 1; round <= 10; round++) {
        for (const [who, token, [data, errors]] of people) {
          const { body } = await host.query(query, token === undefined ? {} : { token })
          const got = {
            data: body.data,
            errors: Object.fromEntries(
              (body.errors ?? []).map((error: ErrorShape) => [error.path.join('.'), codeOf(error)]),
            ),
          }
          if (round === 1 || round === 10) {
            t.same(got, { data, errors }, `${query} as ${who}, JIT ${queryJit}, round ${round}`)
          }
        }
      }
    }
  }
})

t.test('directives of extensions add to those of the definition, and the stricter holds', async (t) => {
  const { query, signIn } = await startHost(t, {
    schema: [
      'type Note { text: Int } type Diary @auth { text: Int, code: Int @auth(role: ADMIN) }',
      'extend type Note @auth',
      'extend type Diary { day: Int }',
      'type Vault @auth(role: ADMIN) { text: Int @auth, code: Int @auth(role: ADMIN) }',
      'extend type Query @public { note: Note, diary: Diary, vault: Vault }',
    ],
    resolvers: {
      Query: {
        note: () => ({ text: 1 }),
        diary: () => ({ text: 1, code: 2, day: 3 }),
        vault: () => ({ text: 1, code: 2 }),
      },
    },
  })
  const text = '{ note { text } diary { text code day } vault { text code } }'
  const { token } = await signIn('ada')
  const { token: admin } = await signIn('root', 'ADMIN')
  const none = { text: null, code: null }
  const cases: [token: string | undefined, expected: object][] = [
    [undefined, { note: { text: null }, diary: { ...none, day: null }, vault: none }],
    [token, { note: { text: 1 }, diary: { text: 1, code: null, day: 3 }, vault: none }],
    [admin, { note: { text: 1 }, diary: { text: 1, code: 2, day: 3 }, vault: { text: 1, code: 2 } }],
  ]
  for (const [own, data] of cases) {
    t.same((await query(text, own === undefined ? {} : { token: own })).body.data, data)
  }
})

t.test('an operation that the application runs by itself, without a context, is anonymous', async (t) => {
  const { app } = await startHost(t)
  t.match(await app.graphql('{ serverInfo { name } viewer { id } }').catch((error) => error), {
    data: { serverInfo: { name: 'latchkey' }, viewer: null },
  })
})

t.test('resolvers that fail say what they mean to say; all else is masked and logged', async (t) => {
  const failures: [what: string, fail: () => unknown, expected: object, logged: string | null][] = [
    [
      'a LatchkeyError',
      () => {
        throw new LatchkeyError('CONFLICT', 'Taken.', { field: 'name' })
      },
      { message: 'Taken.', extensions: { code: 'CONFLICT', field: 'name' } },
      null,
    ],
    [
      'a GraphQLError with a code',
      () => {
        throw new GraphQLError('Full.', { extensions: { code: 'FULL', limit: 3 } })
      },
      { message: 'Full.', extensions: { code: 'FULL', limit: 3 } },
      null,
    ],
    [
      "Mercurius' ErrorWithProps with a code",
      () => Promise.reject(new ErrorWithProps('Full.', { code: 'FULL' })),
      { message: 'Full.', extensions: { code: 'FULL' } },
      null,
    ],
    ['a GraphQLError without a code', () => Promise.reject(new GraphQLError('inside 1')), masked, 'inside 1'],
    [
      'an Error',
      () => {
        throw new Error('inside 2')
      },
      masked,
      'inside 2',
    ],
    [
      'an Error of another system with a code of its own',
      () => Promise.reject(Object.assign(new Error('inside 3'), { code: 'ECONNREFUSED' })),
      masked,
      'inside 3',
    ],
    ['an Error that is returned', () => new Error('inside 4'), masked, 'inside 4'],
    [
      'a string',
      () => {
        throw 'inside 5'
      },
      masked,
      'inside 5',
    ],
    ['a rejected string', () => Promise.reject('inside 6'), masked, 'inside 6'],
    [
      'an object',
      () => {
        throw { inside: 7 }
      },
      masked,
      'inside',
    ],
    // Compiled queries lose what was thrown where it was nothing at all; the line says where.
    [
      'null',
      () => {
        throw null
      },
      masked,
      'a resolver failed',
    ],
    ['a rejected null', () => Promise.reject(null), masked, 'a resolver failed'],
    [
      'undefined',
      () => {
        throw undefined
      },
      masked,
      'a resolver failed',
    ],
    ['a rejected undefined', () => Promise.reject(), masked, 'a resolver failed'],
    ['a value that does not fit', () => 'eight', masked, 'eight'],
  ]
  for (const queryJit of [0, 1]) {
    const { query } = await startHost(t, {
      schema: `extend type Query { ${failures.map((_, index) => `f${index}: Int @public`).join(' ')} other: Int @public }`,
      resolvers: {
        Query: Object.fromEntries([
          ['other', () => 1],
          ...failures.map(([, fail], index) => [`f${index}`, fail] as const),
        ]),
      },
      queryJit,
    })
    for (const [index, [what, , expected, logged]] of failures.entries()) {
      for (let round = 1; round <= 4; round++) {
        const before = logLines().length
        const { body, status, headers } = await query(`{ f${index} other }`)
        const lines = logLines().slice(before)
        const label = `${what}, JIT ${queryJit}, round ${round}`
        t.equal(status, 200, label)
        t.same(body.data, { [`f${index}`]: null, other: 1 }, label)
        t.has(body.errors, [{ ...withId(expected, headers['x-request-id']), path: [`f${index}`] }], label)
        const faults = lines
          .map((line) => JSON.parse(line))
          .filter((line) => line.msg === 'a resolver failed')
        const wanted = logged === null ? [] : [{ level: 50, reqId: headers['x-request-id'] }]
        t.match(faults, wanted, label)
        t.match(JSON.stringify(faults), logged ?? '[]', label)
      }
    }
  }
})

t.test('loaders answer for many objects at once, under the same guard', async (t) => {
  let calls = 0
  const schema = `
    extend type Query { notes: [Note!] @public }
    type Note { id: Int, author: User @auth, secret: String @auth(role: ADMIN), fails: Int, partly: Int }
    extend type User { notes: [Note!] @auth }
  `
  const { query, signIn } = await startHost(t, {
    schema,
    resolvers: { Query: { notes: () => [{ id: 1 }, { id: 2 }, { id: 3 }] } },
    loaders: {
      Note: {
        async author(queries, context) {
          calls++
          return queries.map(() => requireUser(context).user)
        },
        secret: { loader: async (queries) => queries.map(() => 'secret'), opts: { cache: false } },
        fails: async () => {
          throw new Error('the loader is broken')
        },
        partly: async (queries) =>
          queries.map(({ obj }) => {
            if (obj.id === 2) throw new LatchkeyError('NOT_FOUND', 'No such note.')
            return obj.id
          }),
      },
      User: { notes: async (queries) => queries.map(({ obj }) => [{ id: obj.username.length }]) },
    },
    queryJit: 2,
  })
  const ada = await signIn('ada')
  const linus = await signIn('linus')
  for (let round = 1; round <= 4; round++) {
    calls = 0
    for (const [name, { token }] of Object.entries({ ada, linus })) {
      const author = { username: name, notes: [{ id: name.length }] }
      t.same((await query('{ notes { author { username notes { id } } } }', { token })).body, {
        data: { notes: [{ author }, { author }, { author }] },
      })
    }
    t.equal(calls, 2, 'once for each request')
    const refused = await query('{ notes { id author { username } } }')
    t.same(
      refused.body.errors.map(codeOf),
      Array.from({ length: 3 }, () => 'UNAUTHENTICATED/MISSING'),
    )
    t.equal(calls, 2, 'and not for what is refused')
    const forbidden = await query('{ notes { secret } }', { token: ada.token })
    t.same(
      forbidden.body.errors.map(codeOf),
      Array.from({ length: 3 }, () => 'FORBIDDEN/ROLE'),
    )
    const failed = await query('{ notes { fails } }')
    t.same(
      failed.body.errors.map(({ message }: Error) => message),
      Array.from({ length: 3 }, () => 'Internal server error.'),
    )
    const missing = await query('{ notes { partly } }')
    t.same(
      missing.body.errors.map(codeOf),
      Array.from({ length: 3 }, () => 'NOT_FOUND/undefined'),
    )
  }
})

t.test(
  'scalars, enums and types that tell themselves apart have their functions from the application',
  async (t) => {
    const shout = {
      serialize: (value: unknown) => `${value}!`,
      parseValue: (value: unknown) => String(value).replace(/!$/, ''),
    }
    for (const Shout of [shout, new GraphQLScalarType({ name: 'Shout', ...shout })]) {
      const { query } = await startHost(t, {
        schema: `
        scalar Shout
        union Thing = A | B
        type A { a: Shout } type B { b: DateTime }
        extend type Query { say(what: Shout): Shout @public, things: [Thing] @public }
      `,
        resolvers: {
          Shout,
          A: { isTypeOf: (value: object) => 'a' in value },
          B: { isTypeOf: (value: object) => 'b' in value },
          Query: { say: (_parent, { what }) => what.length, things: () => [{ a: 'x' }, { b: 0 }] },
        },
      })
      t.same(
        (
          await query('query ($w: Shout) { say(what: $w) things { ... on A { a } ... on B { b } } }', {
            variables: { w: 'hey!' },
          })
        ).body,
        {
          data: { say: '3!', things: [{ a: 'x!' }, { b: '1970-01-01T00:00:00.000Z' }] },
        },
      )
    }
  },
)

const masked = {
  message: 'Internal server error.',
  extensions: { code: 'INTERNAL_SERVER_ERROR', requestId: null },
}

interface ErrorShape {
  path: (string | number)[]
  extensions: { code: string; reason?: string }
}

function codeOf({ extensions }: ErrorShape): string {
  return `${extensions.code}/${extensions.reason}`
}

/** What is masked carries the id of the request. */
function withId(expected: object, requestId: unknown): object {
  return expected === masked ? { ...masked, extensions: { ...masked.extensions, requestId } } : expected
}
