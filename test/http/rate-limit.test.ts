import t from 'tap'
import { startApp, type TestApp } from '../support/app.ts'
import { logLines } from '../support/log.ts'

const query = '{ serverInfo { name } }'
const limited = { errors: [{ extensions: { code: 'RATE_LIMITED', reason: 'REQUESTS', retryAfter: Number } }] }

/** The statuses of so many requests in turn. */
async function repeat(count: number, ask: () => Promise<{ status: number }>): Promise<number[]> {
  const statuses: number[] = []
  for (let index = 0; index < count; index++) statuses.push((await ask()).status)
  return statuses
}

t.test('requests without a user count per address, an IPv6 network being one', async (t) => {
  const { graphql } = await startApp(t, { rateLimitRequests: 3 })
  const from = (address: string, count = 1): Promise<number[]> =>
    repeat(count, () => graphql(query, null, { address }))
  t.strictSame(await from('192.0.2.1', 5), [200, 200, 200, 429, 429])
  t.strictSame(await from('192.0.2.2'), [200], 'another address')
  t.strictSame(await from('::ffff:192.0.2.2', 3), [200, 200, 429], 'the same address inside IPv6')
  t.strictSame(await from('2001:db8:1:2::1', 2), [200, 200])
  t.strictSame(await from('2001:db8:1:2:ffff::2', 2), [200, 429], 'the same /64')
  t.strictSame(await from('2001:db8:1:3::1'), [200], 'the next /64')
})

t.test('requests with a token count per token, wherever they come from', async (t) => {
  const { createUser, graphql, signIn } = await startApp(t, { rateLimitRequests: 4 })
  const ada = await createUser()
  const [stolen, kept] = [await signIn(ada, { id: 'one' }), await signIn(ada, { id: 'two' })]
  const statuses: number[] = []
  for (let index = 0; index < 6; index++) {
    const request = { token: stolen, address: `192.0.2.${index}` }
    statuses.push((await graphql(query, null, request)).status)
  }
  t.strictSame(statuses, [200, 200, 200, 200, 429, 429])
  const { status, body } = await graphql('mutation { revokeOtherTokens { count } }', null, { token: kept })
  t.strictSame([status, body], [200, { data: { revokeOtherTokens: { count: 1 } } }], 'which ends it')
})

t.test('what is refused says when to come back, in whole seconds, and is not kept', async (t) => {
  const { graphql } = await startApp(t, { rateLimitRequests: 1, rateLimitWindow: '30s' })
  await graphql(query)
  for (const accept of ['application/json', 'application/graphql-response+json']) {
    const { status, headers, body } = await graphql(query, null, { accept })
    t.equal(status, 429)
    t.match(headers['retry-after'], /^([1-9]|[12]\d|30)$/)
    t.equal(headers['cache-control'], 'no-store')
    t.match(body, limited)
    t.equal(body.errors[0].extensions.retryAfter, Number(headers['retry-after']))
    t.strictSame(Object.keys(body), ['errors'])
  }
})

t.test('every way to send an operation spends from the one limit', async (t) => {
  const { app, graphql } = await startApp(t, { rateLimitRequests: 4 })
  const json = { 'content-type': 'application/json' }
  t.equal((await graphql(query)).status, 200)
  t.equal((await app.inject({ url: `/graphql?query=${encodeURIComponent(query)}` })).statusCode, 200)
  t.equal((await graphql('{ nothing }')).status, 400, 'one that is not valid')
  t.equal((await graphql('{')).status, 400, 'one that is no GraphQL')
  t.equal((await graphql('{')).status, 429)
  t.equal((await graphql(query)).status, 429)
  t.equal((await app.inject({ url: `/graphql?query=${encodeURIComponent(query)}` })).statusCode, 429)
  t.equal(
    (
      await app.inject({
        method: 'POST',
        url: '/graphql',
        headers: json,
        payload: '{"query":"{__typename}"}',
      })
    ).statusCode,
    429,
  )
  t.equal((await app.inject('/healthz')).statusCode, 200, 'health is not limited')
  t.equal((await app.inject('/readyz')).statusCode, 200)
})

t.test('without a limit there is none', async (t) => {
  const { graphql } = await startApp(t, { rateLimitRequests: 'off' })
  t.strictSame(new Set(await repeat(50, () => graphql(query))), new Set([200]))
})

