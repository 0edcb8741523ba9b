import t, { type Test } from 'tap'
import { v7 as uuid } from 'uuid'
import { insertUser, listUsersAlong, type UserPath } from '../../src/db/users.ts'
import { password, startApp } from '../support/app.ts'
import { openDomain } from '../support/domain.ts'
import { openPlans } from '../support/plans.ts'

const id = '01890000-0000-7000-8000-000000000000'
const listing = `query ($first: Int = 100, $after: String, $search: String, $active: Boolean, $role: Role) {
  users(first: $first, after: $after, search: $search, active: $active, role: $role) {
    nodes { username active } edges { cursor node { id } } pageInfo { hasNextPage hasPreviousPage endCursor } } }`
const setActive =
  'mutation ($id: ID!, $active: Boolean!) { setUserActive(id: $id, active: $active) { user { active } revokedTokens } }'
const setRole = 'mutation ($id: ID!, $role: Role!) { setUserRole(id: $id, role: $role) { user { role } } }'
const setPassword =
  'mutation ($id: ID!, $p: String!) { setUserPassword(id: $id, password: $p) { revokedTokens } }'
const revoke = 'mutation ($id: ID!) { revokeUserTokens(id: $id) { count } }'
const remove = 'mutation ($id: ID!) { deleteUser(id: $id) { deleted } }'
const create =
  'mutation ($u: String!, $e: String, $p: String, $role: Role! = USER) { createUser(username: $u, email: $e, password: $p, role: $role) { user { id username email role active } } }'

/** What each operation is asked with; all but the first two are about one account. */
const operations: [query: string, variables: object][] = [
  [listing, {}],
  [create, { u: 'new', p: password }],
  ['query ($id: ID!) { user(id: $id) { id } }', { id }],
  [setActive, { id, active: true }],
  [setRole, { id, role: 'USER' }],
  [setPassword, { id, p: 'quite another long phrase' }],
  [revoke, { id }],
  [remove, { id }],
]

async function start(t: Test, options: Parameters<typeof startApp>[1] = {}) {
  const server = await startApp(t, { ...options })
  const root = await server.createUser({ username: 'root', role: 'ADMIN' })
  const admin = await server.signIn(root)
  async function ask(query: string, variables: object = {}, token = admin) {
    const { body } = await server.graphql(query, variables, { token })
    const error = body.errors?.[0].extensions
    return { data: body.data, error: error ? [error.code, error.reason].filter(Boolean).join('/') : null }
  }
  return { ...server, root, admin, ask }
}

t.test('nobody but an administrator whose token has the scope administers', async (t) => {
  const { ask, createUser, graphql, signIn, root } = await start(t)
  const user = await signIn(await createUser())
  const { body } = await graphql(
    'mutation ($u: String!, $p: String!) { tokenAuth(username: $u, password: $p, scopes: [ACCOUNT, TOKENS]) { token } }',
    { u: root.username, p: root.password },
  )
  for (const [query, variables] of operations) {
    t.equal((await ask(query, variables, user)).error, 'FORBIDDEN/ROLE', query)
    t.equal((await ask(query, variables, body.data.tokenAuth.token)).error, 'FORBIDDEN/SCOPE', query)
    const { body: anonymous } = await graphql(query, variables)
    t.equal(anonymous.errors[0].extensions.code, 'UNAUTHENTICATED', query)
  }
  for (const [query, variables] of operations.slice(2)) {
    t.equal((await ask(query, variables)).error, 'NOT_FOUND', query)
  }
})

