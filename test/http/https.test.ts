import { once } from 'node:events'
import { renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { request as requestHttps } from 'node:https'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { connect as connectTls, type TLSSocket } from 'node:tls'
import t, { type Test } from 'tap'
import { buildApp } from '../../src/app.ts'
import { loadConfig } from '../../src/config.ts'
import { startApp } from '../support/app.ts'
import { makeCertificate, type TestCertificate } from '../support/certificate.ts'
import { readSetCookie, signInForCookie } from '../support/cookie.ts'
import { openHttp2, postOverHttp2, sendOverHttp2 } from '../support/http2.ts'
import { logLines } from '../support/log.ts'

t.setTimeout(300_000)

const who = '{ viewer { username } }'

/** The service with a certificate of its own, whose files the test may replace. */
async function startHttps(t: Test, settings: Parameters<typeof startApp>[1] = {}) {
  const first = makeCertificate('first')
  const folder = t.testdir({ 'cert.pem': first.cert, 'key.pem': first.key })
  const files = { cert: join(folder, 'cert.pem'), key: join(folder, 'key.pem') }
  const app = await startApp(t, {
    listen: true,
    tlsCertFile: files.cert,
    tlsKeyFile: files.key,
    requireHttps: 'on',
    ...settings,
  })
  return { ...app, url: app.url.replace('http:', 'https:'), folder, files }
}

t.test('HTTP/2 and HTTP/1.1 are spoken on one port, with whoever asks for which', async (t) => {
  const app = await startHttps(t)
  const user = await app.createUser()
  const token = await app.signIn(user)
  const session = openHttp2(t, app.url)
  const answer = await postOverHttp2(session, who, { authorization: `Token ${token}` })
  t.equal(answer.status, 200)
  t.same(JSON.parse(answer.body), { data: { viewer: { username: user.username } } })
  t.equal((session.socket as TLSSocket).alpnProtocol, 'h2')
  t.match(answer.headers, {
    'strict-transport-security': 'max-age=31536000',
    'cache-control': 'no-store',
    'x-content-type-options': 'nosniff',
    'referrer-policy': 'no-referrer',
    'cross-origin-resource-policy': 'same-origin',
    'x-request-id': /./,
  })
  const get = await sendOverHttp2(
    session,
    { ':method': 'GET', ':path': `/graphql?query=${encodeURIComponent('{__typename}')}` },
    '',
  )
  t.equal(get.status, 200)

  for (const protocols of [['http/1.1'], []]) {
    const text = await askTls(
      app.url,
      `POST /graphql HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nAuthorization: Token ${token}\r\nConnection: close\r\nContent-Length: ${JSON.stringify({ query: who }).length}\r\n\r\n${JSON.stringify({ query: who })}`,
      protocols,
    )
    t.match(text, /^HTTP\/1\.1 200 .*strict-transport-security: max-age=31536000.*"username"/s)
  }
  const log = logLines().filter((line) => line.includes('"msg":"request"'))
  t.match(JSON.parse(log.at(-1) ?? ''), { status: 200, address: '127.0.0.1', outcome: 'OK' })
})

t.test('the cookie is that of HTTPS, and may come in several header fields', async (t) => {
  const app = await startHttps(t)
  const user = await app.createUser()
  const session = openHttp2(t, app.url)
  const origin = app.url
  const body = JSON.stringify({
    query: signInForCookie,
    variables: { username: user.username, password: user.password },
  })
  const signedIn = await sendOverHttp2(session, { 'content-type': 'application/json', origin }, body)
  const set = readSetCookie(signedIn.headers)
  t.equal(set?.name, '__Host-latchkey')
  const cookie = ['theme=dark', `${set?.name}=${set?.value}`]
  const answer = await postOverHttp2(session, who, { cookie, 'sec-fetch-site': 'same-origin' })
  t.same(JSON.parse(answer.body), { data: { viewer: { username: user.username } } })
  const foreign = await postOverHttp2(session, who, { cookie, origin: 'https://evil.example' })
  t.match([foreign.status, foreign.body], [403, /CSRF/])
})

t.test('what holds for headers over HTTP/1.1 holds over HTTP/2', async (t) => {
  const app = await startHttps(t)
  const token = await app.signIn(await app.createUser())
  const session = openHttp2(t, app.url)
  const twice = { authorization: [`Token ${token}`, `Token ${token}`] as unknown as string }
  const accept = 'application/graphql-response+json'
  t.match(await postOverHttp2(session, who, { ...twice, accept }), { status: 401, body: /MALFORMED/ })
  t.match(await postOverHttp2(session, who, { accept, authorization: `Token ${'a'.repeat(600)}` }), {
    body: /MALFORMED/,
  })
  await t.rejects(postOverHttp2(session, who, { 'x-large': 'a'.repeat(20_000) }), 'too many bytes of headers')
  t.match(
    await postOverHttp2(session, who, { authorization: `Token ${token}` }),
    { status: 200 },
    'the session goes on',
  )
  t.match(await postOverHttp2(session, who, { 'content-type': 'text/plain' }), { status: 415 })
  const put = await sendOverHttp2(session, { ':method': 'PUT' }, '')
  t.match([put.status, put.headers.allow], [405, 'GET, POST'])
  const large = await postOverHttp2(session, `{${' '.repeat(200_000)}__typename}`)
  t.equal(large.status, 413)
  const text = await askTls(app.url, `GET / HTTP/1.1\r\nHost: x\r\nX-Large: ${'a'.repeat(20_000)}\r\n\r\n`)
  t.match(text, /^HTTP\/1\.1 431 /)
})

t.test('of many operations on one connection, so many run at once, and all are answered', async (t) => {
  const app = await startHttps(t)
  const session = openHttp2(t, app.url)
  await once(session, 'remoteSettings')
  t.equal(session.remoteSettings.maxConcurrentStreams, 100)
  const answers = await Promise.all(
    Array.from({ length: 250 }, () => postOverHttp2(session, '{ __typename }')),
  )
  t.ok(answers.every(({ status }) => status === 200))
})

t.test('who sends a body or headers too slowly is answered 408, over either', async (t) => {
  const app = await startHttps(t)
  const session = openHttp2(t, app.url)
  const headers = { 'content-type': 'application/json' }
  const http2 = sendOverHttp2(session, headers, null)
  const http1 = askTls(
    app.url,
    'POST /graphql HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 9\r\n\r\n{',
  )
  const unread = sendOverHttp2(session, { ':method': 'PUT' }, null)
  t.match(await unread, { status: 405 }, 'what is refused by its headers is refused at once')
  t.match(await http2, { status: 408, body: /REQUEST_TIMEOUT/ })
  t.match(await http1, /^HTTP\/1\.1 408 /)
  t.match(await postOverHttp2(session, '{ __typename }'), { status: 200 }, 'the session goes on')
})

t.test('an operation is answered though its client never ends a body that nobody reads', async (t) => {
  const app = await startHttps(t, {
    queryTimeout: '20s',
    plugin: {
      schema: 'extend type Query { slow: String @public }',
      resolvers: { Query: { slow: () => sleep(11_000, 'done') } },
    },
  })
  const session = openHttp2(t, app.url)
  const answer = await sendOverHttp2(session, { ':method': 'GET', ':path': '/graphql?query={slow}' }, null)
  t.match(answer, { status: 200, body: /done/ })
})

t.test('plain HTTP is not spoken there', async (t) => {
  const app = await startHttps(t)
  await t.rejects(fetch(app.url.replace('https:', 'http:')))
})

t.test('a certificate that is replaced is taken up while requests run, and none is lost', async (t) => {
  const app = await startHttps(t)
  const { files, folder } = app
  const session = openHttp2(t, app.url)
  const traffic = keepAsking(app.url, session)
  t.equal(await commonName(app.url), 'first')

  const write = (name: string, how: (file: 'cert' | 'key', text: string) => void): TestCertificate => {
    const certificate = makeCertificate(name)
    how('key', certificate.key)
    how('cert', certificate.cert)
    return certificate
  }
  write('in place', (file, text) => writeFileSync(files[file], text))
  await until(async () => (await commonName(app.url)) === 'in place')

  write('renamed', (file, text) => {
    writeFileSync(`${files[file]}.new`, text)
    renameSync(`${files[file]}.new`, files[file])
  })
  await until(async () => (await commonName(app.url)) === 'renamed')

  write('linked', (file, text) => {
    const target = join(folder, `${file}-2.pem`)
    writeFileSync(target, text)
    rmSync(files[file])
    symlinkSync(target, files[file])
  })
  await until(async () => (await commonName(app.url)) === 'linked')

  const replaced = logLines().filter((line) => line.includes('the TLS certificate was replaced'))
  t.match(JSON.parse(replaced.at(-1) ?? ''), { validTo: /^20\d\d-/ })
  const { answered, lost } = await traffic.end()
  t.strictSame(lost, [])
  t.ok(answered > 20, `${answered} were answered`)
})

t.test('a new certificate that cannot be used is logged, and the one before it stays', async (t) => {
  const app = await startHttps(t)
  const { files } = app
  const other = makeCertificate('other')
  const complaints = (): string[] =>
    logLines()
      .filter((line) => line.includes('the new TLS certificate cannot be used') && line.includes(app.folder))
      .map((line) => JSON.parse(line).err.message.replaceAll(`${app.folder}/`, ''))
  const cases: [what: string, act: () => void, message: string][] = [
    [
      'the key of another',
      () => writeFileSync(files.key, other.key),
      'key.pem is not the key of the certificate in cert.pem.',
    ],
    [
      'no key',
      () => writeFileSync(files.key, 'secret'),
      'key.pem holds no private key in PEM, or one with a passphrase.',
    ],
    [
      'half a certificate',
      () => writeFileSync(files.cert, other.cert.slice(0, 300)),
      'cert.pem holds no certificate in PEM.',
    ],
    ['none', () => rmSync(files.cert), 'cert.pem cannot be read (ENOENT).'],
  ]
  for (const [index, [what, act, message]] of cases.entries()) {
    act()
    await until(() => complaints().length > index)
    t.ok(complaints().at(-1)?.startsWith(message), what) // a cause may follow
    t.equal(await commonName(app.url), 'first')
  }
  await sleep(5_000)
  t.equal(complaints().length, cases.length, 'it is said once')
  writeFileSync(files.key, other.key)
  writeFileSync(files.cert, other.cert)
  await until(async () => (await commonName(app.url)) === 'other')
})

t.test('files that cannot be used at the start are said to be so', async (t) => {
  const { cert, key } = makeCertificate()
  const folder = t.testdir({
    'cert.pem': cert,
    'key.pem': key,
    'other.pem': makeCertificate().key,
    'none.pem': '',
  })
  const cases: [certFile: string, keyFile: string, message: RegExp][] = [
    ['cert.pem', 'nowhere.pem', /nowhere\.pem cannot be read \(ENOENT\)\./],
    ['none.pem', 'key.pem', /none\.pem holds no certificate in PEM\./],
    ['cert.pem', 'none.pem', /none\.pem holds no private key in PEM, or one with a passphrase\./],
    ['cert.pem', 'other.pem', /other\.pem is not the key of the certificate in .*cert\.pem\./],
  ]
  for (const [certFile, keyFile, message] of cases) {
    const settings = loadConfig({
      TLS_CERT_FILE: join(folder, certFile),
      TLS_KEY_FILE: join(folder, keyFile),
      DATABASE_URL: 'sqlite::memory:',
    })
    await t.rejects(buildApp(settings), { message })
  }
  t.throws(() => loadConfig({ TLS_CERT_FILE: 'cert.pem' }), { message: /TLS_KEY_FILE must name the key/ })
  t.throws(() => loadConfig({ TLS_KEY_FILE: 'key.pem' }), {
    message: /TLS_CERT_FILE must name the certificate/,
  })
})

/** Sends bytes over TLS and reads until the server hangs up. */
function askTls(url: string, text: string, ALPNProtocols: string[] = ['http/1.1']): Promise<string> {
  const { port, hostname } = new URL(url)
  return new Promise((resolve, reject) => {
    let answer = ''
    const options = { port: Number(port), host: hostname, rejectUnauthorized: false }
    const socket = connectTls({ ...options, ...(ALPNProtocols.length > 0 ? { ALPNProtocols } : {}) }, () =>
      socket.write(text),
    )
    socket.setEncoding('utf8')
    socket.on('data', (chunk) => {
      answer += chunk
    })
    socket.on('close', () => resolve(answer))
    socket.on('error', (error) => (answer === '' ? reject(error) : resolve(answer)))
  })
}

/** The name in the certificate that a new connection is shown. */
function commonName(url: string): Promise<unknown> {
  const { port, hostname } = new URL(url)
  return new Promise((resolve, reject) => {
    const socket = connectTls({ port: Number(port), host: hostname, rejectUnauthorized: false }, () => {
      resolve(socket.getPeerCertificate().subject.CN)
      socket.destroy()
    })
    socket.on('error', reject)
  })
}

async function until(holds: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await holds())) await sleep(100)
}

/** Asks over the session, and over new connections of HTTP/1.1, until it is ended. */
function keepAsking(url: string, session: ReturnType<typeof openHttp2>) {
  const lost: string[] = []
  let answered = 0
  let isOn = true
  const ask = async (act: () => Promise<number>): Promise<void> => {
    while (isOn) {
      const status = await act().catch((error) => String(error))
      if (status === 200) answered++
      else lost.push(String(status))
      await sleep(20)
    }
  }
  const running = [
    ask(async () => (await postOverHttp2(session, '{ __typename }')).status),
    ask(
      () =>
        new Promise((resolve, reject) => {
          const options = { rejectUnauthorized: false, agent: false }
          requestHttps(`${url}/graphql?query={__typename}`, options, (response) => {
            response.resume().on('end', () => resolve(response.statusCode ?? 0))
          })
            .on('error', reject)
            .end()
        }),
    ),
  ]
  return {
    async end() {
      isOn = false
      await Promise.all(running)
      return { answered, lost }
    },
  }
}
