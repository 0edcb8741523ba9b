import t from 'tap'
import { password, startApp, type TestApp } from '../support/app.ts'

const newPassword = 'a wholly different passphrase'
const change =
  'mutation ($c: String!, $n: String!) { changePassword(currentPassword: $c, newPassword: $n) { revokedTokens } }'
const viewer = '{ viewer { id username email role createdAt lastSignInAt } }'

async function canSignIn({ graphql }: TestApp, username: string, p: string): Promise<boolean> {
  const query = 'mutation ($u: String!, $p: String!) { tokenAuth(username: $u, password: $p) { token } }'
  return (await graphql(query, { u: username, p })).body.data.tokenAuth !== null
}

t.test('serverInfo tells everybody how to talk to the server', async (t) => {
  const { graphql } = await startApp(t)
  const { body } = await graphql(
    '{ serverInfo { name version signUp tokenScheme tokenHeader passwordMinLength } }',
  )
  t.match(body.data.serverInfo, { version: /^\d+\.\d+\.\d+/ })
  t.match(body.data.serverInfo, {
    name: 'latchkey',
    signUp: 'OPEN',
    tokenScheme: 'Token',
    tokenHeader: 'Authorization',
    passwordMinLength: 8,
  })
})

t.test('viewer is the signed-in user, and nobody without a token', async (t) => {
  const { clock, createUser, graphql, signIn } = await startApp(t)
  const user = await createUser({ username: 'root', email: 'root@example.org', role: 'ADMIN' })
  clock.now += 1_000
  const token = await signIn(user)
  t.strictSame((await graphql(viewer, null, { token })).body, {
    data: {
      viewer: {
        id: user.id,
        username: 'root',
        email: 'root@example.org',
        role: 'ADMIN',
        createdAt: '2026-11-23T09:00:00.000Z',
        lastSignInAt: '2026-11-23T09:00:01.000Z',
      },
    },
  })
  t.match(await graphql(viewer), { status: 401, body: { data: { viewer: null } } })
})

t.test('every field that needs a user is refused without one', async (t) => {
  const { graphql } = await startApp(t)
  for (const query of [
    '{ viewer { id } }',
    'mutation { revokeToken { revoked } }',
    'mutation { revokeToken(id: "x") { revoked } }',
    'mutation { revokeOtherTokens { count } }',
    'mutation { revokeAllTokens { count } }',
    'mutation { renameToken(id: "x", name: "") { tokenInfo { id } } }',
    'mutation { changePassword(currentPassword: "", newPassword: "") { revokedTokens } }',
    'mutation { updateViewer(username: "") { user { id } } }',
  ]) {
    t.match(
      await graphql(query),
      { status: 401, body: { errors: [{ extensions: { code: 'UNAUTHENTICATED', reason: 'MISSING' } }] } },
      query,
    )
  }
})

t.test('changePassword ends every other token, and this one stays', async (t) => {
  const app = await startApp(t)
  const [ada, bob] = [await app.createUser(), await app.createUser()]
  const [one, two, three, bobs] = [
    await app.signIn(ada),
    await app.signIn(ada),
    await app.signIn(ada),
    await app.signIn(bob),
  ]
  const { body } = await app.graphql(change, { c: password, n: newPassword }, { token: two })
  t.strictSame(body, { data: { changePassword: { revokedTokens: 2 } } })
  for (const [token, status] of [
    [one, 401],
    [two, 200],
    [three, 401],
    [bobs, 200],
  ] as const) {
    t.equal((await app.graphql(viewer, null, { token })).status, status)
  }
  t.notOk(await canSignIn(app, ada.username, password))
  t.ok(await canSignIn(app, ada.username, newPassword))
  t.ok(await canSignIn(app, bob.username, password))
})

t.test('changePassword needs the password in force, and a wrong one changes nothing', async (t) => {
  const app = await startApp(t)
  const user = await app.createUser()
  const [token, other] = [await app.signIn(user), await app.signIn(user)]
  for (const c of ['', 'wrong', `${password} `, password.toUpperCase()]) {
    t.match(
      await app.graphql(change, { c, n: newPassword }, { token }),
      {
        status: 401,
        body: {
          data: { changePassword: null },
          errors: [
            { message: 'Wrong password.', extensions: { code: 'UNAUTHENTICATED', reason: 'CREDENTIALS' } },
          ],
        },
      },
      c,
    )
  }
  t.ok(await canSignIn(app, user.username, password))
  t.equal((await app.graphql(viewer, null, { token: other })).status, 200)
})

