import { setTimeout as sleep } from 'node:timers/promises'
import SqliteDatabase from 'better-sqlite3'
import t, { type Test } from 'tap'
import { fetchMetrics } from '../support/metrics.ts'
import { freePort, takePort } from '../support/ports.ts'
import { type Bench, createBench, password, type Running } from './command.ts'

interface Started {
  bench: Bench
  running: Running
  /** The origins of the API and of the operator's port. */
  api: string
  admin: string
}

async function start(t: Test, env: Record<string, string> = {}): Promise<Started> {
  const port = await freePort()
  const bench = createBench(t, { LOG_LEVEL: 'warn', ADMIN_PORT: String(port), ...env })
  await bench.json(['user', 'create', 'ada', '--password-stdin'], password)
  const running = bench.start(['serve'])
  const [, api = ''] = await running.said(/listens on (http:\/\/[^/]+)\/graphql\n/)
  return { bench, running, api, admin: `http://127.0.0.1:${port}` }
}

async function stop({ running }: Started): Promise<void> {
  running.child.kill('SIGTERM')
  await running.ended
}

async function graphql(api: string, query: string, token?: string): Promise<Record<string, unknown>> {
  const headers = { 'content-type': 'application/json', connection: 'close' }
  const authorization = token === undefined ? {} : { authorization: `Token ${token}` }
  const response = await fetch(`${api}/graphql`, {
    method: 'POST',
    headers: { ...headers, ...authorization },
    body: JSON.stringify({ query }),
  })
  return (await response.json()) as Record<string, unknown>
}

async function signIn(api: string): Promise<string> {
  const { data } = await graphql(
    api,
    `mutation { tokenAuth(username: "ada", password: "${password}") { token } }`,
  )
  return (data as { tokenAuth: { token: string } }).tokenAuth.token
}

const statusOf = async (url: string): Promise<number> => (await fetch(url)).status

t.test('metrics are on the port of the operator alone, health on both', async (t) => {
  const service = await start(t)
  const { api, admin, bench } = service
  const token = await signIn(api)
  await graphql(api, 'query Mine { viewer { id } }', token)
  const values = await fetchMetrics(admin)
  t.equal(values.get('latchkey_requests_total{operation="Mine",outcome="OK"}'), 1)
  t.equal(values.get('latchkey_sign_ins_total{outcome="success"}'), 1)
  for (const name of [
    'nodejs_eventloop_lag_p99_seconds',
    'process_resident_memory_bytes',
    'nodejs_heap_size_used_bytes',
  ])
    t.ok((values.get(name) as number) > 0, name)
  t.equal(await statusOf(`${api}/metrics`), 404)
  t.equal(await statusOf(`${admin}/graphql`), 404)
  for (const origin of [api, admin]) {
    t.equal(await statusOf(`${origin}/healthz`), 200)
    t.equal(await statusOf(`${origin}/readyz`), 200)
  }

  const file = new SqliteDatabase(bench.database)
  file.exec("update latchkey_migration set name = 'x' || name where name like '0009%'")
  for (const origin of [api, admin])
    t.equal(await statusOf(`${origin}/readyz`), 503, 'a migration is missing')
  file.exec("update latchkey_migration set name = substr(name, 2) where name like 'x%'")
  for (const origin of [api, admin]) t.equal(await statusOf(`${origin}/readyz`), 200)
  file.close()
  await stop(service)
})

t.test('without the port there are no metrics', async (t) => {
  const service = await start(t, { ADMIN_PORT: 'off' })
  t.equal(await statusOf(`${service.api}/metrics`), 404)
  t.equal(await statusOf(`${service.api}/readyz`), 200)
  await stop(service)
})

t.test('a port that cannot be had stops the start by its name', async (t) => {
  const port = String(await takePort(t))
  for (const WORKERS of ['1', '2']) {
    const { run } = createBench(t, { ADMIN_PORT: port, WORKERS })
    const outcome = await run(['serve'])
    t.match(outcome, {
      status: 1,
      stderr: new RegExp(`Port ${port} on 127\\.0\\.0\\.1 is in use.*ADMIN_PORT`),
    })
    t.notMatch(outcome.stdout, 'Latchkey')
  }
  const same = await createBench(t, { ADMIN_PORT: '4321', PORT: '4321' }).run(['serve'])
  t.match(same, { status: 1, stderr: /ADMIN_PORT must be another port than PORT/ })
})

for (const WORKERS of ['1', '2']) {
  t.test(
    `after SIGTERM it is not ready, and goes on until the delay is over (WORKERS=${WORKERS})`,
    async (t) => {
      const service = await start(t, { SHUTDOWN_DELAY: '3s', WORKERS })
      const { api, admin, running } = service
      const before = performance.now()
      running.child.kill('SIGTERM')
      const isReady = async () => (await statusOf(`${api}/readyz`)) === 200
      while (await isReady()) await sleep(20)
      t.equal(await statusOf(`${admin}/readyz`), 503)
      t.equal(await statusOf(`${api}/healthz`), 200, 'it lives')
      t.match(await graphql(api, '{ serverInfo { name } }'), { data: { serverInfo: { name: 'latchkey' } } })
      t.ok(performance.now() - before < 3_000, 'all of this in the delay')
      const { status } = await running.ended
      t.equal(status, 0)
      t.ok(performance.now() - before >= 3_000)
      await t.rejects(fetch(`${api}/healthz`))
      await t.rejects(fetch(`${admin}/healthz`))
    },
  )
}

t.test('what several workers have counted is added up, and stays when one of them ends', async (t) => {
  const service = await start(t, { WORKERS: '2', LOG_LEVEL: 'info' })
  const { api, admin, running } = service
  const token = await signIn(api)
  const requests = async () =>
    (await fetchMetrics(admin)).get('latchkey_requests_total{operation="Mine",outcome="OK"}')
  for (let count = 0; count < 10; count++) await graphql(api, 'query Mine { viewer { id } }', token)
  t.equal(await requests(), 10)
  t.equal((await fetchMetrics(admin)).get('latchkey_outbox_messages{kind="mail"}'), 0)

  running.child.kill('SIGHUP')
  await running.said(/"msg":"workers are restarted"/)
  t.equal(await requests(), 10, 'they have told what they counted before they ended')
  for (let count = 0; count < 4; count++) await graphql(api, 'query Mine { viewer { id } }', token)
  t.equal(await requests(), 14)

  const [victim = 0] = running
    .output()
    .stdout.split('\n')
    .filter((line) => line.includes('Server listening'))
    .map((line) => JSON.parse(line).pid as number)
    .slice(-1)
  process.kill(victim, 'SIGKILL')
  await running.said(/"msg":"a worker was replaced"/)
  t.equal(await requests(), 14, 'one that was killed has told it when it was asked last')
  t.equal(await statusOf(`${admin}/readyz`), 200)
  await stop(service)
})
