import { mkdtempSync, rmSync } from 'node:fs'
import { get, type IncomingMessage } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { json } from 'node:stream/consumers'
import t, { type Test } from 'tap'
import { loadConfig, type SettingsInput } from '../../src/config.ts'
import { startApp } from '../support/app.ts'

const payload = '{"query":"{ serverInfo { name } }"}'

async function startServer(t: Test, settings: SettingsInput) {
  const server = await startApp(t, settings)
  async function post(remoteAddress: string, headers: Record<string, string> = {}) {
    const response = await server.app.inject({
      method: 'POST',
      url: '/graphql',
      remoteAddress,
      headers: { 'content-type': 'application/json', ...headers },
      payload,
    })
    return { status: response.statusCode, body: response.json(), headers: response.headers }
  }
  return { ...server, post }
}

t.test('REQUIRE_HTTPS refuses plain HTTP, but from this machine', async (t) => {
  const { app, post } = await startServer(t, { requireHttps: 'on' })
  for (const address of ['127.0.0.1', '127.8.8.8', '::1', '::ffff:127.0.0.1']) {
    t.equal((await post(address)).status, 200, address)
  }
  for (const address of ['192.0.2.1', '10.0.0.1', '::2', '::ffff:10.0.0.1', '2001:db8::1', '1.127.0.1']) {
    const answer = await post(address)
    t.equal(answer.status, 403, address)
    t.match(answer.body, { errors: [{ extensions: { code: 'FORBIDDEN', reason: 'HTTPS_REQUIRED' } }] })
    t.notOk(answer.headers.location, 'it is not sent elsewhere')
  }
  const byGet = await app.inject({ url: '/graphql?query={__typename}', remoteAddress: '192.0.2.1' })
  t.equal(byGet.statusCode, 403)
  t.equal((await app.inject({ url: '/healthz', remoteAddress: '192.0.2.1' })).statusCode, 200)
})

t.test('REQUIRE_HTTPS is on in production unless it is switched off', async (t) => {
  const production = await startApp(t, { production: true })
  const refused = await production.graphql('{ __typename }', null, { address: '192.0.2.1' })
  t.equal(refused.status, 403)
  const off = await startApp(t, { production: true, requireHttps: 'off' })
  t.equal((await off.graphql('{ __typename }', null, { address: '192.0.2.1' })).status, 200)
  const development = await startApp(t)
  t.equal((await development.graphql('{ __typename }', null, { address: '192.0.2.1' })).status, 200)
})

t.test('X-Forwarded-Proto counts only from a proxy that TRUST_PROXY lists', async (t) => {
  const https = { 'x-forwarded-proto': 'https' }
  const client = { 'x-forwarded-for': '192.0.2.50' }
  const none = await startServer(t, { requireHttps: 'on' })
  t.equal((await none.post('192.0.2.1', https)).status, 403, 'no proxy is trusted')
  t.equal((await none.post('192.0.2.1', { ...https, 'x-forwarded-for': '127.0.0.1' })).status, 403)
  t.equal(
    (await none.post('192.0.2.1', { 'x-forwarded-for': '127.0.0.1', forwarded: 'for=127.0.0.1;proto=https' }))
      .status,
    403,
  )

  const { post } = await startServer(t, { requireHttps: 'on', trustProxy: '10.0.0.0/8' })
  const rows: [name: string, address: string, headers: Record<string, string>, status: number][] = [
    ['the proxy says https', '10.1.2.3', { ...https, ...client }, 200],
    ['the proxy says http', '10.1.2.3', { 'x-forwarded-proto': 'http', ...client }, 403],
    ['the proxy says nothing', '10.1.2.3', client, 403],
    [
      'the client said https, the proxy http',
      '10.1.2.3',
      { 'x-forwarded-proto': 'https, http', ...client },
      403,
    ],
    ['somebody else says https', '192.0.2.1', { ...https, ...client }, 403],
    ['somebody else says to be this machine', '192.0.2.1', { 'x-forwarded-for': '127.0.0.1' }, 403],
    ['the client said to be this machine', '10.1.2.3', { 'x-forwarded-for': '127.0.0.1, 192.0.2.1' }, 403],
  ]
  for (const [name, address, headers, status] of rows) {
    t.equal((await post(address, headers)).status, status, name)
  }
})

