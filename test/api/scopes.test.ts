import t from 'tap'
import { startApp } from '../support/app.ts'

const schema = `
  extend enum Scope { NOTES_WRITE }
  extend type Query { notes: Int @auth(scopes: [NOTES_WRITE]) plain: Int @auth }
`
const resolvers = { Query: { notes: () => 1, plain: () => 2 } }
const plugin = { schema, resolvers }
const signInFor = `mutation ($u: String!, $p: String!, $s: [Scope!]) {
  tokenAuth(username: $u, password: $p, scopes: $s) { token tokenInfo { id kind scopes } user { email tokens { totalCount } } }
}`

interface Outcome {
  data: Record<string, unknown>
  errors?: { path: string[]; message: string; extensions: object }[]
}

/** Root field → the reason it was refused for, or null. */
function refusals({ data, errors = [] }: Outcome): object {
  return Object.fromEntries(
    Object.keys(data).map((field) => [
      field,
      errors.find(({ path }) => path.join('.').startsWith(field))?.extensions ?? null,
    ]),
  )
}

function lacking(...scopes: string[]): object {
  return { code: 'FORBIDDEN', reason: 'SCOPE', scopes }
}

t.test('a sign-in holds all scopes, an application’s too, or those that it asks for', async (t) => {
  const { createUser, graphql } = await startApp(t, { plugin })
  const user = await createUser()
  const cases: [asked: string[] | null | undefined, held: string[]][] = [
    [undefined, ['ACCOUNT', 'TOKENS', 'ADMIN', 'NOTES_WRITE']],
    [null, ['ACCOUNT', 'TOKENS', 'ADMIN', 'NOTES_WRITE']],
    [['NOTES_WRITE'], ['NOTES_WRITE']],
    [
      ['TOKENS', 'ACCOUNT', 'TOKENS'],
      ['ACCOUNT', 'TOKENS'],
    ],
    [[], []],
  ]
  for (const [asked, held] of cases) {
    const { body } = await graphql(signInFor, { u: user.username, p: user.password, s: asked })
    t.strictSame(body.data.tokenAuth.tokenInfo.scopes, held)
    t.equal(body.data.tokenAuth.tokenInfo.kind, 'DEVICE')
    t.ok(body.data.tokenAuth.user.tokens, 'the sign-in itself shows the account')
    const { token } = body.data.tokenAuth
    const { body: answer } = await graphql('{ notes plain viewer { id username role } }', null, { token })
    t.strictSame(
      refusals(answer),
      { notes: held.includes('NOTES_WRITE') ? null : lacking('NOTES_WRITE'), plain: null, viewer: null },
      `${asked}`,
    )
  }
  const { body } = await graphql(signInFor, { u: user.username, p: user.password, s: ['NOTES_READ'] })
  t.match(body, { data: undefined, errors: [{ extensions: { code: 'GRAPHQL_VALIDATION_FAILED' } }] })
})