t.test('unknown tokens count per address; signing in and good tokens do not suffer', async (t) => {
  const { createUser, graphql, signIn } = await startApp(t, { rateLimitBadTokens: 3 })
  const user = await createUser()
  const token = await signIn(user)
  const address = '192.0.2.7'
  const bad = (): ReturnType<TestApp['graphql']> =>
    graphql('{ viewer { id } }', null, { token: 'lk_guess', address })
  t.strictSame(await repeat(5, bad), [401, 401, 401, 429, 429])
  const refused = await bad()
  t.match(refused.body, limited)
  t.match(refused.headers['retry-after'], /^[1-9]\d?$/)

  const headers = { authorization: 'Token lk_guess' }
  t.equal((await graphql(query, null, { headers, address })).status, 429, 'public fields with a bad token')
  t.equal((await graphql('{ viewer { id } }', null, { token, address })).status, 200, 'a good token')
  t.equal((await graphql(query, null, { address })).status, 200, 'no token')
  t.match(
    await graphql(
      'mutation ($u: String!, $p: String!) { tokenAuth(username: $u, password: $p) { token } }',
      { u: user.username, p: user.password },
      { headers, address },
    ),
    { status: 200, body: { data: { tokenAuth: { token: String } } } },
    'signing in, with the bad token still in the header',
  )
  t.equal(
    (await graphql('{ viewer { id } }', null, { headers, address: '192.0.2.8' })).status,
    401,
    'another address',
  )
})

t.test('only tokens that nobody has count as guesses', async (t) => {
  const { clock, createUser, graphql, signIn } = await startApp(t, { rateLimitBadTokens: 1, tokenTtl: '1h' })
  const user = await createUser()
  const expired = await signIn(user)
  clock.now += 3_600_000
  const revoked = await signIn(user)
  await graphql('mutation { revokeToken { revoked } }', null, { token: revoked })
  for (const authorization of [`Token ${expired}`, `Token ${revoked}`, 'Token', 'Token a b', 'Bearer a']) {
    const ask = (): ReturnType<TestApp['graphql']> =>
      graphql('{ viewer { id } }', null, { headers: { authorization } })
    t.strictSame(await repeat(3, ask), [401, 401, 401])
  }
})

t.test('a refusal is a warning in the log, with who was refused', async (t) => {
  const { createUser, graphql, signIn } = await startApp(t, { rateLimitRequests: 2, rateLimitBadTokens: 1 })
  const user = await createUser()
  const token = await signIn(user)
  const bad = { headers: { authorization: 'Token lk_guess' } }
  const cases: [what: string, request: Parameters<TestApp['graphql']>[2], expected: object][] = [
    ['a user', { token, address: '192.0.2.1' }, { userId: user.id, tokenId: String, address: '192.0.2.1' }],
    ['an address', { address: '192.0.2.2' }, { userId: undefined, address: '192.0.2.2' }],
    ['bad tokens', { ...bad, address: '192.0.2.3' }, { userId: undefined, address: '192.0.2.3' }],
  ]
  for (const [what, request, expected] of cases) {
    const before = logLines().length
    const answers = [await graphql(query, null, request), await graphql(query, null, request)]
    if (answers[1]?.status === 200) answers.push(await graphql(query, null, request))
    const reported = logLines()
      .slice(before)
      .map((line) => JSON.parse(line))
      .filter(({ event }) => event === 'excess_rate_limit_exceeded')
    t.equal(reported.length, 1, what)
    t.match(reported[0], { ...expected, level: 40, reqId: answers.at(-1)?.headers['x-request-id'] })
    await graphql(query, null, request)
    const [line = ''] = logLines().slice(-1)
    t.match(
      JSON.parse(line),
      { msg: 'request', outcome: 'RATE_LIMITED/REQUESTS' },
      'and the next has its line alone',
    )
  }
})

t.test('what is no GraphQL request counts as well', async (t) => {
  const { app, graphql } = await startApp(t, { rateLimitRequests: 2 })
  const send = (payload: string, accept = '*/*') =>
    app.inject({
      method: 'POST',
      url: '/graphql',
      headers: { 'content-type': 'application/json', accept },
      payload,
    })
  t.equal((await send('[]')).statusCode, 400)
  t.equal((await send(JSON.stringify({ query }), 'text/html')).statusCode, 406)
  t.equal((await send('[]')).statusCode, 429)
  t.equal((await graphql(query)).status, 429)
})
