import { sql } from 'kysely'
import t from 'tap'
import { startApp } from '../support/app.ts'
import { fillDisk, mountSmallDisk } from '../support/disk.ts'
import { openDomain, origin } from '../support/domain.ts'
import { logLines } from '../support/log.ts'

const unavailable = { code: 'SERVICE_UNAVAILABLE', reason: 'DATABASE', retryAfter: 5 }

t.test(
  'with no room left writes are refused as a fault, reads go on, and all is well with room again',
  async (t) => {
    const domain = await openDomain(t, { url: `sqlite:${t.testdir()}/latchkey.db` })
    const { auth, database, clock, createUser, signIn, userOf, reasonOf } = domain
    await createUser('ada')
    const { token } = await signIn('ada')
    const { rows } = await sql<{ page_count: number }>`pragma page_count`.execute(database.kysely)
    await sql`pragma max_page_count = ${sql.raw(String(rows[0]?.page_count))}`.execute(database.kysely)

    const answers: object[] = []
    const issued: string[] = []
    for (let count = 0; count < 100 && answers.length < 3; count++) {
      const device = { id: `device ${count}`, name: 'x'.repeat(100) }
      await signIn('ada', { device, address: `192.0.2.${count}` }).then(
        (answer) => issued.push(answer.token),
        (error) => answers.push(error),
      )
    }
    for (const error of answers) {
      t.match(error, {
        code: unavailable.code,
        details: { reason: 'DATABASE', retryAfter: 5 },
        cause: { code: 'SQLITE_FULL' },
      })
    }
    t.equal(answers.length, 3, 'no sign-in is possible')
    t.equal(await reasonOf(token), 'none', 'reads go on')
    for (const acknowledged of issued) t.equal(await reasonOf(acknowledged), 'none')
    const { rows: checked } = await sql<{ integrity_check: string }>`pragma integrity_check`.execute(
      database.kysely,
    )
    t.same(checked, [{ integrity_check: 'ok' }])
    t.equal(
      await auth.countTokens((await userOf(token)).user.id),
      issued.length + 1,
      'and nothing is half done',
    )

    await sql`pragma max_page_count = 1000000`.execute(database.kysely)
    clock.now += 3_600_000
    t.equal(await reasonOf((await signIn('ada')).token), 'none', 'all is well with room again')
    await auth.revokeToken(await userOf(token), null, origin())
    t.equal(await reasonOf(token), 'REVOKED')
  },
)

t.test('a full disk is 503 with a log line for writes, and nothing to readers', async (t) => {
  const folder = mountSmallDisk(t, '2m')
  if (folder === null) return
  const { graphql, createUser, signIn } = await startApp(t, { databaseUrl: `sqlite:${folder}/latchkey.db` })
  const user = await createUser()
  const token = await signIn(user)
  const spares: string[] = []
  for (let count = 0; count < 10; count++) spares.push(await signIn(user))
  const giveBack = fillDisk(folder)
  const attempt = (address: string) =>
    graphql(
      'mutation ($u: String!, $p: String!) { tokenAuth(username: $u, password: $p) { token } }',
      { u: user.username, p: user.password },
      { address },
    )
  let answer = await attempt('192.0.2.1')
  for (let count = 0; count < 50 && answer.status === 200; count++) answer = await attempt(`192.0.2.${count}`)
  t.match(answer, {
    status: 503,
    headers: { 'retry-after': '5' },
    body: { errors: [{ extensions: unavailable }] },
  })
  t.notMatch(JSON.stringify(answer.body), /SQLITE|disk|latchkey\.db/, 'what is wrong is for the log')
  t.ok(logLines().some((line) => /SQLITE_(FULL|IOERR)/.test(line) && line.includes('"level":50')))
  t.match(await graphql('{ viewer { username } }', null, { token }), {
    status: 200,
    body: { data: { viewer: { username: user.username } } },
  })
  t.match(await graphql('{ viewer { tokens { totalCount } } }', null, { token }), { status: 200 })
  let revocation = { status: 200 }
  for (const spare of spares) {
    revocation = await graphql('mutation { revokeToken { revoked } }', null, { token: spare })
    if (revocation.status !== 200) break // the last room in the file of changes is used up
    t.match(await graphql('{ viewer { username } }', null, { token: spare }), { status: 401 })
  }
  t.match(revocation, { status: 503, body: { errors: [{ extensions: unavailable }] } })
  giveBack()
  t.match(await attempt('192.0.2.99'), { status: 200 })
  t.match(await graphql('mutation { revokeToken { revoked } }', null, { token }), { status: 200 })
  t.match(await graphql('{ viewer { username } }', null, { token }), { status: 401 })
})

t.test('what cannot be opened for want of room says so', async (t) => {
  const folder = mountSmallDisk(t, '4k')
  if (folder === null) return
  await t.rejects(openDomain(t, { url: `sqlite:${folder}/latchkey.db` }), { message: /the disk is full/ })
})
