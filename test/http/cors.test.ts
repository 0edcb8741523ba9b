import t from 'tap'
import { startApp } from '../support/app.ts'

const app = 'https://app.example.org'
const other = 'http://localhost:5173'
const payload = '{"query":"{ viewer { id } }"}'

t.test('only the pages of the listed origins may read answers', async (t) => {
  const { app: server } = await startApp(t, { corsOrigins: `${app}, ${other}` })
  const rows: [origin: string, allowed: boolean][] = [
    [app, true],
    [other, true],
    ['null', false],
    ['*', false],
    ['http://app.example.org', false],
    ['https://app.example.org:8443', false],
    ['https://app.example.org.evil.example', false],
    ['https://evil.example/https://app.example.org', false],
    ['https://evilapp.example.org', false],
    ['https://sub.app.example.org', false],
    ['https://app.example.org/', false],
    ['https://appxexample.org', false],
    ['HTTPS://APP.EXAMPLE.ORG', false],
    [`${app} ${other}`, false],
    [`${app}, ${other}`, false],
    ['http://localhost', false],
    ['http://localhost:51730', false],
  ]
  for (const [origin, allowed] of rows) {
    const preflight = await server.inject({
      method: 'OPTIONS',
      url: '/graphql',
      headers: {
        origin,
        'access-control-request-method': 'POST',
        'access-control-request-headers': 'authorization,content-type',
      },
    })
    const answer = await server.inject({
      method: 'POST',
      url: '/graphql',
      headers: { origin, 'content-type': 'application/json' },
      payload,
    })
    for (const { headers } of [preflight, answer]) {
      t.equal(headers['access-control-allow-origin'], allowed ? origin : undefined, origin)
      t.match(headers.vary, /(^|, )Origin(,|$)/i)
      t.equal(headers['access-control-allow-credentials'], allowed ? 'true' : undefined)
    }
    if (!allowed) {
      for (const { headers } of [preflight, answer]) {
        t.notOk(Object.keys(headers).find((name) => name.startsWith('access-control')))
      }
      continue
    }
    t.match(preflight.headers, {
      'access-control-allow-methods': 'GET, POST',
      'access-control-allow-headers': 'authorization,content-type',
      'access-control-max-age': '600',
    })
    t.equal(preflight.statusCode, 204)
    t.equal(
      answer.headers['access-control-expose-headers'],
      'WWW-Authenticate, Retry-After, X-Request-Id',
      'the challenge, the wait and the id may be read',
    )
  }
})

t.test('every refusal may be read by a listed page', async (t) => {
  const { app: server } = await startApp(t, { corsOrigins: app, rateLimitRequests: 2 })
  const json = { 'content-type': 'application/json' }
  for (const [status, request] of [
    [200, { headers: json, payload }],
    [400, { headers: json, payload: '[]' }],
    [429, { headers: json, payload }],
    [415, { headers: { 'content-type': 'text/plain' }, payload }],
  ] as const) {
    const response = await server.inject({
      method: 'POST',
      url: '/graphql',
      payload: request.payload,
      headers: { ...request.headers, origin: app },
    })
    t.equal(response.statusCode, status)
    t.equal(response.headers['access-control-allow-origin'], app)
  }
})

t.test('without CORS_ORIGINS no page of another origin may read or send anything', async (t) => {
  const { app: server } = await startApp(t)
  const preflight = await server.inject({
    method: 'OPTIONS',
    url: '/graphql',
    headers: { origin: app, 'access-control-request-method': 'POST' },
  })
  t.equal(preflight.statusCode, 405)
  const answer = await server.inject({
    method: 'POST',
    url: '/graphql',
    headers: { origin: app, 'content-type': 'application/json' },
    payload,
  })
  t.equal(answer.statusCode, 200)
  for (const { headers } of [preflight, answer]) {
    t.strictSame(
      Object.keys(headers).filter((name) => name.startsWith('access-control')),
      [],
    )
  }
})

t.test('what a page can send without a preflight changes nothing', async (t) => {
  const { app: server, createUser, signIn, graphql } = await startApp(t)
  const token = await signIn(await createUser())
  const revoke = 'mutation { revokeToken { revoked } }'
  const headers = { authorization: `Token ${token}` }
  for (const type of [
    'text/plain',
    'application/x-www-form-urlencoded',
    'multipart/form-data; boundary=x',
    undefined,
  ]) {
    const response = await server.inject({
      method: 'POST',
      url: `/graphql?query=${encodeURIComponent(revoke)}`,
      headers: { ...headers, ...(type === undefined ? {} : { 'content-type': type }) },
      payload: JSON.stringify({ query: revoke }),
    })
    t.equal(response.statusCode, 415, String(type))
  }
  const byGet = await server.inject({ url: `/graphql?query=${encodeURIComponent(revoke)}`, headers })
  t.equal(byGet.statusCode, 405)
  t.equal((await graphql('{ viewer { id } }', null, { token })).status, 200)
})
