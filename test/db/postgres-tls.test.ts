import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { sql } from 'kysely'
import t from 'tap'
import { migrateToLatest } from '../../src/db/migrate.ts'
import { openDatabase } from '../../src/db/open.ts'
import { explainPostgresFault } from '../../src/db/postgres-faults.ts'
import { makeCertificate } from '../support/certificate.ts'
import { openDomain } from '../support/domain.ts'
import { startPostgres, whyWithoutPostgres } from '../support/postgres.ts'

t.test('PostgreSQL over TLS', { skip: whyWithoutPostgres() }, async (t) => {
  const postgres = await startPostgres(t)
  const certificate = makeCertificate('the-database')
  await postgres.useCertificate(certificate)
  await postgres.createDatabase('latchkey')
  const folder = t.testdir({ 'theirs.pem': certificate.cert, 'other.pem': makeCertificate('another').cert })
  const addressOf = (parameters: string): string => `${postgres.urlOf('latchkey')}?${parameters}`
  const trusted = `sslmode=verify-full&sslrootcert=${join(folder, 'theirs.pem')}`

  async function explain(parameters: string): Promise<string | undefined> {
    const database = openDatabase(addressOf(parameters))
    try {
      await database.run((db) => sql`select 1`.execute(db))
      return 'none'
    } catch (error) {
      return explainPostgresFault((error as Error).cause)
    } finally {
      await database.close()
    }
  }

  t.test('every connection is encrypted, to a server whose certificate was checked', async (t) => {
    const database = openDatabase(addressOf(trusted))
    const domain = await openDomain(t, { database })
    database.feed?.subscribe(() => {})
    while (!database.feed?.isCurrent()) await sleep(5)
    const userId = await domain.createUser('ada')
    const { token } = await domain.signIn('ada')
    t.equal((await domain.userOf(token)).user.id, userId)
    const connections = await postgres.query(
      'latchkey',
      "select ssl from pg_stat_ssl join pg_stat_activity using (pid) where application_name = 'latchkey'",
    )
    t.ok(connections.length >= 3, 'for statements, for look-ups, and for changes')
    t.ok(connections.every(({ ssl }) => ssl))
  })

  t.test('an operator is told what is wrong with it', async (t) => {
    t.equal(await explain(trusted), 'none')
    t.match(await explain('sslmode=verify-full'), /signed by itself\. Name it by sslrootcert/)
    t.match(
      await explain(`sslmode=verify-full&sslrootcert=${join(folder, 'other.pem')}`),
      /^the certificate of the server is signed by/,
    )
    t.equal(await explain('sslmode=no-verify'), 'none')

    const [{ hba_file: rules }] = await postgres.query('postgres', 'show hba_file')
    writeFileSync(rules, 'hostssl all all 127.0.0.1/32 scram-sha-256\n')
    await postgres.query('postgres', 'select pg_reload_conf()')
    while ((await explain('sslmode=disable')) === 'none') await sleep(10)
    t.equal(
      await explain('sslmode=disable'),
      'the server refuses connections without TLS. Add sslmode=verify-full to DATABASE_URL.',
    )
    t.equal(await explain(trusted), 'none')
  })
})

t.test('a certificate for another host', { skip: whyWithoutPostgres() }, async (t) => {
  const postgres = await startPostgres(t)
  const certificate = makeCertificate('elsewhere', 'DNS:db.example.org')
  await postgres.useCertificate(certificate)
  await postgres.createDatabase('latchkey')
  const file = join(t.testdir({ 'theirs.pem': certificate.cert }), 'theirs.pem')
  const database = openDatabase(`${postgres.urlOf('latchkey')}?sslmode=verify-full&sslrootcert=${file}`)
  t.teardown(() => database.close())
  const fault = await migrateToLatest(database).catch((error) => error)
  t.match(explainPostgresFault(fault.cause), /for another host than DATABASE_URL names/)
})