t.test('an administrator creates an account, whoever may sign up', async (t) => {
  const heard: unknown[] = []
  const { ask, signIn, admin, app, root } = await start(t, {
    signUp: 'closed',
    plugin: { hooks: { afterSignUp: (event) => void heard.push(event) } },
  })
  const { data } = await ask(create, { u: 'Ada', e: 'ada@example.org', p: password, role: 'ADMIN' })
  const { user } = data.createUser
  t.match(user, { username: 'Ada', email: 'ada@example.org', role: 'ADMIN', active: true })
  t.ok(await signIn({ username: 'ada', password }))
  t.match((await ask(create, { u: 'bob' })).data.createUser.user, { role: 'USER', email: null })
  t.equal((await app.latchkey.auth.findUser('bob'))?.passwordDigest, null)
  t.equal((await ask(create, { u: 'ADA', p: password })).error, 'CONFLICT/TAKEN')
  t.match((await ask(create, { u: 'eve', p: 'short' })).error, 'BAD_USER_INPUT')
  const twice =
    'mutation { a: createUser(username: "x") { user { id } } b: createUser(username: "y") { user { id } } }'
  t.match((await ask(twice)).error, 'QUERY_TOO_COMPLEX')
  t.strictSame(heard, [], 'nobody signed up')
  await app.latchkey.auth.audit.flush()
  const seen = await ask(
    'query ($id: ID!) { user(id: $id) { username tokens { totalCount } auditEvents { nodes { event actorId address } } } }',
    { id: user.id },
    admin,
  )
  t.match(seen.data.user, {
    username: 'Ada',
    tokens: { totalCount: 1 },
    auditEvents: {
      nodes: [{ event: 'authn_login_success' }, { event: 'user_created', actorId: root.id, address: /./ }],
    },
  })
})

t.test('what is decided about an account counts from the next request on', async (t) => {
  // A file: in memory there is no cache.
  const { ask, createUser, signIn, app, root } = await start(t, { databaseUrl: `sqlite:${t.testdir()}/a.db` })
  const ada = await createUser({ username: 'ada' })
  const own = '{ viewer { role active } }'
  let token = await signIn(ada)
  t.match((await ask(own, {}, token)).data.viewer, { role: 'USER', active: true })

  t.match((await ask(setRole, { id: ada.id, role: 'ADMIN' })).data.setUserRole.user, { role: 'ADMIN' })
  t.equal((await ask(listing, {}, token)).error, null)
  await ask(setRole, { id: ada.id, role: 'USER' })
  t.equal((await ask(listing, {}, token)).error, 'FORBIDDEN/ROLE')

  const disabled = await ask(setActive, { id: ada.id, active: false })
  t.strictSame(disabled.data.setUserActive, { user: { active: false }, revokedTokens: 1 })
  t.match((await ask(own, {}, token)).error, 'UNAUTHENTICATED')
  await t.rejects(signIn(ada))
  await ask(setActive, { id: ada.id, active: true })
  token = await signIn(ada)

  t.strictSame((await ask(revoke, { id: ada.id })).data.revokeUserTokens, { count: 1 })
  t.equal((await ask(own, {}, token)).error, 'UNAUTHENTICATED/REVOKED')

  token = await signIn(ada)
  t.equal((await ask(setPassword, { id: ada.id, p: 'short' })).error, 'BAD_USER_INPUT/TOO_SHORT')
  const changed = await ask(setPassword, { id: ada.id, p: 'quite another long phrase' })
  t.strictSame(changed.data.setUserPassword, { revokedTokens: 1 })
  t.match((await ask(own, {}, token)).error, 'UNAUTHENTICATED')
  await t.rejects(signIn(ada))
  token = await signIn({ ...ada, password: 'quite another long phrase' })

  t.strictSame((await ask(remove, { id: ada.id })).data.deleteUser, { deleted: true })
  t.match((await ask(own, {}, token)).error, 'UNAUTHENTICATED')
  t.equal((await ask(remove, { id: ada.id })).error, 'NOT_FOUND')

  await app.latchkey.auth.audit.flush()
  const { data } = await ask(
    'query ($id: ID!) { auditEvents(filter: { userId: $id }, first: 50) { nodes { event actorId detail } } }',
    { id: ada.id },
  )
  const byRoot = data.auditEvents.nodes.filter(({ actorId }: { actorId: string }) => actorId === root.id)
  t.strictSame(
    byRoot.map(({ event, detail }: { event: string; detail: string | null }) => [event, detail]).reverse(),
    [
      ['user_role_changed', 'ADMIN'],
      ['user_role_changed', 'USER'],
      ['authn_token_revoked', null],
      ['user_disabled', null],
      ['user_enabled', null],
      ['authn_token_revoked', null],
      ['authn_token_revoked', null],
      ['authn_password_change', null],
      ['authn_token_revoked', null],
      ['user_deleted', null],
    ],
  )
})