t.test('Latchkey’s own fields ask for their scopes, and the others of a request answer', async (t) => {
  const fields: [field: string, scope: string][] = [
    ['mutation { it: revokeOtherTokens { count } }', 'TOKENS'],
    ['mutation { it: revokeAllTokens { count } }', 'TOKENS'],
    ['mutation { it: revokeToken(id: "019ab000-0000-7000-8000-000000000000") { revoked } }', 'TOKENS'],
    [
      'mutation { it: renameToken(id: "019ab000-0000-7000-8000-000000000000", name: "x") { tokenInfo { id } } }',
      'TOKENS',
    ],
    ['mutation { it: createToken(name: "x", scopes: []) { token } }', 'TOKENS'],
    ['mutation { it: changePassword(currentPassword: "x", newPassword: "y") { revokedTokens } }', 'ACCOUNT'],
    ['mutation { it: updateViewer { user { id } } }', 'ACCOUNT'],
    ['{ viewer { username email } }', 'ACCOUNT'],
    ['{ viewer { username lastSignInAt } }', 'ACCOUNT'],
    ['{ viewer { username tokens { totalCount } } }', 'TOKENS'],
  ]
  const { createUser, graphql } = await startApp(t, { plugin })
  const user = await createUser({ email: 'ada@example.org' })
  const signIn = async (s: string[] | null): Promise<string> =>
    (await graphql(signInFor, { u: user.username, p: user.password, s })).body.data.tokenAuth.token
  for (const [field, scope] of fields) {
    const others = ['ACCOUNT', 'TOKENS', 'ADMIN', 'NOTES_WRITE'].filter((one) => one !== scope)
    const { body } = await graphql(field, null, { token: await signIn(others) })
    t.match(
      body.errors,
      [{ message: `This token lacks the scope ${scope}.`, extensions: lacking(scope) }],
      field,
    )
    if (body.data.viewer) t.equal(body.data.viewer.username, user.username)
    const held = await graphql(field, null, { token: await signIn([scope]) })
    t.not(held.body.errors?.[0].extensions.reason, 'SCOPE', field)
  }
})

t.test('a token without any scope revokes itself, and no other', async (t) => {
  const { createUser, graphql, signIn } = await startApp(t)
  const user = await createUser()
  const other = await signIn(user)
  const { body: list } = await graphql('{ viewer { tokens { nodes { id } } } }', null, { token: other })
  const otherId = list.data.viewer.tokens.nodes[0].id
  const variables = { u: user.username, p: user.password, s: [] }
  for (const byId of [false, true]) {
    const { token, tokenInfo } = (await graphql(signInFor, variables)).body.data.tokenAuth
    const revoke = 'mutation ($id: ID) { revokeToken(id: $id) { revoked } }'
    const refused = await graphql(revoke, { id: otherId }, { token })
    t.match(refused.body.errors, [{ extensions: lacking('TOKENS') }])
    t.match((await graphql(revoke, byId ? { id: tokenInfo.id } : {}, { token })).body, {
      data: { revokeToken: { revoked: true } },
    })
    t.match(await graphql('{ viewer { id } }', null, { token }), { status: 401 })
  }
  t.match(await graphql('{ viewer { id } }', null, { token: other }), { status: 200 })
})

t.test('an administrator sees what others have with a token for administration alone', async (t) => {
  const people = {
    schema: 'extend type Query { people: [User!]! @public }',
    resolvers: { Query: { people: async () => found } },
  }
  const { app, createUser, graphql } = await startApp(t, { plugin: people })
  const root = await createUser({ role: 'ADMIN' })
  const ada = await createUser({ email: 'ada@example.org' })
  const found = await app.latchkey.auth.findUsers([ada.id])
  for (const [scopes, refused] of [
    [['ADMIN'], null],
    [['ACCOUNT', 'TOKENS'], lacking('ADMIN')],
  ] as const) {
    const { body: answer } = await graphql(signInFor, { u: root.username, p: root.password, s: scopes })
    const { body } = await graphql('{ people { email } }', null, { token: answer.data.tokenAuth.token })
    if (refused === null) t.strictSame(body, { data: { people: [{ email: 'ada@example.org' }] } })
    else t.match(body, { data: { people: [{ email: null }] }, errors: [{ extensions: refused }] })
  }
})

t.test('a scope that is no longer declared is not shown, and grants nothing', async (t) => {
  const { app, createUser, graphql } = await startApp(t, { plugin })
  const { id } = await createUser()
  const { token } = await app.latchkey.auth.createToken(id, {
    name: null,
    expiresIn: null,
    scopes: ['GONE', 'TOKENS'],
  })
  const { body } = await graphql('{ notes viewer { tokens { nodes { kind scopes } } } }', null, { token })
  t.strictSame(body.data.viewer.tokens.nodes, [{ kind: 'SERVICE', scopes: ['TOKENS'] }])
  t.match(body.errors, [{ extensions: lacking('NOTES_WRITE') }])
})
