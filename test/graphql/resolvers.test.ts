import t, { type Test } from 'tap'
import type { User } from '../../src/auth/principal.ts'
import { startApp } from '../support/app.ts'

const ownerFields = ['email', 'active', 'lastSignInAt', 'tokens { totalCount }']
const openFields = ['id', 'username', 'role', 'createdAt']

/** An app in which anyone may reach any user, as an application's own types might let them. */
async function startDirectory(t: Test, queryJit = 0) {
  const users = new Map<string, User>()
  const server = await startApp(t, {
    queryJit,
    plugin: {
      schema: `
        extend type Query { person(name: String!): Being @public people: [User!]! @public }
        extend type Token { owner: User! }
        interface Being { id: ID! }
        extend type User implements Being
      `,
      resolvers: {
        Query: {
          person: (_parent: unknown, { name }: { name: string }) => users.get(name),
          people: () => [...users.values()],
        },
        Token: {
          owner: (token: { userId: string }) => [...users.values()].find(({ id }) => id === token.userId),
        },
        Being: { resolveType: () => 'User' },
      },
    },
  })
  async function add(username: string, role: 'USER' | 'ADMIN' = 'USER') {
    const user = await server.createUser({ username, email: `${username}@example.org`, role })
    const row = await server.app.latchkey.auth.findUser(username)
    if (row === undefined) throw new Error(`no ${username}`)
    users.set(username, { ...row, email: `${username}@example.org`, emailVerified: false, active: true })
    return user
  }
  return { ...server, add }
}

for (const queryJit of [0, 1]) {
  t.test(
    `what only the owner may see is refused to others by whatever way, ${queryJit ? 'compiled' : 'not compiled'}`,
    async (t) => {
      const { add, graphql, signIn } = await startDirectory(t, queryJit)
      const [ada, bob, root] = [await add('ada'), await add('bob'), await add('root', 'ADMIN')]
      const tokens = { ada: await signIn(ada), bob: await signIn(bob), root: await signIn(root) }
      const rows: [who: keyof typeof tokens | null, outcome: string][] = [
        ['ada', 'seen'],
        ['bob', 'FORBIDDEN/ROLE'],
        ['root', 'seen'],
        [null, 'UNAUTHENTICATED/MISSING'],
      ]
      for (let round = 0; round < 3; round++) {
        for (const [who, outcome] of rows) {
          const request = who === null ? {} : { token: tokens[who] }
          for (const field of ownerFields) {
            for (const query of [
              `{ person(name: "ada") { ... on User { it: ${field} } } }`,
              `{ person(name: "ada") { ...F } } fragment F on User { it: ${field} }`,
            ]) {
              const { body } = await graphql(query, null, request)
              const found = body.errors
                ? `${body.errors[0].extensions.code}/${body.errors[0].extensions.reason}`
                : 'seen'
              t.equal(found, outcome, `${field} of ada for ${who}`)
              if (outcome !== 'seen') t.equal(body.data.person.it, null)
            }
          }
          const { body } = await graphql(
            `{ person(name: "ada") { ... on User { ${openFields.join(' ')} } } }`,
            null,
            request,
          )
          t.match(body, { data: { person: { username: 'ada', role: 'USER' } }, errors: undefined })
        }
      }
      const { body } = await graphql('{ people { username email } }', null, { token: tokens.bob })
      t.strictSame(body.data.people, [
        { username: 'ada', email: null },
        { username: 'bob', email: 'bob@example.org' },
        { username: 'root', email: null },
      ])
      t.strictSame(
        body.errors.map((error: { path: unknown }) => error.path),
        [
          ['people', 0, 'email'],
          ['people', 2, 'email'],
        ],
      )
      const own = await graphql('{ viewer { tokens { nodes { owner { email } } } } }', null, {
        token: tokens.bob,
      })
      t.strictSame(own.body.data.viewer.tokens.nodes, [{ owner: { email: 'bob@example.org' } }])
    },
  )
}

t.test('a sign-in shows the user’s own profile at once, and nobody else’s', async (t) => {
  const { add, graphql, signIn } = await startDirectory(t)
  const [ada, bob] = [await add('ada'), await add('bob')]
  const query = `mutation ($u: String!, $p: String!) {
    tokenAuth(username: $u, password: $p) { user { ${[...openFields, ...ownerFields].join(' ')} } tokenInfo { owner { email } } }
  }`
  const variables = { u: ada.username, p: ada.password }
  for (const request of [{}, { token: 'bad' }, { token: await signIn(bob) }]) {
    const { body } = await graphql(query, variables, request)
    t.match(body, {
      errors: undefined,
      data: {
        tokenAuth: {
          user: {
            id: ada.id,
            email: 'ada@example.org',
            lastSignInAt: '2026-11-23T09:00:00.000Z',
            tokens: {},
          },
          tokenInfo: { owner: { email: 'ada@example.org' } },
        },
      },
    })
  }
  const failed = await graphql(query, { u: 'ada', p: 'wrong' }, {})
  t.equal(failed.body.data.tokenAuth, null)
})

t.test('`current` marks the token of the request, and no other', async (t) => {
  const { createUser, graphql, signIn } = await startApp(t)
  const user = await createUser()
  const [one, two] = [await signIn(user, { name: 'one' }), await signIn(user, { name: 'two' })]
  for (const [token, current] of [
    [one, 'one'],
    [two, 'two'],
  ] as const) {
    const { body } = await graphql('{ viewer { tokens { nodes { name current } } } }', null, { token })
    const marked = body.data.viewer.tokens.nodes.filter((node: { current: boolean }) => node.current)
    t.strictSame(marked, [{ name: current, current: true }])
  }
  const { body } = await graphql(
    'mutation ($u: String!, $p: String!) { tokenAuth(username: $u, password: $p) { tokenInfo { current } } }',
    { u: user.username, p: user.password },
  )
  t.equal(body.data.tokenAuth.tokenInfo.current, false, 'a token that was only just issued has not been used')
})