t.test('of the tokens of an account one can be ended, and nobody else’s', async (t) => {
  const { ask, createUser, signIn, root, app, admin } = await start(t)
  const ada = await createUser({ username: 'ada' })
  const [lost, kept] = [await signIn(ada), await signIn(ada)]
  const revokeOne =
    'mutation ($id: ID!, $tokenId: ID) { revokeUserTokens(id: $id, tokenId: $tokenId) { count } }'
  const idOf = async (token: string): Promise<string> =>
    (await app.latchkey.auth.introspectToken(token)).found?.token.id ?? ''
  const end = (id: string, tokenId: string | null) => ask(revokeOne, { id, tokenId })
  t.strictSame((await end(root.id, await idOf(lost))).data.revokeUserTokens, { count: 0 }, 'not the user’s')
  t.strictSame((await end(ada.id, await idOf(lost))).data.revokeUserTokens, { count: 1 })
  t.strictSame((await end(ada.id, await idOf(lost))).data.revokeUserTokens, { count: 0 }, 'twice')
  t.equal((await ask('{ viewer { id } }', {}, lost)).error, 'UNAUTHENTICATED/REVOKED')
  t.equal((await ask('{ viewer { id } }', {}, kept)).error, null)
  t.equal((await end(ada.id, 'x')).error, 'BAD_USER_INPUT/ID')
  t.strictSame((await end(ada.id, null)).data.revokeUserTokens, { count: 1 })
  await app.latchkey.auth.audit.flush()
  const ends =
    'query ($id: ID!) { auditEvents(filter: { userId: $id, events: ["authn_token_revoked"] }) { nodes { tokenId actorId } } }'
  t.match((await ask(ends, { id: ada.id }, admin)).data.auditEvents.nodes, [
    { tokenId: await idOf(kept), actorId: root.id },
    { tokenId: await idOf(lost), actorId: root.id },
  ])
})

t.test('a service account gets no password', async (t) => {
  const { ask, app } = await start(t)
  const robot = await app.latchkey.auth.createUser({ username: 'robot', password: null, service: true })
  t.equal(
    (await ask(setPassword, { id: robot.id, p: 'quite another long phrase' })).error,
    'FORBIDDEN/DISABLED',
  )
})

t.test('the last active administrator stays one', async (t) => {
  const { ask, createUser, root, app } = await start(t)
  const idle = await createUser({ role: 'ADMIN' })
  await ask(setActive, { id: idle.id, active: false })
  const ends: [string, object][] = [
    [setActive, { active: false }],
    [setRole, { role: 'USER' }],
    [remove, {}],
  ]
  for (const [query, variables] of ends) {
    t.equal((await ask(query, { id: root.id, ...variables })).error, 'FORBIDDEN/LAST_ADMIN', query)
  }
  t.equal((await ask(setActive, { id: root.id, active: true })).error, null)
  t.equal((await ask(setRole, { id: root.id, role: 'ADMIN' })).error, null)
  t.equal(
    (await ask(setRole, { id: idle.id, role: 'USER' })).error,
    null,
    'one who is disabled is not the last',
  )
  await app.latchkey.auth.setActive(root.id, false)
  t.equal((await app.latchkey.auth.findUser('root'))?.active, 0, 'the operator may')
})

t.test('of two administrators who demote, disable or delete each other at once, one remains', async (t) => {
  const { ask, app, root, admin, createUser, signIn } = await start(t)
  const { auth } = app.latchkey
  const other = await createUser({ username: 'other', role: 'ADMIN' })
  const tokens = [admin, await signIn(other)]
  for (let round = 0; round < 50; round++) {
    const [one, two] = round % 2 ? [other.id, root.id] : [root.id, other.id]
    await Promise.all([
      ask(setRole, { id: one, role: 'USER' }, tokens[round % 2 ? 0 : 1]),
      ask(setRole, { id: two, role: 'USER' }, tokens[round % 2 ? 1 : 0]),
    ])
    const rows = (await auth.searchUsers({}, 10, null)).items.map(({ node }) => node)
    if (rows.filter(({ role }) => role === 'ADMIN').length !== 1) t.fail(`round ${round}: ${rows.length}`)
    for (const { id } of rows) await auth.setRole(id, 'ADMIN')
  }
  const [one, two] = await Promise.all([
    ask(remove, { id: other.id }, tokens[0]),
    ask(remove, { id: root.id }, tokens[1]),
  ])
  t.equal([one, two].filter(({ error }) => error === null).length, 1)
  t.equal((await auth.searchUsers({}, 10, null)).items.length, 1)
})