t.test('changePassword counts wrong passwords, and the token goes on', async (t) => {
  const app = await startApp(t, { rateLimitAccountFailures: 2 })
  const user = await app.createUser()
  const token = await app.signIn(user)
  const statuses: number[] = []
  for (let time = 0; time < 4; time++) {
    statuses.push((await app.graphql(change, { c: 'wrong', n: newPassword }, { token })).status)
  }
  t.strictSame(statuses, [401, 401, 429, 429])
  const waiting = await app.graphql(change, { c: password, n: newPassword }, { token })
  t.match(waiting, { status: 429, headers: { 'retry-after': /^\d+$/ } }, 'the right one has to wait as well')
  t.equal((await app.graphql(viewer, null, { token })).status, 200)
  app.clock.now += Number(waiting.headers['retry-after']) * 1_000
  t.equal((await app.graphql(change, { c: password, n: newPassword }, { token })).status, 200)
})

t.test('a new password follows the rules of signUp, which cost no attempt', async (t) => {
  const app = await startApp(t, { rateLimitAccountFailures: 1 })
  const user = await app.createUser({ username: 'grace', email: 'hopper@example.org' })
  const token = await app.signIn(user)
  for (const [n, reason] of [
    ['', 'TOO_SHORT'],
    ['zq7!xvb', 'TOO_SHORT'],
    ['x'.repeat(1_025), 'TOO_LONG'],
    ['\ud800zq7!xvbm', 'ILL_FORMED'],
    ['password1', 'TOO_COMMON'],
    ['xx Grace xx', 'CONTAINS_NAME'],
    ['xx HOPPER xx', 'CONTAINS_NAME'],
  ]) {
    t.match(
      (await app.graphql(change, { c: 'wrong', n }, { token })).body,
      { errors: [{ extensions: { code: 'BAD_USER_INPUT', field: 'newPassword', reason } }] },
      String(reason),
    )
  }
  for (const c of ['\ud800', 'x'.repeat(1_025)]) {
    t.match((await app.graphql(change, { c, n: newPassword }, { token })).body, {
      errors: [{ extensions: { code: 'BAD_USER_INPUT', field: 'currentPassword' } }],
    })
  }
  t.equal((await app.graphql(change, { c: password, n: newPassword }, { token })).status, 200)
})

t.test('updateViewer changes what is given and leaves the rest', async (t) => {
  const app = await startApp(t)
  const token = await app.signIn(await app.createUser({ username: 'ada', email: 'ada@example.org' }))
  const rows: [args: string, username: string, email: string | null][] = [
    ['', 'ada', 'ada@example.org'],
    ['(username: "Ada L")', 'Ada L', 'ada@example.org'],
    ['(username: "ADA L")', 'ADA L', 'ada@example.org'],
    ['(email: "Ada.L@example.org")', 'ADA L', 'Ada.L@example.org'],
    ['(username: null)', 'ADA L', 'Ada.L@example.org'],
    ['(email: null)', 'ADA L', null],
    ['(username: "ada@example.org", email: "ada@example.org")', 'ada@example.org', 'ada@example.org'],
    ['(username: "Ａda", email: " a@example.org ")', 'Ada', 'a@example.org'],
  ]
  for (const [args, username, email] of rows) {
    const { body } = await app.graphql(`mutation { updateViewer${args} { user { username email } } }`, null, {
      token,
    })
    t.strictSame(body, { data: { updateViewer: { user: { username, email } } } }, args)
    t.match(
      (await app.graphql(viewer, null, { token })).body.data.viewer,
      { username, email },
      'and so it stays',
    )
  }
  t.ok(await canSignIn(app, 'ada', password))
  t.ok(await canSignIn(app, 'A@EXAMPLE.ORG', password))
  t.notOk(await canSignIn(app, 'ada@example.org', password), 'the former address')
})

