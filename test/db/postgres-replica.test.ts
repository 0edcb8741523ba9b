import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import { openDatabase } from '../../src/db/open.ts'
import { listUsersAlong } from '../../src/db/users.ts'
import { startApp } from '../support/app.ts'
import { openDomain } from '../support/domain.ts'
import { logLines } from '../support/log.ts'
import { startPostgres, whyWithoutPostgres } from '../support/postgres.ts'

t.setTimeout(600_000)

const skip = whyWithoutPostgres()

t.test('lists come from the replica, and from the primary while it does not answer', { skip }, async (t) => {
  const postgres = await startPostgres(t)
  await postgres.createDatabase('latchkey')
  const replica = await postgres.startReplica()
  const faults: unknown[] = []
  const database = openDatabase(postgres.urlOf('latchkey'), {
    poolSize: 2,
    timeoutMs: 2_000,
    changes: 'listen',
    replicaUrl: replica.urlOf('latchkey'),
    onReplicaFault: (error) => faults.push(error),
  })
  const domain = await openDomain(t, { database })
  const namesOf = async (): Promise<string[]> =>
    (await domain.auth.searchUsers({}, 10, null)).items.map(({ node }) => node.username).sort()
  const until = async (expected: string[]): Promise<void> => {
    while (String(await namesOf()) !== String(expected)) await sleep(20)
  }

  await domain.createUser('ada')
  await until(['ada'])
  const { busy, idle, waiting } = database.connections() ?? {}
  t.strictSame({ busy, waiting }, { busy: 0, waiting: 0 })
  t.ok((idle ?? 0) >= 2, 'those to the replica count as well')
  await replica.query('postgres', 'select pg_wal_replay_pause()')
  await domain.createUser('bob')
  t.strictSame(await namesOf(), ['ada'], 'the replica has not heard of it yet')
  const { token } = await domain.signIn('bob')
  t.equal(await domain.reasonOf(token), 'none', 'nobody is authenticated from there')
  await replica.query('postgres', 'select pg_wal_replay_resume()')
  await until(['ada', 'bob'])
  t.strictSame(faults, [])

  await t.rejects(
    database.list(async () => {
      throw new TypeError('a mistake of ours')
    }),
    { message: 'a mistake of ours' },
  )
  t.strictSame(faults, [])
  await replica.stop()
  await domain.createUser('carol')
  t.strictSame(await namesOf(), ['ada', 'bob', 'carol'])
  t.strictSame(await namesOf(), ['ada', 'bob', 'carol'])
  t.equal(faults.length, 1, 'said once, and then it is left alone for a while')

  await replica.start()
  await sleep(5_500)
  await replica.query('postgres', 'select pg_wal_replay_pause()')
  await domain.createUser('dave')
  t.strictSame(await namesOf(), ['ada', 'bob', 'carol'], 'and then it answers again')
  t.equal(faults.length, 1)
})

t.test('a replica that is not there is told of in the log, and costs no answer', { skip }, async (t) => {
  const postgres = await startPostgres(t)
  await postgres.createDatabase('latchkey')
  const databaseUrl = postgres.urlOf('latchkey')
  const replicaUrl = 'postgres://127.0.0.1:1/latchkey'
  const { createUser, signIn, graphql } = await startApp(t, { databaseUrl, databaseReplicaUrl: replicaUrl })
  const token = await signIn(await createUser({ role: 'ADMIN' }))
  const { body } = await graphql('{ users(first: 10) { nodes { username } } }', null, { token })
  t.strictSame(body, { data: { users: { nodes: [{ username: 'user1' }] } } })
  t.match(logLines().join(''), /the replica of the database does not answer; lists come from the primary/)

  const alone = openDatabase(databaseUrl, { poolSize: 2, timeoutMs: 2_000, changes: 'listen', replicaUrl })
  t.teardown(() => alone.close())
  t.equal(
    (await alone.list((db) => listUsersAlong(db, 'all', null, 10))).length,
    1,
    'where nobody listens too',
  )
})
