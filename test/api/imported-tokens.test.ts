import { join } from 'node:path'
import SqliteDatabase from 'better-sqlite3'
import { Kysely, SqliteDialect } from 'kysely'
import t, { type Test } from 'tap'
import { adoptKysely, openDatabase } from '../../src/db/open.ts'
import { startApp, type TestApp } from '../support/app.ts'
import { startHost } from '../support/host.ts'
import { type ForeignToken, foreignTokens, storeForeignToken } from '../support/imported.ts'
import { secret } from '../support/log.ts'
import { openSocket } from '../support/socket.ts'

const dayMs = 86_400_000
const whoAmI = '{ viewer { username } }'

/** The service with a user who has this token. */
async function startWith(
  t: Test,
  foreign: ForeignToken,
  settings: Parameters<typeof startApp>[1] = {},
): Promise<TestApp & { id: string; userId: string; reason(token?: string): Promise<string | null> }> {
  const databaseUrl = `sqlite:${join(t.testdir(), 'latchkey.db')}`
  const app = await startApp(t, { ...settings, databaseUrl })
  const database = openDatabase(databaseUrl)
  t.teardown(() => database.close())
  const { id: userId } = await app.createUser({ username: 'ada' })
  const id = await storeForeignToken(database, foreign, { userId, now: app.clock.now })
  return {
    ...app,
    id,
    userId,
    async reason(token = foreign.token) {
      const { body } = await app.graphql(whoAmI, null, { token })
      return body.errors?.[0].extensions.reason ?? null
    },
  }
}

