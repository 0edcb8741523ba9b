import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import t, { type Test } from 'tap'
import { openDomain } from '../support/domain.ts'
import { type Postgres, startPostgres, whyWithoutPostgres } from '../support/postgres.ts'
import { startServer, type TestServer } from '../support/servers.ts'

t.setTimeout(600_000)

const skip = whyWithoutPostgres()
const rounds = 100
const settings = { tokenLimit: 10_000, rateLimitAddressFailures: 100_000, rateLimitAccountFailures: 1_000 }

/** A way to PostgreSQL on which nothing comes through any more when a test says so, and nobody is told. */
async function startWay(t: Test, { host, port }: Postgres) {
  const sockets = new Set<Socket>()
  const server = createServer((client) => {
    const onward = connect(port, host)
    for (const [from, to] of [
      [client, onward],
      [onward, client],
    ] as const) {
      sockets.add(from)
      from.on('error', () => to.destroy()).on('close', () => to.destroy())
      from.pipe(to)
    }
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const cut = (): void => sockets.forEach((socket) => void socket.destroy())
  t.teardown(() => {
    cut()
    server.close()
  })
  return {
    port: (server.address() as AddressInfo).port,
    /** Ends all connections. */
    cut,
    /** Lets nothing through on those that there are. */
    swallow: () => sockets.forEach((socket) => void socket.pause()),
  }
}

/** Two instances on one database; the other one has a way of its own to it. */
async function startTwo(t: Test, given: object = {}) {
  const postgres = await startPostgres(t)
  await postgres.createDatabase('latchkey')
  const databaseUrl = postgres.urlOf('latchkey')
  const domain = await openDomain(t, { url: databaseUrl })
  await domain.createUser('ada')
  await domain.database.close()
  const way = await startWay(t, postgres)
  const byWay = databaseUrl.replace(`:${postgres.port}/`, `:${way.port}/`)
  const one = await startServer(t, { databaseUrl, ...settings, ...given })
  const other = await startServer(t, { databaseUrl: byWay, ...settings, ...given })
  return { postgres, way, one, other }
}

const viewer = '{ viewer { id } }'

async function statusOf(server: TestServer, token: string): Promise<number> {
  return (await server.graphql(viewer, null, token)).status
}

/** Has a token used at the one server and revoked at the other; how long that one went on taking it, in milliseconds. */
async function measureRefusal(revoking: TestServer, using: TestServer): Promise<number> {
  const token = await revoking.signIn('ada')
  for (let use = 0; use < 2; use++)
    if ((await statusOf(using, token)) !== 200) throw new Error('a new token is refused')
  const { body } = await revoking.graphql('mutation { revokeToken { revoked } }', null, token)
  if (body.errors !== undefined) throw new Error(JSON.stringify(body.errors))
  const start = performance.now()
  const [here] = await Promise.all([statusOf(revoking, token)])
  if (here !== 401) throw new Error('the instance that has ended it goes on taking it')
  while ((await statusOf(using, token)) === 200)
    if (performance.now() - start > 10_000) throw new Error('it was never refused')
  return performance.now() - start
}

for (const [what, given] of [
  ['listen', {}],
  ['poll', { databaseChanges: 'poll' }],
  ['look up each token', { tokenCache: 'off' }],
] as const) {
  t.test(`a token that one instance revokes is refused by others that ${what}`, { skip }, async (t) => {
    const { one, other } = await startTwo(t, given)
    const times: number[] = []
    for (let round = 0; round < rounds; round++)
      times.push(await (round % 2 ? measureRefusal(one, other) : measureRefusal(other, one)))
    times.sort((a, b) => a - b)
    const [median = 0, late = 0, worst = 0] = [0.5, 0.99, 1].map(
      (part) => times[Math.ceil(part * rounds) - 1],
    )
    t.comment(`refused after ${[median, late, worst].map((ms) => ms.toFixed(1)).join(', ')} ms`)
    t.ok(late < 1_000, `99 of 100 within ${Math.round(late)} ms`)
  })
}

t.test('an instance that does not hear of changes answers nothing from memory', { skip }, async (t) => {
  const { postgres, way, one, other } = await startTwo(t, { databaseTimeout: '1s' })
  for (let round = 0; round < 20; round++) {
    const token = await one.signIn('ada')
    t.equal(await statusOf(other, token), 200)
    if (round % 2) way.cut()
    else
      await postgres.query(
        'latchkey',
        "select pg_terminate_backend(pid) from pg_stat_activity where query in ('select 1', 'listen latchkey_changes')",
      )
    await one.graphql('mutation { revokeToken { revoked } }', null, token)
    // The connections that look up may be broken as well: then it is a 503, and the next one another answer.
    const statuses = [await statusOf(other, token), await statusOf(other, token)]
    t.notOk(statuses.includes(200), statuses.join(' '))
    while ((await statusOf(other, token)) !== 401);
  }
})

t.test(
  'nor does one whose connection swallows everything, once it has been silent for a moment',
  { skip },
  async (t) => {
    const { way, one, other } = await startTwo(t, { databaseTimeout: '1s' })
    for (let round = 0; round < 3; round++) {
      const token = await one.signIn('ada')
      t.equal(await statusOf(other, token), 200)
      way.swallow()
      await one.graphql('mutation { revokeToken { revoked } }', null, token)
      await new Promise((resolve) => setTimeout(resolve, 200))
      const first = await statusOf(other, token)
      t.not(first, 200)
      while ((await statusOf(other, token)) === 503);
      t.equal(await statusOf(other, token), 401)
      while ((await statusOf(other, await one.signIn('ada'))) !== 200);
    }
  },
)
