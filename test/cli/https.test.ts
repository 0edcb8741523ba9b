import { renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { connect as connectTls, type TLSSocket } from 'node:tls'
import t, { type Test } from 'tap'
import { makeCertificate } from '../support/certificate.ts'
import { openHttp2, postOverHttp2, sendOverHttp2 } from '../support/http2.ts'
import { secret } from '../support/log.ts'
import { openSocket } from '../support/socket.ts'
import { type Bench, createBench, password, type Running } from './command.ts'

async function start(
  t: Test,
  env: Record<string, string> = {},
): Promise<{ bench: Bench; running: Running; url: string; cert: string }> {
  const { cert, key } = makeCertificate('first')
  const bench = createBench(
    t,
    { TLS_CERT_FILE: 'cert.pem', TLS_KEY_FILE: 'key.pem', ...env },
    { 'cert.pem': cert, 'key.pem': key },
  )
  const running = bench.start(['serve'])
  const [, url = ''] = await running.said(/listens on (https:\/\/\S+)\/graphql\n/)
  return { bench, running, url, cert }
}

t.test('it says that it listens on https', async (t) => {
  const { running, url } = await start(t)
  t.match(await postOverHttp2(openHttp2(t, url), '{ serverInfo { name } }'), { status: 200 })
  t.match(running.output().stdout, `"msg":"Server listening at ${url}"`)
})

t.test('a certificate that cannot be used ends the start with a sentence', async (t) => {
  const bench = createBench(t, { TLS_CERT_FILE: 'none.pem', TLS_KEY_FILE: 'none.pem' })
  const { status, stderr } = await bench.run(['serve'])
  t.match([status, stderr], [1, /none\.pem cannot be read \(ENOENT\)\./])
  t.notMatch(stderr, /\n\s+at /)
})

t.test('SIGTERM lets what runs over HTTP/2 end, and sends what follows elsewhere', async (t) => {
  const { running, url } = await start(t)
  const session = openHttp2(t, url)
  const headers = { 'content-type': 'application/json' }
  const stream = session.request({ ':method': 'POST', ':path': '/graphql', ...headers })
  let answer = ''
  stream.setEncoding('utf8')
  stream.on('data', (text) => {
    answer += text
  })
  const ended = new Promise((resolve) => stream.on('close', resolve))
  stream.write('{"query":"{ serverInfo')
  t.match(await postOverHttp2(session, '{ __typename }'), { status: 200 })
  const told = new Promise((resolve) => session.once('goaway', resolve))
  running.child.kill('SIGTERM')
  t.equal(await told, 0, 'without an error')
  await t.rejects(sendOverHttp2(session, headers, '{}'), 'the client knows that it has to go elsewhere')
  stream.end(' { name } }"}')
  await ended
  t.match(answer, '"name":"latchkey"')
  t.match(await running.ended, { status: 0 })
})

t.test('sockets over HTTPS hear of events, end with their tokens, and are sent elsewhere', async (t) => {
  const { bench, running, url, cert } = await start(t)
  await bench.json(['user', 'create', 'ada', '--password-stdin'], password)
  const session = openHttp2(t, url)
  const signIn = async (): Promise<string> => {
    const mutation = `mutation { tokenAuth(username: "ada", password: "${password}") { token } }`
    const { body } = await postOverHttp2(session, mutation)
    return `Token ${secret(JSON.parse(body).data.tokenAuth.token)}`
  }
  const authorization = await signIn()
  const socket = await openSocket(t, url, { ca: cert })
  t.equal((socket.webSocket as unknown as { _socket: TLSSocket })._socket.encrypted, true)
  t.match(await socket.init({ authorization }), { type: 'connection_ack', payload: { expiresAt: /Z$/ } })
  t.match(await socket.run('{ viewer { username } }'), { payload: { data: { viewer: { username: 'ada' } } } })
  socket.subscribe('1', 'subscription { viewerTokensChanged { tokens { totalCount } } }')
  await socket.run('{ __typename }') // it has begun by now
  const other = await signIn()
  t.match(await socket.next(), {
    type: 'next',
    id: '1',
    payload: { data: { viewerTokensChanged: { tokens: { totalCount: 2 } } } },
  })
  await postOverHttp2(session, 'mutation { revokeToken { revoked } }', { authorization })
  t.equal(await socket.closed, '4401 REVOKED')

  const second = await openSocket(t, url, { ca: cert })
  await second.init({ authorization: other })
  running.child.kill('SIGTERM')
  t.match(await second.closed, /^1001 GOING_AWAY retryAfter=\d$/)
  t.match(await running.ended, { status: 0 })
})

t.test('workers take up a new certificate, and stop, without a request lost', async (t) => {
  const { bench, running, url } = await start(t, { WORKERS: '2' })
  const lost: unknown[] = []
  let answered = 0
  let isOn = true
  const ask = async (): Promise<void> => {
    while (isOn) {
      const session = openHttp2(t, url)
      for (let count = 0; count < 5; count++) {
        await postOverHttp2(session, '{ __typename }').then(
          ({ status }) => (status === 200 ? answered++ : lost.push(status)),
          (error) => lost.push(String(error)),
        )
      }
      session.close()
      await sleep(10)
    }
  }
  const traffic = [ask(), ask()]
  const next = makeCertificate('second')
  for (const [file, text] of [
    ['key.pem', next.key],
    ['cert.pem', next.cert],
  ] as const) {
    writeFileSync(join(bench.folder, 'new.pem'), text)
    renameSync(join(bench.folder, 'new.pem'), join(bench.folder, file))
  }
  // Connections go to the workers in turn.
  for (let row = 0; row < 6; row = (await commonName(url)) === 'second' ? row + 1 : 0) await sleep(50)
  isOn = false
  await Promise.all(traffic)
  t.strictSame(lost, [])
  t.ok(answered > 20, `${answered} were answered`)
  running.child.kill('SIGTERM')
  t.match(await running.ended, { status: 0 })
})

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