for (const foreign of foreignTokens) {
  const { what, token } = foreign

  t.test(`${what} is that of its user until it ends, from memory and from the database`, async (t) => {
    for (const tokenCache of ['1000', 'off']) {
      await t.test(`with the cache ${tokenCache}`, async (t) => {
        const { graphql, clock, reason, id } = await startWith(t, foreign, {
          tokenCache,
          tokenIdleTtl: '90d',
        })
        for (let use = 0; use < 3; use++) {
          t.match(await graphql(whoAmI, null, { headers: { authorization: `tOkEn  ${token}` } }), {
            status: 200,
            body: { data: { viewer: { username: 'ada' } } },
          })
        }
        const list = '{ viewer { tokens { nodes { id name kind current provenAt } } } }'
        t.match((await graphql(list, null, { token })).body.data.viewer.tokens.nodes, [
          { id, name: 'Imported', kind: 'DEVICE', current: true, provenAt: null },
        ])
        clock.now += 30 * dayMs - 1
        t.equal(await reason(), null)
        clock.now += 1
        t.equal(await reason(), 'EXPIRED')
      })
    }
  })

  t.test(`${what} is renewed by its use, up to its ceiling, and goes idle`, async (t) => {
    const databaseUrl = `sqlite:${join(t.testdir(), 'latchkey.db')}`
    const { app, createUser, graphql, clock } = await startApp(t, { databaseUrl, tokenRenew: 'on' })
    const database = openDatabase(databaseUrl)
    t.teardown(() => database.close())
    const { id: userId } = await createUser()
    const { now } = clock
    const times = { expiresAt: now + dayMs, maxExpiresAt: now + 40 * dayMs }
    await storeForeignToken(database, foreign, { userId, now, ...times })
    const expiry = async () =>
      (await graphql('{ viewer { tokens { nodes { expiresAt } } } }', null, { token })).body.data.viewer
        ?.tokens.nodes[0].expiresAt
    t.equal(Date.parse(await expiry()), now + 30 * dayMs)
    await app.latchkey.auth.flush()
    clock.now = now + 13 * dayMs
    t.equal(Date.parse(await expiry()), now + 40 * dayMs, 'the ceiling')
    clock.now += 14 * dayMs
    t.equal(await expiry(), undefined, 'idle')
  })

  t.test(`${what} is rotated into one of our own, and ends it when it is shown again`, async (t) => {
    const { graphql, clock, reason, id } = await startWith(t, foreign)
    const rotate = 'mutation { rotateToken { token tokenInfo { id name } } }'
    const { token: next, tokenInfo } = (await graphql(rotate, null, { token })).body.data.rotateToken
    const again = await Promise.all(Array.from({ length: 10 }, () => graphql(rotate, null, { token })))
    for (const { body } of again) t.equal(body.data.rotateToken.token, next)
    t.match(next, /^lk_[0-9A-Za-z]{49}$/)
    t.match(tokenInfo, { id, name: 'Imported' })
    clock.now += 29_999
    t.strictSame([await reason(), await reason(secret(next))], [null, null])
    clock.now += 1
    t.equal(await reason(next), null)
    t.equal(await reason(), 'REVOKED')
    t.equal(await reason(next), 'REVOKED')
  })

  t.test(`each way to end ${what} ends it at once`, async (t) => {
    const ways: [
      way: string,
      reason: string,
      end: (app: Awaited<ReturnType<typeof startWith>>) => unknown,
    ][] = [
      [
        'by itself',
        'REVOKED',
        ({ graphql }) => graphql('mutation { revokeToken { revoked } }', null, { token }),
      ],
      [
        'by a report',
        'REVOKED',
        ({ graphql }) =>
          graphql('mutation ($token: String!) { reportLeakedToken(token: $token) { received } }', { token }),
      ],
      ['by the operator, with itself', 'REVOKED', ({ app }) => app.latchkey.auth.endToken({ token })],
      ['by the operator, in a list', 'REVOKED', ({ app }) => app.latchkey.auth.endLeakedTokens([{ token }])],
      [
        'with its account disabled',
        'INACTIVE',
        ({ app, userId }) => app.latchkey.auth.setActive(userId, false),
      ],
      ['with its account deleted', 'INACTIVE', ({ app, userId }) => app.latchkey.auth.deleteUser(userId)],
    ]
    for (const [way, reason, end] of ways) {
      await t.test(way, async (t) => {
        const app = await startWith(t, foreign)
        t.equal(await app.reason(), null)
        await end(app)
        t.equal(await app.reason(), reason)
        t.match((await app.app.latchkey.auth.introspectToken(token)).found, { refusal: { reason } })
      })
    }
  })

  t.test(`${what} opens a socket, which ends with it`, async (t) => {
    for (const tokenCache of ['1000', 'off']) {
      const app = await startWith(t, foreign, { listen: true, tokenCache })
      const socket = await openSocket(t, app.url)
      t.match(await socket.init({ authorization: `Token ${token}` }), { type: 'connection_ack' })
      t.match(await socket.run(whoAmI), { payload: { data: { viewer: { username: 'ada' } } } })
      const { body } = await app.graphql('mutation { rotateToken { token } }', null, { token })
      secret(body.data.rotateToken.token)
      t.match(await socket.run(whoAmI), { type: 'next' }, 'within the grace')
      app.clock.now += 30_000
      t.equal(await socket.closed, '4401 REVOKED')
      await app.app.close()
    }
  })

  t.test(`${what} in an application's own database is that of its user`, async (t) => {
    const kysely = new Kysely<unknown>({
      dialect: new SqliteDialect({ database: new SqliteDatabase(':memory:') }),
    })
    t.teardown(() => kysely.destroy())
    const { app, query, signIn } = await startHost(t, { database: kysely })
    const { id: userId } = await signIn('ada')
    t.match((await query(whoAmI, { token })).body.errors, [{ extensions: { reason: 'INVALID' } }])
    await storeForeignToken(adoptKysely(kysely), foreign, { userId, now: Date.now() })
    t.same((await query(whoAmI, { token })).body, { data: { viewer: { username: 'ada' } } })
    const socket = await openSocket(t, await app.listen({ host: '127.0.0.1', port: 0 }))
    await socket.init({ authorization: `Token ${token}` })
    t.match(await socket.run(whoAmI), { payload: { data: { viewer: { username: 'ada' } } } })
    await app.close()
  })
}

t.test('a text that only resembles such a token is nobody, with the same answer as any', async (t) => {
  const [drf, knox, prefixed] = foreignTokens.map(({ token }) => token) as [string, string, string]
  const { graphql } = await startWith(t, foreignTokens[1] as ForeignToken)
  const cases: [what: string, token: string][] = [
    ['unknown, of the form of Django REST Framework', drf],
    ['unknown, of the form of Knox', knox.replace('7', '8')],
    ['the unknown one with a prefix', prefixed],
    ['in upper case', knox.toUpperCase()],
    ['with one letter in upper case', knox.replace('e', 'E')],
    ['a digit less', knox.slice(1)],
    ['with another before it', `0${knox}`],
    ['a digest in base64url', Buffer.from(foreignTokens[1]?.digest ?? '', 'hex').toString('base64url')],
    ['a digest', foreignTokens[1]?.digest ?? ''],
    [
      'a digest of Django REST Framework, which has the form of a token of Knox',
      foreignTokens[0]?.digest ?? '',
    ],
  ]
  for (const [what, token] of cases) {
    t.match(
      await graphql(whoAmI, null, { token }),
      {
        status: 401,
        headers: { 'www-authenticate': 'Token realm="latchkey", error="invalid_token"' },
        body: {
          errors: [{ message: 'Invalid token.', extensions: { code: 'UNAUTHENTICATED', reason: 'INVALID' } }],
        },
      },
      what,
    )
  }
  t.match(await graphql(whoAmI, null, { token: knox }), { status: 200 })
})