t.test('a new username needs a recent proof of the password', async (t) => {
  const app = await startApp(t)
  const ada = await app.createUser({ username: 'ada' })
  const token = await app.signIn(ada)
  const personal = (
    await app.graphql('mutation { createToken(name: "script", scopes: [ACCOUNT]) { token } }', null, {
      token,
    })
  ).body.data.createToken.token
  const rename = (bearer: string) =>
    app.graphql('mutation { updateViewer(username: "eve") { user { username } } }', null, { token: bearer })
  const refused = {
    status: 403,
    body: { errors: [{ extensions: { code: 'FORBIDDEN', reason: 'STALE_LOGIN' } }] },
  }
  t.match(await rename(personal), refused, 'a personal token')
  app.clock.now += 600_000
  t.match(await rename(token), refused, 'an old sign-in')
  t.match((await app.graphql(viewer, null, { token })).body.data.viewer, { username: 'ada' })
  const confirm = 'mutation ($p: String!) { confirmPassword(password: $p) { __typename } }'
  await app.graphql(confirm, { p: password }, { token })
  t.match((await rename(token)).body.data, { updateViewer: { user: { username: 'eve' } } })
})

t.test('a username that was given up is free at once, for an account of another id', async (t) => {
  const { createUser, graphql, signIn } = await startApp(t)
  const ada = await createUser({ username: 'ada' })
  const token = await signIn(ada)
  await graphql('mutation { updateViewer(username: "lovelace") { user { id } } }', null, { token })
  const other = await createUser({ username: 'ada' })
  t.not(other.id, ada.id)
  const { body } = await graphql('{ viewer { id username } }', null, { token })
  t.match(body.data.viewer, { id: ada.id, username: 'lovelace' }, 'the token is who it was')
  await graphql('mutation { deleteViewer { deleted } }', null, { token: await signIn(other) })
  t.not((await createUser({ username: 'ada' })).id, other.id)
})

t.test('updateViewer follows the rules of signUp', async (t) => {
  const app = await startApp(t)
  const token = await app.signIn(await app.createUser({ username: 'ada', email: 'ada@example.org' }))
  await app.createUser({ username: 'bob', email: 'bob@example.org' })
  const rows: [args: string, code: string, reason: string, field: string][] = [
    ['username: "BOB"', 'CONFLICT', 'TAKEN', 'username'],
    ['email: "BOB@example.org"', 'CONFLICT', 'TAKEN', 'email'],
    ['username: "bob@example.org"', 'BAD_USER_INPUT', 'NOT_YOUR_EMAIL', 'username'],
    ['username: "", email: "new@example.org"', 'BAD_USER_INPUT', 'LENGTH', 'username'],
    ['username: "a\\u200bb"', 'BAD_USER_INPUT', 'CHARACTERS', 'username'],
    ['email: ""', 'BAD_USER_INPUT', 'EMAIL', 'email'],
    ['username: "new", email: "x"', 'BAD_USER_INPUT', 'EMAIL', 'email'],
    ['username: "new", email: "bob@example.org"', 'CONFLICT', 'TAKEN', 'email'],
  ]
  for (const [args, code, reason, field] of rows) {
    const { body } = await app.graphql(`mutation { updateViewer(${args}) { user { id } } }`, null, { token })
    t.match(body.errors, [{ extensions: { code, reason, field } }], args)
  }
  t.match((await app.graphql(viewer, null, { token })).body.data.viewer, {
    username: 'ada',
    email: 'ada@example.org',
  })
})

t.test('a username that is the email address keeps being the account’s own', async (t) => {
  const app = await startApp(t)
  const token = await app.signIn(
    await app.createUser({ username: 'ada@example.org', email: 'ada@example.org' }),
  )
  for (const args of ['email: null', 'email: "new@example.org"']) {
    t.match(
      (await app.graphql(`mutation { updateViewer(${args}) { user { id } } }`, null, { token })).body.errors,
      [{ extensions: { code: 'BAD_USER_INPUT', reason: 'NOT_YOUR_EMAIL' } }],
      args,
    )
  }
  const both = 'mutation { updateViewer(username: "ada", email: null) { user { username email } } }'
  t.strictSame((await app.graphql(both, null, { token })).body.data.updateViewer.user, {
    username: 'ada',
    email: null,
  })
})
