import { buildSchema, GraphQLObjectType, GraphQLSchema, GraphQLString } from 'graphql'
import t from 'tap'
import { anonymous, type Principal, type Token } from '../../src/auth/principal.ts'
import type { LatchkeyError } from '../../src/errors.ts'
import { checkDirectives, guardSchema, requireUser } from '../../src/graphql/guard.ts'

const directives = `
  directive @auth(role: Role = USER, scopes: [Scope!], fresh: String) on OBJECT | FIELD_DEFINITION
  directive @public on OBJECT | FIELD_DEFINITION
  enum Role { USER ADMIN }
  enum Scope { ACCOUNT TOKENS }
  extend enum Scope { NOTES }
`

const user = {
  id: '1',
  username: 'ada',
  email: null,
  emailVerified: false,
  active: true,
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
  kind: 'DEVICE',
  scopes: null,
  provenAt: 0,
} as const
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
  guardSchema(schema, Date.now)
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

t.test('scopes, role and freshness of a type and its fields add up, and the stricter holds', (t) => {
  const now = 1_000_000_000
  const minute = 60_000
  const schema = buildSchema(`${directives}
    type Query @auth {
      any: Int
      one: Int @auth(scopes: ACCOUNT)
      both: Int @auth(scopes: [ACCOUNT, NOTES])
      none: Int @auth(scopes: [])
      fresh: Int @auth(fresh: "10m")
      open: Int @auth(scopes: null, fresh: null)
    }
    type Vault @auth(scopes: [TOKENS, ACCOUNT], fresh: "1h") {
      plain: Int
      more: Int @auth(scopes: [TOKENS, NOTES], fresh: "10m")
      longer: Int @auth(fresh: "2h")
      admin: Int @auth(role: ADMIN, scopes: [NOTES])
      door: Int @public
    }
  `)
  t.strictSame(checkDirectives(schema), [])
  guardSchema(schema, () => now)
  const all = ['ACCOUNT', 'TOKENS', 'NOTES']
  const cases: [field: string, rights: Partial<Token>, role: 'USER' | 'ADMIN', refusal: string | null][] = [
    ['Query.any', { scopes: [], provenAt: null }, 'USER', null],
    ['Query.none', { scopes: [], provenAt: null }, 'USER', null],
    ['Query.open', { scopes: [], provenAt: null }, 'USER', null],
    ['Query.one', { scopes: null }, 'USER', null],
    ['Query.one', { scopes: ['ACCOUNT'] }, 'USER', null],
    ['Query.one', { scopes: ['TOKENS'] }, 'USER', 'SCOPE This token lacks the scope ACCOUNT.'],
    ['Query.both', { scopes: all }, 'USER', null],
    ['Query.both', { scopes: ['ACCOUNT'] }, 'USER', 'SCOPE This token lacks the scope NOTES.'],
    ['Query.both', { scopes: [] }, 'USER', 'SCOPE This token lacks the scopes ACCOUNT, NOTES.'],
    ['Query.fresh', { provenAt: now }, 'USER', null],
    ['Query.fresh', { provenAt: now - 10 * minute + 1 }, 'USER', null],
    ['Query.fresh', { provenAt: now - 10 * minute }, 'USER', 'STALE_LOGIN This needs a recent proof'],
    ['Query.fresh', { provenAt: null }, 'USER', 'STALE_LOGIN This needs a recent proof'],
    ['Vault.plain', { scopes: all, provenAt: now - 59 * minute }, 'USER', null],
    ['Vault.plain', { scopes: all, provenAt: now - 60 * minute }, 'USER', 'STALE_LOGIN'],
    [
      'Vault.plain',
      { scopes: ['TOKENS'], provenAt: now },
      'USER',
      'SCOPE This token lacks the scope ACCOUNT.',
    ],
    [
      'Vault.more',
      { scopes: ['TOKENS', 'ACCOUNT'], provenAt: now },
      'USER',
      'SCOPE This token lacks the scope NOTES.',
    ],
    ['Vault.more', { scopes: all, provenAt: now - 10 * minute }, 'USER', 'STALE_LOGIN'],
    ['Vault.longer', { scopes: all, provenAt: now - 60 * minute }, 'USER', 'STALE_LOGIN'],
    ['Vault.admin', { scopes: all, provenAt: now }, 'USER', 'ROLE'],
    [
      'Vault.admin',
      { scopes: ['TOKENS', 'ACCOUNT'], provenAt: now },
      'ADMIN',
      'SCOPE This token lacks the scope NOTES.',
    ],
    ['Vault.admin', { scopes: all, provenAt: now }, 'ADMIN', null],
    ['Vault.door', { scopes: [], provenAt: null }, 'USER', null],
  ]
  for (const [name, rights, role, refusal] of cases) {
    const [typeName, fieldName] = name.split('.') as [string, string]
    const field = (schema.getType(typeName) as GraphQLObjectType).getFields()[fieldName]
    const principal: Principal = { kind: 'user', user: { ...user, role }, token: { ...token, ...rights } }
    const resolve = field?.resolve ?? (() => 1)
    let found: string | null = null
    try {
      t.equal(resolve({ [fieldName]: 1 }, {}, { principal }, { fieldName } as never), 1)
    } catch (error) {
      const { details, message } = error as LatchkeyError
      found = `${details.reason} ${message}`
    }
    t.match(found, refusal, `${name} with ${JSON.stringify(rights)} as ${role}`)
  }
  const both = schema.getQueryType()?.getFields().both
  const scopeless: Principal = { ...signedIn, token: { ...token, scopes: [] } }
  t.throws(() => both?.resolve?.({}, {}, { principal: scopeless }, {} as never), {
    code: 'FORBIDDEN',
    details: { reason: 'SCOPE', scopes: ['ACCOUNT', 'NOTES'] },
  })
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
    guardSchema(schema, Date.now)
    t.equal(query.getFields().a?.resolve, undefined)
    t.end()
  },
)

t.test('a schema without @auth is not guarded in silence', (t) => {
  t.throws(() => guardSchema(buildSchema('type Query { a: Int }'), Date.now), {
    message: 'The schema has no @auth directive.',
  })
  t.end()
})
