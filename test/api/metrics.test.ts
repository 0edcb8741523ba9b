import { join } from 'node:path'
import SqliteDatabase from 'better-sqlite3'
import Fastify from 'fastify'
import { GraphQLError } from 'graphql'
import { Counter, Registry } from 'prom-client'
import t, { type Test } from 'tap'
import type { SettingsInput } from '../../src/config.ts'
import { latchkey } from '../../src/index.ts'
import { startApp } from '../support/app.ts'
import { logLines } from '../support/log.ts'
import { readMetrics } from '../support/metrics.ts'
import { openSocket } from '../support/socket.ts'

async function start(t: Test, settings: SettingsInput = {}) {
  const registry = new Registry()
  const file = `sqlite:${t.testdir()}/latchkey.db` // there is no cache of what is in memory
  const app = await startApp(t, { databaseUrl: file, ...settings, plugin: { metrics: registry } })
  const read = async () => readMetrics(await registry.metrics())
  return { ...app, read }
}

const signIn = 'mutation SignIn($u: String!, $p: String!) { tokenAuth(username: $u, password: $p) { token } }'

t.test('requests are counted by operation and outcome, with how long they took', async (t) => {
  const { graphql, createUser, signIn, read } = await start(t)
  const token = await signIn(await createUser())
  await graphql('query GetViewer { viewer { id } }', null, { token })
  await graphql('query GetViewer { viewer { id } }', null, { token })
  await graphql('query GetViewer { viewer { id } }')
  await graphql('{ viewer { id } }', null, { token })
  await graphql('{ ... on Query { viewer { id } } }', null, { token })
  await graphql('{ viewer(')
  const values = await read()
  const requests = (operation: string, outcome: string) =>
    values.get(`latchkey_requests_total{operation="${operation}",outcome="${outcome}"}`)
  t.equal(requests('GetViewer', 'OK'), 2)
  t.equal(requests('GetViewer', 'UNAUTHENTICATED'), 1)
  t.equal(requests('(viewer)', 'OK'), 1, 'without a name it goes by its first field')
  t.equal(requests('(tokenAuth)', 'OK'), 1)
  t.equal(requests('(none)', 'OK'), 1)
  t.equal(requests('(none)', 'GRAPHQL_PARSE_FAILED'), 1)
  const of = (series: string) => values.get(`latchkey_request_duration_seconds_${series}`)
  t.equal(of('bucket{le="+Inf",operation="GetViewer"}'), 3)
  t.equal(of('count{operation="GetViewer"}'), 3)
  t.ok((of('sum{operation="GetViewer"}') as number) > 0)
})

t.test('operations over sockets are counted as well, and codes of an application as others', async (t) => {
  const registry = new Registry()
  const { url, graphql } = await startApp(t, {
    listen: true,
    plugin: {
      metrics: registry,
      schema: 'extend type Query { teapot: Int @public }',
      resolvers: {
        Query: {
          teapot() {
            throw new GraphQLError('I am one', { extensions: { code: 'TEAPOT' } })
          },
        },
      },
    },
  })
  const socket = await openSocket(t, url)
  await socket.init()
  await socket.run('{ serverInfo { name } }')
  const { body } = await graphql('{ teapot }')
  t.match(body.errors, [{ extensions: { code: 'TEAPOT' } }])
  const values = readMetrics(await registry.metrics())
  t.equal(values.get('latchkey_requests_total{operation="(serverInfo)",outcome="OK"}'), 1)
  t.equal(values.get('latchkey_requests_total{operation="(teapot)",outcome="OTHER"}'), 1)
  t.equal(values.get('latchkey_sockets'), 1)
})

t.test('what never comes to the API is no request of it', async (t) => {
  const { app, read } = await start(t, { corsOrigins: 'https://app.example.org' })
  const { statusCode } = await app.inject({
    method: 'OPTIONS',
    url: '/graphql',
    headers: { origin: 'https://app.example.org', 'access-control-request-method': 'POST' },
  })
  t.equal(statusCode, 204)
  const values = await read()
  t.equal(values.get('latchkey_requests_total{operation="(none)",outcome="OK"}'), 0)
  t.equal(values.get('latchkey_principals_total{reason="MISSING"}'), 0)
})

