import SqliteDatabase from 'better-sqlite3'
import type { InjectOptions } from 'fastify'
import t from 'tap'
import { buildApp } from '../src/app.ts'
import { loadConfig } from '../src/config.ts'
import { createRequestId } from '../src/http/request-id.ts'
import { startApp } from './support/app.ts'
import { logLines } from './support/log.ts'

t.test('health tells that the process answers, readiness that its database does', async (t) => {
  const file = `${t.testdir()}/latchkey.db`
  const { app } = await startApp(t, { databaseUrl: `sqlite:${file}`, requireHttps: true })
  const remoteAddress = '192.0.2.7' // a probe asks from elsewhere, over plain HTTP
  for (const url of ['/healthz', '/readyz']) {
    const response = await app.inject({ url, remoteAddress })
    t.equal(response.statusCode, 200, url)
    t.strictSame(response.json(), { status: 'ok' })
  }

  const broken = new SqliteDatabase(file)
  broken.exec('pragma foreign_keys = off; drop table latchkey_users')
  broken.close()
  const before = logLines().length
  const response = await app.inject('/readyz')
  t.equal(response.statusCode, 503)
  t.strictSame(response.json(), { status: 'unavailable' }, 'it does not tell why')
  t.match(logLines().slice(before).join(''), 'no such table', 'the log does')
  t.equal((await app.inject('/healthz')).statusCode, 200)
})

t.test(
  'every answer says that it is not to be stored or guessed at, and where it is in the log',
  async (t) => {
    const { app } = await startApp(t, { corsOrigins: 'https://app.example.org' })
    const preflight = { origin: 'https://app.example.org', 'access-control-request-method': 'POST' }
    const cases: [what: string, request: InjectOptions, status: number][] = [
      ['an answer', { url: '/graphql?query={__typename}' }, 200],
      ['a refusal', { method: 'POST', url: '/graphql', payload: 'x' }, 415],
      ['health', { url: '/healthz' }, 200],
      ['readiness', { url: '/readyz' }, 200],
      ['an unknown path', { url: '/nothing' }, 404],
      ['a preflight', { method: 'OPTIONS', url: '/graphql', headers: preflight }, 204],
    ]
    for (const [what, request, status] of cases) {
      const { headers, statusCode } = await app.inject(request)
      t.equal(statusCode, status, what)
      t.has(headers, {
        'cache-control': 'no-store',
        'x-content-type-options': 'nosniff',
        'referrer-policy': 'no-referrer',
        'cross-origin-resource-policy': 'same-origin',
      })
      t.match(headers['x-request-id'], /^[\w-]{8}-\w+$/)
    }
  },
)

t.test('an unknown path is told where the API is, and no file is served', async (t) => {
  const { app } = await startApp(t, { graphqlPath: '/api', console: false })
  for (const url of [
    '/',
    '/account',
    '/graphql',
    '/.env',
    '/.git/config',
    '/data/latchkey.db',
    '/API',
    '/api/',
    '//api',
  ]) {
    const response = await app.inject(url)
    t.equal(response.statusCode, 404, url)
    t.match(response.json(), { error: 'Not found', message: 'The API is at /api.' })
  }
  t.equal((await app.inject('/api?query={__typename}')).statusCode, 200)
})

t.test('only the listed origins may read answers, and the headers that clients need', async (t) => {
  const listed = 'https://app.example.org'
  const cases: [corsOrigins: string, origin: string, allowed: string | undefined][] = [
    [listed, listed, listed],
    [`http://localhost:5173,${listed}`, 'http://localhost:5173', 'http://localhost:5173'],
    [listed, 'https://evil.example', undefined],
    [listed, 'https://app.example.org.evil.example', undefined],
    [listed, 'null', undefined],
    ['', listed, undefined],
  ]
  for (const [corsOrigins, origin, allowed] of cases) {
    const { app } = await startApp(t, { corsOrigins })
    const { headers } = await app.inject({ url: '/graphql?query={__typename}', headers: { origin } })
    t.equal(headers['access-control-allow-origin'], allowed, `${origin} with "${corsOrigins}"`)
    t.equal(headers['access-control-allow-credentials'], allowed && 'true', 'with cookies, too')
    if (allowed === undefined) continue
    t.equal(headers['access-control-expose-headers'], 'WWW-Authenticate, Retry-After, X-Request-Id')
    const preflight = await app.inject({
      method: 'OPTIONS',
      url: '/graphql',
      headers: {
        origin,
        'access-control-request-method': 'POST',
        'access-control-request-headers': 'authorization,content-type',
      },
    })
    t.equal(preflight.statusCode, 204)
    t.has(preflight.headers, {
      'access-control-allow-origin': allowed,
      'access-control-allow-methods': 'GET, POST',
      'access-control-allow-headers': 'authorization,content-type',
      'access-control-max-age': '600',
    })
  }
})

t.test('forwarded addresses count where the proxy is trusted, and nowhere else', async (t) => {
  const proxy = '10.0.0.9'
  const cases: [trustProxy: string, remoteAddress: string, forwarded: string, expected: string][] = [
    ['off', proxy, '203.0.113.1', proxy],
    ['10.0.0.0/8', proxy, '203.0.113.1', '203.0.113.1'],
    ['10.0.0.0/8', '192.0.2.1', '203.0.113.1', '192.0.2.1'],
    ['10.0.0.0/8', proxy, '203.0.113.1, 198.51.100.2', '198.51.100.2'],
    ['loopback', '127.0.0.1', '203.0.113.1', '203.0.113.1'],
    ['1', proxy, '203.0.113.1, 198.51.100.2', '198.51.100.2'],
    ['2', proxy, '203.0.113.1, 198.51.100.2', '203.0.113.1'],
  ]
  for (const [trustProxy, remoteAddress, forwarded, expected] of cases) {
    const { app } = await startApp(t, { trustProxy })
    const before = logLines().length
    await app.inject({
      url: '/graphql?query={__typename}',
      remoteAddress,
      headers: { 'x-forwarded-for': forwarded },
    })
    const [line = '{}'] = logLines().slice(before)
    t.equal(JSON.parse(line).address, expected, `${trustProxy}: ${forwarded} by ${remoteAddress}`)
  }
})

t.test('the log level is a setting, and nothing listens by itself', async (t) => {
  const settings = loadConfig({ DATABASE_URL: 'sqlite::memory:', LOG_LEVEL: 'silent' })
  const app = await buildApp(settings)
  t.teardown(() => app.close())
  await app.ready()
  t.equal(app.log.level, 'silent')
  t.equal(app.server.listening, false)
})

t.test('request ids are unique over processes and within one', async (t) => {
  const [first, second] = [createRequestId(), createRequestId()]
  const ids = Array.from({ length: 1000 }, () => [first(), second()]).flat()
  t.equal(new Set(ids).size, 2000)
  for (const id of ids.slice(0, 10)) t.match(id, /^[\w-]{8}-[0-9a-z]+$/)
})
