import { hash } from '@node-rs/argon2'
import t from 'tap'
import { openDatabase } from '../../src/db/open.ts'
import { startApp, type TestApp } from '../support/app.ts'
import { freshDatabase, isOnPostgres } from '../support/database.ts'
import { allWell, askFour, type FourAnswers } from '../support/four.ts'

/** A user with a token to use and one to revoke, and how to ask the four things from one address. */
async function prepare({ createUser, signIn, graphql }: TestApp) {
  const user = await createUser()
  const token = await signIn(user)
  const spare = await signIn(user)
  const ask = (): Promise<FourAnswers> =>
    askFour(
      (query, variables, credentials) =>
        graphql(query, variables, {
          address: '192.0.2.1',
          ...(credentials === undefined ? {} : { token: credentials }),
        }),
      { username: user.username, token, spare },
    )
  return { user, token, spare, ask }
}

t.test('a full queue of password checks refuses sign-ins alone, and at once', async (t) => {
  const databaseUrl = isOnPostgres ? await freshDatabase(t) : `sqlite:${t.testdir()}/latchkey.db`
  const app = await startApp(t, { databaseUrl, passwordHashConcurrency: 1, passwordHashQueue: 1 })
  const { ask } = await prepare(app)
  // As dear as a stored digest may be: the queue stays full while the four are asked.
  const { username } = await app.createUser()
  const database = openDatabase(databaseUrl)
  t.teardown(() => database.close())
  await database.kysely
    .updateTable('latchkey_users')
    .set({ password_digest: await hash('another password', { memoryCost: 131_072, timeCost: 10 }) })
    .where('username', '=', username)
    .execute()
  const flood = ['198.51.100.1', '198.51.100.2'].map((address) =>
    app.graphql(
      'mutation ($username: String!) { tokenAuth(username: $username, password: "not the password") { token } }',
      { username },
      { address },
    ),
  )
  t.same(await ask(), { ...allWell, signIn: '429 BUSY' })
  await Promise.all(flood)
  t.match(await ask(), { signIn: '200', use: '200', list: '200' })
})

t.test('more requests than the limit are all refused, until the window is over', async (t) => {
  const app = await startApp(t, { rateLimitRequests: 6, rateLimitWindow: '1s' })
  const { ask, token, spare } = await prepare(app)
  // Each token has a count of its own.
  const queries = [undefined, token, spare].flatMap((credentials) =>
    Array.from({ length: 6 }, () => credentials),
  )
  for (const credentials of queries) {
    const who = credentials === undefined ? {} : { token: credentials }
    await app.graphql('{ serverInfo { name } }', null, { address: '192.0.2.1', ...who })
  }
  const refused = '429 REQUESTS'
  t.same(await ask(), { signIn: refused, use: refused, revoke: refused, list: refused })
  await new Promise((resolve) => setTimeout(resolve, 1_100))
  t.same(await ask(), allWell)
})

t.test('a clock that is set back brings no revoked token back, and shuts nobody out', async (t) => {
  const app = await startApp(t)
  const { ask, token, spare } = await prepare(app)
  t.same(await ask(), allWell)
  app.clock.now -= 3_600_000
  const { signIn, use, list } = await ask()
  t.same({ signIn, use, list }, { signIn: '200', use: '200', list: '200' })
  t.match(await app.graphql('{ viewer { id } }', null, { token: spare }), {
    status: 401,
    body: { errors: [{ extensions: { reason: 'REVOKED' } }] },
  })
  t.match(await app.graphql('mutation { revokeToken { revoked } }', null, { token }), { status: 200 })
  t.equal((await app.graphql('{ viewer { id } }', null, { token })).status, 401)
})