t.test('whoever invents names of operations, fields and codes makes no series of them', async (t) => {
  const { graphql, createUser, signIn, read } = await start(t, { metricsOperations: 3 })
  const token = await signIn(await createUser())
  await graphql('{ serverInfo { name } }')
  const before = (await read()).size
  for (let count = 0; count < 20; count++) {
    await graphql(`query Invented${count} { serverInfo { name } }`)
    await graphql(`query Invented${count} { field${count} }`)
    await graphql(`query Invented${count} { field${count} }`, null, { token })
  }
  t.equal((await read()).size, before + 1, 'but one: documents that are not valid')
  for (let count = 0; count < 20; count++) {
    await graphql(`query Invented${count} { viewer { id } }`, null, { token })
  }
  const names = [...(await read()).keys()].filter((name) =>
    name.startsWith('latchkey_requests_total{operation="Inv'),
  )
  t.equal(names.length, 3, 'signed-in users name as many as the setting allows')
})

t.test('principals are counted by the reason why there is none', async (t) => {
  const { graphql, createUser, signIn, clock, read } = await start(t)
  const user = await createUser()
  const tokens = [await signIn(user), await signIn(user), await signIn(user)] as [string, string, string]
  const ask = (authorization: string) =>
    graphql('{ viewer { id } }', null, { headers: authorization === '' ? {} : { authorization } })
  await graphql('mutation { revokeToken { __typename } }', null, { token: tokens[1] })
  await ask(`Token ${tokens[1]}`)
  await ask('')
  await ask('Token')
  await ask('Token lk_unknown')
  clock.now += 31 * 86_400_000
  await ask(`Token ${tokens[0]}`)
  const values = await read()
  const counts = Object.fromEntries(
    ['USER', 'MISSING', 'MALFORMED', 'INVALID', 'EXPIRED', 'REVOKED', 'INACTIVE'].map((reason) => [
      reason,
      values.get(`latchkey_principals_total{reason="${reason}"}`),
    ]),
  )
  t.strictSame(counts, { USER: 1, MISSING: 4, MALFORMED: 1, INVALID: 1, EXPIRED: 1, REVOKED: 1, INACTIVE: 0 })
})

t.test('sign-ins are counted by outcome, and what was throttled by its reason', async (t) => {
  const { graphql, createUser, read } = await start(t, {
    rateLimitAccountFailures: 1,
    rateLimitRequests: 6,
    passwordHashConcurrency: 1,
    passwordHashQueue: 0,
  })
  const { username: u, password: p } = await createUser()
  await graphql(signIn, { u, p })
  await graphql(signIn, { u, p: 'something else' })
  await graphql(signIn, { u, p: 'something else' }) // the back-off has begun
  const others = ['a', 'b', 'c'].map((name) => graphql(signIn, { u: name, p: 'something else' }))
  await Promise.all(others) // one of them is hashed, nobody waits; a second one where that is over before it comes
  await graphql('{ serverInfo { name } }') // the seventh
  const values = await read()
  const signIns = (outcome: string) => values.get(`latchkey_sign_ins_total{outcome="${outcome}"}`)
  const throttled = (reason: string) => values.get(`latchkey_throttled_total{reason="${reason}"}`)
  const busy = throttled('BUSY') ?? 0
  t.ok(busy === 1 || busy === 2)
  t.equal(signIns('success'), 1)
  t.equal(signIns('failure'), 4 - busy)
  t.equal(signIns('throttled'), 1)
  t.equal(throttled('CREDENTIALS'), 1)
  t.equal(throttled('REQUESTS'), 1)
  t.equal(values.get('latchkey_events_total{event="authn_login_fail"}'), 4 - busy)
})

