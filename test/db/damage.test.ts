import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import SqliteDatabase from 'better-sqlite3'
import t from 'tap'
import { startApp } from '../support/app.ts'
import { logLines } from '../support/log.ts'

t.test(
  'a file that is damaged while it is in use is a masked fault and a log line, and no way in',
  async (t) => {
    const file = join(t.testdir(), 'latchkey.db')
    const { graphql, createUser, signIn, app } = await startApp(t, { databaseUrl: `sqlite:${file}` })
    const user = await createUser()
    const token = await signIn(user)
    const other = new SqliteDatabase(file)
    other.pragma('wal_checkpoint(TRUNCATE)')
    const bytes = readFileSync(file)
    bytes.fill(0xff, 4_096)
    writeFileSync(file, bytes)
    // Has the app's connection drop the pages it keeps in memory: somebody else has written.
    await app.latchkey.auth.hasUsers().catch(() => undefined)
    other.close()

    const requests = [
      ['{ viewer { username } }', null, { token }],
      ['mutation { revokeToken { revoked } }', null, { token }],
      [
        'mutation ($u: String!, $p: String!) { tokenAuth(username: $u, password: $p) { token } }',
        { u: user.username, p: user.password },
        {},
      ],
    ] as const
    for (const [operation, variables, request] of requests) {
      const answer = await graphql(operation, variables, request)
      t.comment(operation, answer.status, JSON.stringify(answer.body))
      t.match(answer, {
        status: 503,
        body: { errors: [{ extensions: { code: 'SERVICE_UNAVAILABLE', reason: 'DATABASE' } }] },
      })
      t.notMatch(JSON.stringify(answer.body), /SQLITE|malformed|latchkey_/)
    }
    t.match(await graphql('{ serverInfo { name } }'), { status: 200 }, 'the process goes on')
    t.ok(logLines().some((line) => /SQLITE_(CORRUPT|NOTADB)/.test(line)))
  },
)
