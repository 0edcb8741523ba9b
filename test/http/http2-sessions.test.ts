import { once } from 'node:events'
import { type ClientHttp2Session, connect, createServer, type ServerHttp2Stream } from 'node:http2'
import type { AddressInfo } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { keepSessions } from '../../src/http/http2-sessions.ts'

async function start(t: Test, idleMs: number) {
  const server = createServer()
  server.on('stream', async (stream: ServerHttp2Stream, headers) => {
    await sleep(Number(headers['x-sleep'] ?? 0))
    stream.respond()
    stream.end('answered')
  })
  const sessions = keepSessions(server, idleMs)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => server.close())
  const client = connect(`http://127.0.0.1:${(server.address() as AddressInfo).port}`)
  t.teardown(() => client.destroy())
  return { client, sessions }
}

async function ask(client: ClientHttp2Session, sleepMs = 0): Promise<string> {
  const stream = client.request({ 'x-sleep': sleepMs })
  stream.setEncoding('utf8')
  let answer = ''
  for await (const text of stream) answer += text
  return answer
}

t.test('a session on which nothing is asked for is ended, whatever pings come', async (t) => {
  const { client } = await start(t, 300)
  const pings = setInterval(() => !client.closed && !client.destroyed && client.ping(() => {}), 50)
  t.teardown(() => clearInterval(pings))
  await once(client, 'close')
  t.pass('it is ended')
})

t.test('one on which something runs is not, and is idle from its answer on', async (t) => {
  const { client } = await start(t, 300)
  t.equal(await ask(client, 900), 'answered')
  t.equal(client.closed, false)
  t.equal(await ask(client), 'answered')
  await once(client, 'close')
})

t.test('who is sent elsewhere gets the answers that are under way', async (t) => {
  const { client, sessions } = await start(t, 60_000)
  await ask(client)
  const running = ask(client, 300)
  await sleep(100)
  const told = once(client, 'goaway')
  sessions.sendElsewhere()
  t.equal((await told)[0], 0)
  await t.rejects(ask(client), { code: 'ERR_HTTP2_GOAWAY_SESSION' })
  t.equal(await running, 'answered')
})
