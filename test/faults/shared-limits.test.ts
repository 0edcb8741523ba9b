import { setTimeout as sleep } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { openDomain } from '../support/domain.ts'
import { startPostgres, whyWithoutPostgres } from '../support/postgres.ts'
import { startRedis, whyWithoutRedis } from '../support/redis.ts'
import { startServer, type TestServer } from '../support/servers.ts'

t.setTimeout(300_000)

const skip = whyWithoutPostgres() || whyWithoutRedis()
const free = 7

/** Two instances on one database, with the users ada and eve. */
async function startTwo(t: Test, settings: object): Promise<[TestServer, TestServer]> {
  const postgres = await startPostgres(t)
  await postgres.createDatabase('latchkey')
  const databaseUrl = postgres.urlOf('latchkey')
  const domain = await openDomain(t, { url: databaseUrl })
  await domain.createUser('ada')
  await domain.createUser('eve')
  await domain.database.close()
  const start = () => startServer(t, { databaseUrl, queryTimeout: '60s', ...settings })
  return [await start(), await start()]
}

/** Asks both in turn, so often at once; how many were answered, and how many refused. */
async function ask([one, other]: [TestServer, TestServer], times: number, token?: string) {
  const statuses = await Promise.all(
    Array.from({ length: times }, async (_, index) => {
      const server = index % 2 ? one : other
      return (await server.graphql('{ serverInfo { name } }', null, token)).status
    }),
  )
  const count = (status: number): number => statuses.filter((each) => each === status).length
  return { answered: count(200), refused: count(429) }
}

t.test('instances on one PostgreSQL admit together what the limit on requests says', { skip }, async (t) => {
  const both = await startTwo(t, { rateLimitRequests: '200', rateLimitWindow: '1h' })
  const token = await both[0].signIn('ada')
  const { answered, refused } = await ask(both, 300, token)
  t.equal(answered + refused, 300)
  t.ok(answered <= 200 && answered >= 190, `${answered} of 200`)
  t.equal((await ask(both, 20, token)).refused, 20)
})

t.test(
  'they share it in Redis where there is one, and go on by themselves while it is away',
  { skip },
  async (t) => {
    const redis = await startRedis(t)
    const both = await startTwo(t, { rateLimitRequests: '200', rateLimitWindow: '1h', redisUrl: redis.url })
    const token = await both[0].signIn('ada')
    const { answered } = await ask(both, 300, token)
    t.ok(answered <= 200 && answered >= 190, `${answered} of 200`)
    await redis.kill()
    await sleep(100)
    const other = await both[1].signIn('eve')
    const alone = await ask(both, 500, other)
    t.equal(alone.answered + alone.refused, 500, 'nobody is answered anything else')
    t.ok(alone.answered >= 200 && alone.answered <= 400, `each instance counts by itself: ${alone.answered}`)
    await redis.start()
  },
)

t.test(
  'of 200 sign-ins at once over two instances exactly as many are checked as are free',
  { skip },
  async (t) => {
    const [one, other] = await startTwo(t, {
      rateLimitAccountFailures: free,
      rateLimitBackoff: '1h',
      rateLimitBackoffMax: '1h',
      rateLimitAddressFailures: 100_000,
    })
    const reasons = await Promise.all(
      Array.from({ length: 200 }, async (_, index) => {
        const { body } = await (index % 2 ? one : other).graphql(
          'mutation { tokenAuth(username: "ada", password: "a wrong guess") { token } }',
        )
        return body.errors[0].extensions.code
      }),
    )
    t.equal(reasons.filter((code) => code === 'UNAUTHENTICATED').length, free)
    t.equal(reasons.filter((code) => code === 'RATE_LIMITED').length, 200 - free)
    t.equal(one.countEvents('authn_login_fail') + other.countEvents('authn_login_fail'), free)
  },
)

t.test('a Redis that cannot be reached at the start keeps nobody from starting', { skip }, async (t) => {
  const [one] = await startTwo(t, { rateLimitRequests: '50', redisUrl: 'redis://127.0.0.1:1' })
  t.equal((await one.graphql('{ serverInfo { name } }')).status, 200)
})
