import { buildSchema, GraphQLObjectType, GraphQLSchema, GraphQLString } from 'graphql'
import t from 'tap'
import { anonymous, type Principal } from '../../src/auth/principal.ts'
import { checkDirectives, guardSchema, requireUser } from '../../src/graphql/guard.ts'

const directives = `
  directive @auth(role: Role = USER) on OBJECT | FIELD_DEFINITION
  directive @public on OBJECT | FIELD_DEFINITION
  enum Role { USER ADMIN }
`

const user = {
  id: '1',
  username: 'ada',
  email: null,
  role: 'USER',
  createdAt: 0,
  lastSignInAt: null,
} as const
const token = {
  id: '2',
  userId: '1',
  name: '',
  device: { id: null, name: null, platform: null },
  userAgent: null,
  createdAt: 0,
  expiresAt: 0,
  lastUsedAt: null,
  lastUsedAddress: null,
}
const signedIn: Principal = { kind: 'user', user, token }

t.test('requireUser answers the user of the context, or says why there is none', (t) => {
  t.equal(requireUser({ principal: signedIn }), signedIn)
  t.throws(() => requireUser({ principal: anonymous('EXPIRED', 'Token has expired.') }), {
    code: 'UNAUTHENTICATED',
    message: 'Token has expired.',
    details: { reason: 'EXPIRED' },
  })
  t.throws(
    () => requireUser({}),
    {
      code: 'UNAUTHENTICATED',
      message: 'Authentication credentials were not provided.',
      details: { reason: 'MISSING' },
    },
    'a context that somebody else has made',
  )
  t.end()
})

t.test('a subscription is guarded at its start and at each event', (t) => {
  const schema = buildSchema(
    `${directives} type Query { a: Int @public } type Subscription { ticks: Int @auth(role: ADMIN) }`,
  )
  const field = schema.getSubscriptionType()?.getFields().ticks
  if (field === undefined) throw new Error('no field')
  field.subscribe = () => 'started'
  field.resolve = () => 'event'
  guardSchema(schema)
  const admin: Principal = { kind: 'user', user: { ...user, role: 'ADMIN' }, token }
  for (const [name, resolver] of [
    ['its start', field.subscribe],
    ['an event', field.resolve],
  ] as const) {
    const call = (principal: Principal): unknown => resolver({}, {}, { principal }, {} as never)
    t.throws(() => call(anonymous('MISSING', 'No.')), { code: 'UNAUTHENTICATED' }, name)
    t.throws(() => call(signedIn), { code: 'FORBIDDEN', details: { reason: 'ROLE' } }, name)
    t.ok(call(admin), name)
  }
  t.end()
})

t.test(
  'types that were not written in SDL carry no directive, and so a root field of theirs is refused',
  (t) => {
    const query = new GraphQLObjectType({ name: 'Query', fields: { a: { type: GraphQLString } } })
    const { auth } = Object.fromEntries(
      buildSchema(`${directives} type Query { a: Int }`)
        .getDirectives()
        .map((directive) => [directive.name, directive]),
    )
    const schema = new GraphQLSchema({ query, directives: auth === undefined ? [] : [auth] })
    t.match(checkDirectives(schema), [/^Query\.a: a root field needs @auth or @public/])
    guardSchema(schema)
    t.equal(query.getFields().a?.resolve, undefined)
    t.end()
  },
)

t.test('a schema without @auth is not guarded in silence', (t) => {
  t.throws(() => guardSchema(buildSchema('type Query { a: Int }')), {
    message: 'The schema has no @auth directive.',
  })
  t.end()
})