t.test('accounts are listed page by page, and found by what their names begin with', async (t) => {
  const { ask, createUser, clock } = await start(t)
  // The last one's username is its address: it is found once.
  const names = ['Anna', 'annika', 'Bob', 'carl', 'Ann@example.org']
  const emails = ['x@example.org', 'y@example.org', 'ANNE@example.org', 'carl@example.org', 'ann@example.org']
  const ids: Record<string, string> = {}
  for (const [index, username] of names.entries()) {
    clock.now += 1
    const role = username === 'carl' ? 'ADMIN' : 'USER'
    ids[username] = (await createUser({ username, email: emails[index] as string, role })).id
  }
  await ask(setActive, { id: ids.annika, active: false })
  await ask(setActive, { id: ids.carl, active: false })
  const cases: [object, string[]][] = [
    [{}, ['root', ...names]],
    [{ active: true }, ['root', 'Anna', 'Bob', 'Ann@example.org']],
    [{ active: false }, ['annika', 'carl']],
    [{ role: 'ADMIN' }, ['root', 'carl']],
    [{ role: 'USER' }, ['Anna', 'annika', 'Bob', 'Ann@example.org']],
    [{ role: 'ADMIN', active: false }, ['carl']],
    [{ role: 'USER', active: false }, ['annika']],
    [{ search: '' }, ['root', ...names]],
    [{ search: ' ' }, ['root', ...names]],
    [{ search: 'ANN' }, ['Ann@example.org', 'Anna', 'annika', 'Bob']],
    [{ search: 'ann', active: true }, ['Ann@example.org', 'Anna', 'Bob']],
    [{ search: 'carl', role: 'USER' }, []],
    [{ search: '_' }, []],
    [{ search: '%' }, []],
  ]
  for (const [filter, expected] of cases) {
    for (const first of [1, 2, 100]) {
      const found: string[] = []
      let after: string | null = null
      for (let page = 0; page < 20; page++) {
        const { data, error } = await ask(listing, { ...filter, first, after })
        t.equal(error, null)
        found.push(...data.users.nodes.map(({ username }: { username: string }) => username))
        t.equal(data.users.pageInfo.hasPreviousPage, after !== null)
        if (!data.users.pageInfo.hasNextPage) break
        after = data.users.pageInfo.endCursor
      }
      t.strictSame(found, expected, `${JSON.stringify(filter)}, ${first} a page`)
    }
  }
  const wrong: [object, string][] = [
    [{ first: 0 }, 'RANGE'],
    [{ first: 101 }, 'RANGE'],
    [{ after: 'x' }, 'CURSOR'],
    [{ search: 'ann', after: 'x' }, 'CURSOR'],
    [{ search: 'ann', after: Buffer.from('username:bob').toString('base64url') }, 'CURSOR'],
    [{ search: 'a\u0000' }, 'ILL_FORMED'],
  ]
  for (const [variables, reason] of wrong) {
    t.equal((await ask(listing, variables)).error, `BAD_USER_INPUT/${reason}`, JSON.stringify(variables))
  }
})

t.test('what holds a NUL is nobody and nothing, whichever database is asked', async (t) => {
  const { ask } = await start(t)
  const none = `${id}\0`
  t.equal((await ask('query ($id: ID!) { user(id: $id) { id } }', { id: none })).error, 'NOT_FOUND')
  for (const [query, variables] of operations.slice(3)) {
    t.equal((await ask(query, { ...variables, id: none })).error, 'NOT_FOUND', query)
  }
  const audit =
    'query ($filter: AuditEventFilter) { auditEvents(first: 1, filter: $filter) { nodes { id } } }'
  t.strictSame(await ask(audit, { filter: { address: '192.0.2.1\0' } }), {
    data: { auditEvents: { nodes: [] } },
    error: null,
  })
})

t.test('a search goes on where more names begin alike than are read at once', async (t) => {
  const { auth, database } = await openDomain(t)
  await database.transaction(async (db) => {
    for (let number = 0; number < 1_000; number++) {
      const username = `ann${String(number).padStart(4, '0')}`
      const email = number < 500 ? `${username}@example.org` : null
      const names = { username, usernameKey: username, email, emailKey: email }
      await insertUser(db, { id: uuid(), ...names, passwordDigest: null, role: 'USER', createdAt: 0 })
    }
  })
  const found = new Set<string>()
  let after: string | null = null
  let pages = 0
  do {
    const page = await auth.searchUsers({ search: 'ann' }, 100, after)
    for (const { node } of page.items) found.add(node.username)
    pages++
    after = page.hasNextPage ? page.endCursor : null
  } while (after !== null)
  t.equal(found.size, 1_000)
  t.equal(pages, 10)
})

