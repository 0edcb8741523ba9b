import { randomInt } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import SqliteDatabase from 'better-sqlite3'
import t from 'tap'
import { createDatabase, startServer, type TestServer } from '../support/servers.ts'

const rounds = 12
const clients = 6

const settings = {
  tokenLimit: 10_000,
  rateLimitAddressFailures: 100_000,
  rateLimitAccountFailures: 1_000,
  tokenFlushInterval: '100ms',
}

/** What was acknowledged to clients before the process was killed. */
interface Acknowledged {
  issued: Set<string>
  revoked: Set<string>
}

/** Signs in and revokes, until the server is gone. What it had asked and got no answer to may be either way. */
async function work(server: TestServer, username: string, acknowledged: Acknowledged): Promise<void> {
  try {
    for (;;) {
      const token = await server.signIn(username)
      acknowledged.issued.add(token)
      if (randomInt(2) === 0) continue
      acknowledged.issued.delete(token)
      const { body } = await server.graphql('mutation { revokeToken { revoked } }', null, token)
      if (body.data?.revokeToken?.revoked === true) acknowledged.revoked.add(token)
    }
  } catch (error) {
    if (
      !(error instanceof TypeError && error.message === 'fetch failed') &&
      !/terminated/.test(String(error))
    )
      throw error
  }
}

t.test('whenever the process is killed, what was acknowledged holds', async (t) => {
  const usernames = Array.from({ length: clients }, (_, index) => `ada${index}`)
  const { databaseUrl, file, domain } = await createDatabase(t, ...usernames)
  await domain.database.close()
  const acknowledged: Acknowledged = { issued: new Set(), revoked: new Set() }
  let wrong = 0
  for (let round = 0; round <= rounds; round++) {
    const server = await startServer(t, { databaseUrl, ...settings })
    for (const token of acknowledged.issued) {
      const { status } = await server.graphql('{ viewer { id } }', null, token)
      if (status !== 200) wrong++
    }
    for (const token of acknowledged.revoked) {
      const { status, body } = await server.graphql('{ viewer { id } }', null, token)
      if (status !== 401 || body.errors[0].extensions.reason !== 'REVOKED') wrong++
    }
    if (round === rounds) break
    const working = Promise.all(usernames.map((username) => work(server, username, acknowledged)))
    await sleep(randomInt(200, 1_200))
    await server.kill()
    await working
    const connection = new SqliteDatabase(file)
    t.same(connection.pragma('integrity_check'), [{ integrity_check: 'ok' }])
    t.same(
      connection
        .prepare(
          'select count(*) as n from latchkey_tokens where user_id not in (select id from latchkey_users)',
        )
        .all(),
      [{ n: 0 }],
    )
    connection.close()
  }
  t.equal(wrong, 0)
  t.ok(acknowledged.issued.size > 0)
  t.ok(acknowledged.revoked.size > 0)
  t.comment(
    `${rounds} crashes, ${acknowledged.issued.size} tokens and ${acknowledged.revoked.size} revocations acknowledged`,
  )
})
