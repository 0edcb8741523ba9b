import t, { type Test } from 'tap'
import { createDatabase, startServer, type TestServer } from '../support/servers.ts'

const attempt = 'mutation ($u: String!) { tokenAuth(username: $u, password: "a wrong password") { token } }'

/** The codes that many attempts at once got, shared among servers. */
async function attack(
  servers: TestServer[],
  count: number,
  usernameOf: (index: number) => string,
): Promise<string[]> {
  const answers = Array.from({ length: count }, async (_, index) => {
    const { body } = (await servers[index % servers.length]?.graphql(attempt, { u: usernameOf(index) })) ?? {
      body: null,
    }
    return body.errors[0].extensions.code
  })
  return Promise.all(answers)
}

/** Uses a token on all servers, again and again, until it is told to stop; answers how often, and the statuses. */
function keepUsing(servers: TestServer[], token: string) {
  const statuses: number[] = []
  let stopped = false
  const using = (async () => {
    while (!stopped)
      for (const server of servers)
        statuses.push((await server.graphql('{ viewer { id } }', null, token)).status)
  })()
  return async (): Promise<number[]> => {
    stopped = true
    await using
    return statuses
  }
}

async function checksAfterStop(servers: TestServer[]): Promise<number> {
  for (const server of servers) await server.stop()
  return servers.reduce((sum, server) => sum + server.countEvents('authn_login_fail'), 0)
}

async function startTwo(t: Test, databaseUrl: string, settings: object): Promise<TestServer[]> {
  return Promise.all([
    startServer(t, { databaseUrl, ...settings }),
    startServer(t, { databaseUrl, ...settings }),
  ])
}

t.test(
  '200 attempts at once on one account, in two processes, are as many checks as are free; its devices go on',
  async (t) => {
    const { databaseUrl, domain } = await createDatabase(t, 'ada')
    const { token } = await domain.signIn('ada')
    const servers = await startTwo(t, databaseUrl, {
      rateLimitAccountFailures: 7,
      rateLimitBackoff: '15m',
      rateLimitAddressFailures: 10_000,
    })
    const stopUsing = keepUsing(servers, token)
    const codes = await attack(servers, 200, () => 'ada')
    const statuses = await stopUsing()
    t.equal(codes.filter((code) => code === 'UNAUTHENTICATED').length, 7)
    t.equal(codes.filter((code) => code === 'RATE_LIMITED').length, 193)
    t.equal(await checksAfterStop(servers), 7)
    t.ok(statuses.length > 0)
    t.same(
      statuses.filter((status) => status !== 200),
      [],
      `the device was used ${statuses.length} times`,
    )
  },
)

t.test(
  '200 attempts at once from one address, on as many accounts, in two processes, are as many checks as it has',
  async (t) => {
    const { databaseUrl } = await createDatabase(t, 'ada')
    const servers = await startTwo(t, databaseUrl, { rateLimitAddressFailures: 10 })
    const codes = await attack(servers, 200, (index) => (index === 100 ? 'ada' : `name${index}`))
    t.equal(codes.filter((code) => code === 'UNAUTHENTICATED').length, 10)
    t.equal(codes.filter((code) => code === 'RATE_LIMITED').length, 190)
    t.equal(await checksAfterStop(servers), 10)
  },
)

t.test(
  'a thousand sign-ins in one request, by alias or fragment or batch, are no check at all',
  async (t) => {
    const { databaseUrl } = await createDatabase(t, 'ada')
    const server = await startServer(t, {
      databaseUrl,
      queryTokens: 5_000,
      queryAliases: 10_000,
      queryRootFields: 10_000,
      bodyLimit: '1MiB',
    })
    const one = 'tokenAuth(username: "ada", password: "a wrong password") { token }'
    const aliases = Array.from({ length: 1_000 }, (_, index) => `a${index}: ${one}`)
    const documents = [
      `mutation { ${aliases.join(' ')} }`,
      `mutation { ${aliases.slice(0, 300).join(' ')} }`,
      `mutation { a: ${one} b: ${one} }`,
      `mutation { a: ${one} ...More } fragment More on Mutation { b: ${one} }`,
      `mutation { a: ${one} ... { b: ${one} } }`,
    ]
    for (const document of documents) t.match(await server.graphql(document), { status: 400 })
    const batch = await fetch(`${server.url}/graphql`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(Array.from({ length: 100 }, () => ({ query: `mutation { ${one} }` }))),
    })
    t.equal(batch.status, 400)
    const usual = await startServer(t, { databaseUrl })
    t.match(await usual.graphql(documents[0] ?? ''), { status: 400 })
    t.equal(await checksAfterStop([server, usual]), 0)
  },
)