t.test('each list of accounts is read along an index, in order, however many there are', async (t) => {
  const explain = await openPlans(t)
  const primary = 'sqlite_autoindex_latchkey_users_1 (id>?)'
  const cases: [UserPath, string | null, string][] = [
    ['all', null, primary],
    ['admins', id, 'latchkey_users_admins (id>?)'],
    [{ active: false }, id, 'latchkey_users_active (active=? AND id>?)'],
    [
      { prefix: 'a', of: 'username' },
      null,
      'sqlite_autoindex_latchkey_users_2 (username_key>? AND username_key<?)',
    ],
    [{ prefix: 'a', of: 'email' }, 'ab', 'sqlite_autoindex_latchkey_users_3 (email_key>? AND email_key<?)'],
  ]
  for (const [path, behind, along] of cases) {
    const plan = await explain((db) => listUsersAlong(db, path, behind, 20))
    t.equal(plan, `SEARCH latchkey_users USING INDEX ${along}`)
  }
})

t.test('users read what an administrator has done to them, and not from where', async (t) => {
  const { ask, createUser, signIn, app } = await start(t)
  const bob = await createUser({ username: 'bob' })
  t.equal((await ask(setRole, { id: bob.id, role: 'ADMIN' })).error, null)
  t.equal((await ask(setRole, { id: bob.id, role: 'USER' })).error, null)
  await app.latchkey.auth.audit.flush()
  const { data } = await ask(
    '{ viewer { auditEvents(first: 100) { nodes { event address userAgent } } } }',
    {},
    await signIn(bob),
  )
  const nodes: { event: string }[] = data.viewer.auditEvents.nodes
  t.match(
    nodes.filter(({ event }) => event === 'user_role_changed'),
    [
      { address: null, userAgent: null },
      { address: null, userAgent: null },
    ],
  )
})

t.test(
  'a token that administers alone does not reach its own account, nor does one that does not see places',
  async (t) => {
    const { ask, clock, root, graphql, app } = await start(t)
    const signIn = async (scopes: string): Promise<string> => {
      const query = `mutation ($u: String!, $p: String!) { tokenAuth(username: $u, password: $p, scopes: [${scopes}]) { token } }`
      return (await graphql(query, { u: root.username, p: root.password })).body.data.tokenAuth.token
    }
    const administers = await signIn('ADMIN')
    const p = 'quite another long phrase'
    t.equal((await ask(setPassword, { id: root.id, p }, administers)).error, 'FORBIDDEN/SCOPE')
    t.equal((await ask(remove, { id: root.id }, administers)).error, 'FORBIDDEN/SCOPE')
    const stale = await signIn('ADMIN, ACCOUNT')
    clock.now += 600_000
    t.equal((await ask(setPassword, { id: root.id, p }, stale)).error, 'FORBIDDEN/STALE_LOGIN')
    t.equal((await ask(remove, { id: root.id }, stale)).error, 'FORBIDDEN/STALE_LOGIN')
    const fresh = await signIn('ADMIN, ACCOUNT')
    t.equal((await ask(remove, { id: root.id }, fresh)).error, 'FORBIDDEN/LAST_ADMIN', 'it would be let')

    const actor = { actorId: '01890000-0000-7000-8000-000000000001', address: '192.0.2.7' }
    app.latchkey.auth.report({ event: 'user_role_changed', userId: root.id, ...actor })
    await app.latchkey.auth.audit.flush()
    const seen = async (token: string) => {
      const query = '{ viewer { auditEvents(first: 100) { nodes { event address } } } }'
      const { nodes } = (await ask(query, {}, token)).data.viewer.auditEvents
      return nodes.find(({ event }: { event: string }) => event === 'user_role_changed').address
    }
    t.equal(await seen(await signIn('ACCOUNT')), null)
    t.equal(await seen(await signIn('ACCOUNT, ADMIN')), '192.0.2.7')
  },
)