t.test('the cache, the queue of passwords, the outbox and prunes are seen from outside', async (t) => {
  const {
    app,
    graphql,
    createUser,
    signIn: getToken,
    read,
  } = await start(t, {
    passwordHashConcurrency: 1,
    smtpUrl: 'smtp://127.0.0.1:9',
    mailFrom: 'a@example.org',
  })
  const { username: u, password: p } = await createUser({ email: 'ada@example.org' })
  const token = await getToken({ username: u, password: p })
  const lookups = async (result: string) =>
    (await read()).get(`latchkey_token_cache_lookups_total{result="${result}"}`) as number
  const before = { hit: await lookups('hit'), miss: await lookups('miss') }
  for (let count = 0; count < 3; count++) await graphql('{ viewer { id } }', null, { token })
  t.equal((await lookups('miss')) - before.miss, 1)
  t.equal((await lookups('hit')) - before.hit, 2)
  t.equal((await read()).get('latchkey_token_cache_entries'), 1)

  const waiting = ['x', 'y', 'z'].map((name) => graphql(signIn, { u: name, p }))
  const hashes = async (what: string) => (await read()).get(`latchkey_password_hashes_${what}`)
  while ((await hashes('waiting')) === 0) await new Promise(setImmediate)
  t.equal(await hashes('running'), 1)
  await Promise.all(waiting)
  t.equal(await hashes('running'), 0)

  t.equal((await read()).get('latchkey_outbox_messages{kind="mail"}'), 0)
  await graphql('mutation { requestPasswordReset(username: "ada@example.org") { __typename } }')
  while ((await read()).get('latchkey_outbox_messages{kind="mail"}') !== 1) await new Promise(setImmediate)

  app.latchkey.metrics?.countPrune({ tokens: 3, counters: 2, auditEvents: 1 }, 1_500)
  app.latchkey.metrics?.countPrune(null, 500)
  const values = await read()
  t.equal(values.get('latchkey_pruned_total{what="tokens"}'), 3)
  t.equal(values.get('latchkey_prunes_total{result="completed"}'), 1)
  t.equal(values.get('latchkey_prunes_total{result="failed"}'), 1)
  t.equal(values.get('latchkey_prune_last_duration_seconds'), 0.5)
  t.ok((values.get('latchkey_prune_last_completed_timestamp_seconds') as number) > 1e9)
})

t.test('where the outbox cannot be counted the other metrics are there', async (t) => {
  const { app, read } = await start(t)
  await app.latchkey.auth.flush()
  const file = new SqliteDatabase(join(t.testdirName, 'latchkey.db'))
  file.exec('alter table latchkey_outbox rename to hidden')
  const values = await read()
  t.notOk([...values.keys()].some((name) => name.startsWith('latchkey_outbox')))
  t.equal(values.get('latchkey_password_hashes_running'), 0)
  t.match(logLines().join(''), 'the outbox could not be counted')
  file.exec('alter table hidden rename to latchkey_outbox')
  file.close()
})

t.test('an application counts in a registry of its own, beside what it counts itself', async (t) => {
  const metrics = new Registry()
  metrics.registerMetric(new Counter({ name: 'notes_total', help: 'Notes.', registers: [] }))
  const app = Fastify()
  t.teardown(() => app.close())
  await app.register(latchkey, { databaseUrl: 'sqlite::memory:', production: false, smtpUrl: 'off', metrics })
  await app.inject({ url: '/graphql', query: { query: '{ serverInfo { name } }' } })
  app.latchkey.metrics?.watch('notes_open', 'Open notes.', () => 7)
  const values = readMetrics(await metrics.metrics())
  t.equal(values.get('latchkey_requests_total{operation="(serverInfo)",outcome="OK"}'), 1)
  t.equal(values.get('notes_total'), 0)
  t.equal(values.get('notes_open'), 7)
  metrics.resetMetrics()
  t.notOk(
    [...values.keys()].some((name) => name.startsWith('nodejs_')),
    'of the process it says nothing',
  )
})

t.test('what is no registry is refused', async (t) => {
  for (const metrics of [true, {}, { registerMetric: 1 }]) {
    const registering = Fastify().register(latchkey, { databaseUrl: 'sqlite::memory:', metrics } as never)
    await t.rejects(async () => registering, { message: /metrics must be a registry of prom-client/ })
  }
})
