import SqliteDatabase from 'better-sqlite3'
import { Kysely, SqliteDialect } from 'kysely'
import t from 'tap'
import { startApp } from '../support/app.ts'
import { startHost } from '../support/host.ts'
import { createDatabase, startServer } from '../support/servers.ts'

const rotate = 'mutation { rotateToken { token tokenInfo { id scopes current } user { username } } }'
const whoAmI = '{ viewer { username } }'
const revoked = {
  status: 401,
  body: { errors: [{ extensions: { code: 'UNAUTHENTICATED', reason: 'REVOKED' } }] },
}

t.test('a token without scopes rotates itself; aliases and 50 requests get one new token', async (t) => {
  const { createUser, graphql, clock } = await startApp(t)
  const user = await createUser()
  const { body: signedIn } = await graphql(
    'mutation ($u: String!, $p: String!) { tokenAuth(username: $u, password: $p, scopes: []) { token tokenInfo { id } } }',
    { u: user.username, p: user.password },
  )
  const { token, tokenInfo } = signedIn.data.tokenAuth
  const twice = await graphql('mutation { a: rotateToken { token } b: rotateToken { token } }', null, {
    token,
  })
  t.equal(twice.body.data.a.token, twice.body.data.b.token)
  const answers = await Promise.all(Array.from({ length: 50 }, () => graphql(rotate, null, { token })))
  const tokens = new Set(answers.map(({ body }) => body.data.rotateToken.token))
  t.strictSame([...tokens], [twice.body.data.a.token])
  t.match(answers[0]?.body.data.rotateToken, {
    tokenInfo: { id: tokenInfo.id, scopes: [], current: true },
    user: { username: user.username },
  })
  clock.now += 30_000
  t.match(await graphql(whoAmI, null, { token: [...tokens][0] as string }), { status: 200 })
  t.match(await graphql(whoAmI, null, { token }), revoked)
  t.match(await graphql(whoAmI, null, { token: [...tokens][0] as string }), revoked)
  t.match((await graphql(rotate, null, {})).body.errors, [{ extensions: { reason: 'MISSING' } }])
})

t.test('over an application’s own database the same holds', async (t) => {
  let now = Date.now()
  const database = new Kysely<unknown>({
    dialect: new SqliteDialect({ database: new SqliteDatabase(':memory:') }),
  })
  t.teardown(() => database.destroy())
  const { query, signIn } = await startHost(t, { database, clock: () => now })
  const { token } = await signIn('ada')
  const { body } = await query(rotate, { token })
  const next = body.data.rotateToken.token
  t.match(await query(whoAmI, { token }), { status: 200 })
  now += 30_000
  t.match(await query(whoAmI, { token: next }), { status: 200 })
  t.match(await query(whoAmI, { token }), revoked)
  t.match(await query(whoAmI, { token: next }), revoked)
})

t.test('two processes on one file give one new token, and know at once what was rotated', async (t) => {
  const { databaseUrl, domain } = await createDatabase(t)
  await domain.createUser('ada')
  const settings = { databaseUrl, rateLimitBadTokens: 100_000 }
  const servers = await Promise.all([startServer(t, settings), startServer(t, settings)])
  const [one, two] = servers
  const token = await one.signIn('ada')
  for (const { graphql } of servers) t.match(await graphql(whoAmI, null, token), { status: 200 })
  const answers = await Promise.all(
    Array.from({ length: 50 }, (_, index) => (index % 2 ? one : two).graphql(rotate, null, token)),
  )
  const [next, ...others] = new Set(answers.map(({ body }) => body.data.rotateToken.token))
  t.strictSame(others, [])
  for (const { graphql } of servers) {
    t.match(await graphql(whoAmI, null, token), { status: 200 }, 'within the grace')
    t.match(await graphql(whoAmI, null, next), { status: 200 })
  }
  const last = (await one.graphql(rotate, null, next)).body.data.rotateToken.token
  for (const { graphql } of servers) t.match(await graphql(whoAmI, null, last), { status: 200 })
  const shown = await Promise.all(
    Array.from({ length: 20 }, (_, index) => (index % 2 ? one : two).graphql(whoAmI, null, token)),
  )
  for (const answer of shown) t.match(answer, revoked)
  for (const { graphql } of servers) t.match(await graphql(whoAmI, null, last), revoked)
  t.equal(one.countEvents('authn_token_reuse') + two.countEvents('authn_token_reuse'), 1)
})

t.test(
  'without a grace, what another process has in memory is refused from the moment of its rotation',
  async (t) => {
    const { databaseUrl, domain } = await createDatabase(t)
    await domain.createUser('ada')
    const settings = { databaseUrl, tokenRotationGrace: '0s' }
    const [one, two] = await Promise.all([startServer(t, settings), startServer(t, settings)])
    for (let round = 0; round < 20; round++) {
      const token = round === 0 || round % 5 ? (await domain.signIn('ada')).token : await one.signIn('ada')
      for (let use = 0; use < 3; use++) t.match(await two.graphql(whoAmI, null, token), { status: 200 })
      const { body } = await one.graphql(rotate, null, token)
      const next = body.data.rotateToken.token
      t.match(await two.graphql(whoAmI, null, next), { status: 200 })
      t.match(await two.graphql(whoAmI, null, token), revoked)
      t.match(await one.graphql(whoAmI, null, next), revoked)
    }
  },
)
