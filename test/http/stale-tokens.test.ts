import t, { type Test } from 'tap'
import type { SettingsInput } from '../../src/config.ts'
import { password, startApp } from '../support/app.ts'
import { ownPage, signInWithCookie } from '../support/cookie.ts'

const publicField = '{ serverInfo { name } }'
const bothFields = '{ serverInfo { name } viewer { id } }'
const signInQuery =
  'mutation ($u: String!) { tokenAuth(username: $u, password: "correct horse battery staple") { token } }'
const signUpQuery =
  'mutation { signUp(username: "grace", password: "correct horse battery staple") { username } }'

/** An app and a bad token or header for each reason there is. */
async function startWithBadTokens(t: Test, settings: SettingsInput) {
  const server = await startApp(t, { ...settings, tokenTtl: '1h' })
  const { app, clock, createUser, graphql, signIn } = server
  const [ada, bob] = [await createUser(), await createUser()]
  const expired = await signIn(ada)
  clock.now += 3_600_000
  const revoked = await signIn(ada)
  await graphql('mutation { revokeToken { revoked } }', null, { token: revoked })
  const inactive = await signIn(bob)
  await app.latchkey.auth.setActive(bob.id, false)
  const good = await signIn(ada)
  const bad: [reason: string, authorization: string][] = [
    ['MALFORMED', 'Token'],
    ['INVALID', 'Token hello'],
    ['EXPIRED', `Token ${expired}`],
    ['REVOKED', `Token ${revoked}`],
    ['INACTIVE', `Token ${inactive}`],
  ]
  return { ...server, ada, bad, good }
}

t.test('soft: beside a bad token public fields answer normally', async (t) => {
  const { ada, bad, graphql, good } = await startWithBadTokens(t, { staleTokens: 'soft' })
  for (const [reason, authorization] of bad) {
    const headers = { authorization }
    t.match(await graphql(publicField, null, { headers }), {
      status: 200,
      headers: { 'www-authenticate': undefined },
      body: { data: { serverInfo: { name: 'latchkey' } }, errors: undefined },
    })
    t.match(
      await graphql(bothFields, null, { headers }),
      {
        status: 200,
        headers: { 'www-authenticate': /error="invalid_/ },
        body: {
          data: { serverInfo: { name: 'latchkey' }, viewer: null },
          errors: [{ path: ['viewer'], extensions: { code: 'UNAUTHENTICATED', reason } }],
        },
      },
      reason,
    )
  }
  t.match(await graphql(bothFields, null, { token: good }), { body: { data: { viewer: { id: ada.id } } } })
})

t.test('strict: a bad token refuses the whole request', async (t) => {
  const { ada, bad, graphql, good } = await startWithBadTokens(t, { staleTokens: 'strict' })
  for (const [reason, authorization] of bad) {
    for (const query of [publicField, bothFields, 'mutation { revokeAllTokens { count } }']) {
      for (const accept of ['application/json', 'application/graphql-response+json']) {
        const answer = await graphql(query, null, { headers: { authorization }, accept })
        t.match(
          answer,
          {
            status: 401,
            headers: { 'www-authenticate': /error="invalid_/ },
            body: { errors: [{ extensions: { code: 'UNAUTHENTICATED', reason } }] },
          },
          reason,
        )
        t.strictSame(Object.keys(answer.body), ['errors'])
      }
    }
  }
  t.match(await graphql(bothFields, null, { token: good }), { body: { data: { viewer: { id: ada.id } } } })
  t.match(await graphql(publicField), { status: 200 }, 'no token is no bad one')
  t.match(await graphql(publicField, null, { headers: { authorization: 'Basic abc' } }), { status: 200 })
})

for (const staleTokens of ['soft', 'strict']) {
  t.test(`${staleTokens}: signing in and up ignores a bad token`, async (t) => {
    const { ada, bad, graphql } = await startWithBadTokens(t, { staleTokens })
    for (const [reason, authorization] of bad) {
      const headers = { authorization }
      t.match(
        await graphql(signInQuery, { u: ada.username }, { headers }),
        { status: 200, body: { data: { tokenAuth: { token: String } }, errors: undefined } },
        reason,
      )
      t.match(
        await graphql(signUpQuery.replace('grace', `grace${reason}`), null, { headers }),
        { status: 200, body: { data: { signUp: { username: `grace${reason}` } } } },
        reason,
      )
    }
  })
}

t.test('strict: a request that only looks like a sign-in is refused', async (t) => {
  const { graphql } = await startApp(t, { staleTokens: 'strict' })
  for (const query of [
    `mutation { tokenAuth(username: "a", password: "${password}") { token } revokeAllTokens { count } }`,
    'query tokenAuth { serverInfo { name } }',
    '{ tokenAuth: serverInfo { name } }',
    'mutation { __typename }',
  ]) {
    t.match(await graphql(query, null, { token: 'bad' }), {
      status: 401,
      body: { errors: [{ extensions: { reason: 'INVALID' } }] },
    })
  }
  t.match(
    await graphql(
      'mutation { ...F } fragment F on Mutation { a: tokenAuth(username: "a", password: "b") { token } }',
      null,
      {
        token: 'bad',
      },
    ),
    { body: { errors: [{ extensions: { reason: 'CREDENTIALS' } }] } },
    'in a fragment and by another name it is one',
  )
})

t.test(
  'strict: a dead token in the cookie, which no page can take away, refuses no public field',
  async (t) => {
    const app = await startApp(t, { staleTokens: 'strict' })
    const user = await app.createUser()
    const revoked = await signInWithCookie(app, user)
    await app.graphql('mutation { revokeAllTokens { count } }', null, { headers: revoked })
    for (const [reason, headers] of [
      ['REVOKED', revoked],
      ['INVALID', { cookie: 'latchkey=hello', ...ownPage }],
    ] as const) {
      const { status, body } = await app.graphql(bothFields, null, { headers })
      t.equal(status, 200)
      t.match(body, {
        data: { serverInfo: { name: 'latchkey' }, viewer: null },
        errors: [{ extensions: { code: 'UNAUTHENTICATED', reason } }],
      })
    }
    t.ok((await signInWithCookie(app, user, { ...revoked, ...ownPage })).cookie, 'and one signs in anew')
  },
)