t.test('X-Forwarded-For counts only from a proxy that TRUST_PROXY lists', async (t) => {
  const rows: [trustProxy: string, socket: string, header: string | undefined, expected: string][] = [
    ['off', '203.0.113.9', '192.0.2.1', '203.0.113.9'],
    ['off', '127.0.0.1', '192.0.2.1', '127.0.0.1'],
    ['off', '::ffff:203.0.113.9', undefined, '203.0.113.9'],
    ['10.0.0.1', '203.0.113.9', '192.0.2.1', '203.0.113.9'],
    ['10.0.0.1', '10.0.0.1', '192.0.2.1', '192.0.2.1'],
    ['10.0.0.1', '10.0.0.1', undefined, '10.0.0.1'],
    ['10.0.0.1', '10.0.0.1', '198.51.100.7, 192.0.2.1', '192.0.2.1'],
    ['10.0.0.1,10.0.0.2', '10.0.0.1', '198.51.100.7, 192.0.2.1, 10.0.0.2', '192.0.2.1'],
    ['loopback', '127.0.0.1', '192.0.2.1', '192.0.2.1'],
    ['1', '203.0.113.9', '198.51.100.7, 192.0.2.1', '192.0.2.1'],
    ['2', '203.0.113.9', '198.51.100.7, 192.0.2.1', '198.51.100.7'],
    ['10.0.0.1', '10.0.0.1', '2001:db8::1', '2001:db8::1'],
    ['10.0.0.1', '10.0.0.1', '::ffff:192.0.2.1', '192.0.2.1'],
    ['10.0.0.1', '10.0.0.1', '192.0.2.1:8080', '192.0.2.1'],
    ['10.0.0.1', '10.0.0.1', '[2001:db8::1]:8080', '2001:db8::1'],
    ['10.0.0.1', '10.0.0.1', '[2001:db8::1]', '2001:db8::1'],
    ['10.0.0.1', '10.0.0.1', 'unknown', '10.0.0.1'],
    ['10.0.0.1', '10.0.0.1', '::ffff:hunter2', '10.0.0.1'],
    ['10.0.0.1', '10.0.0.1', 'a'.repeat(5_000), '10.0.0.1'],
  ]
  for (const [trustProxy, remoteAddress, header, expected] of rows) {
    const { app, createUser, signIn } = await startApp(t, { trustProxy })
    const token = await signIn(await createUser())
    const response = await app.inject({
      method: 'POST',
      url: '/graphql',
      remoteAddress,
      headers: {
        'content-type': 'application/json',
        authorization: `Token ${token}`,
        ...(header === undefined ? {} : { 'x-forwarded-for': header }),
        'x-real-ip': '198.51.100.99',
        forwarded: 'for=198.51.100.99',
      },
      payload: '{"query":"{ viewer { tokens { nodes { lastUsedAddress } } } }"}',
    })
    t.equal(
      response.json().data.viewer.tokens.nodes[0].lastUsedAddress,
      expected,
      `TRUST_PROXY=${trustProxy}, ${header} from ${remoteAddress}`,
    )
  }
})

t.test('a rotating X-Forwarded-For does not escape the limits', async (t) => {
  const { graphql } = await startApp(t, { rateLimitRequests: 2 })
  const statuses: number[] = []
  for (let index = 0; index < 4; index++) {
    const headers = { 'x-forwarded-for': `192.0.2.${index}` }
    statuses.push((await graphql('{ __typename }', null, { headers, address: '203.0.113.9' })).status)
  }
  t.strictSame(statuses, [200, 200, 429, 429])
})

t.test('TRUST_PROXY cannot be set to trust everybody', async (t) => {
  for (const value of ['true', 'on', 'yes', '*', 'all', 'any', '-1', '1.5', 'example.org']) {
    t.throws(() => loadConfig({ TRUST_PROXY: value }), /TRUST_PROXY must be off, a number of proxies/, value)
  }
})

t.test('on a Unix socket a client has no address, and is of this machine', async (t) => {
  const { app, createUser, signIn } = await startApp(t, { requireHttps: 'on', rateLimitRequests: 100 })
  const token = await signIn(await createUser())
  const folder = mkdtempSync(join(tmpdir(), 'latchkey-')) // `t.testdir()` is too long for a socket's path
  t.teardown(() => rmSync(folder, { recursive: true }))
  const socketPath = join(folder, 'socket')
  await app.listen({ path: socketPath })
  const query = encodeURIComponent('{ viewer { tokens { nodes { lastUsedAddress } } } }')
  const headers = { authorization: `Token ${token}`, connection: 'close' }
  const response = await new Promise<IncomingMessage>((resolve, reject) => {
    get({ socketPath, path: `/graphql?query=${query}`, headers }, resolve).on('error', reject)
  })
  t.equal(response.statusCode, 200)
  t.strictSame(await json(response), {
    data: { viewer: { tokens: { nodes: [{ lastUsedAddress: 'unknown' }] } } },
  })
})

t.test('on a Unix socket a client is whoever the proxy says, if that is an address', async (t) => {
  const { app, createUser, signIn } = await startApp(t, { trustProxy: 1 })
  const token = await signIn(await createUser())
  const folder = mkdtempSync(join(tmpdir(), 'latchkey-'))
  t.teardown(() => rmSync(folder, { recursive: true }))
  const socketPath = join(folder, 'socket')
  await app.listen({ path: socketPath })
  const query = encodeURIComponent('{ viewer { tokens { nodes { lastUsedAddress } } } }')
  for (const [said, shown] of [
    ['192.0.2.7', '192.0.2.7'],
    ['somebody', 'unknown'],
  ]) {
    const headers = { authorization: `Token ${token}`, connection: 'close', 'x-forwarded-for': said }
    const response = await new Promise<IncomingMessage>((resolve, reject) => {
      get({ socketPath, path: `/graphql?query=${query}`, headers }, resolve).on('error', reject)
    })
    t.match(await json(response), { data: { viewer: { tokens: { nodes: [{ lastUsedAddress: shown }] } } } })
  }
})
