import { once } from 'node:events'
import { connect } from 'node:net'
import t from 'tap'
import { openSocket } from '../support/socket.ts'
import { fc, runs, startApp, unlimited } from './fuzz.ts'

t.setTimeout(3_600_000) // a campaign takes as long as it is told to

const codes = /^(?:10(?:00|01|02|05|06|07|09|13)|44(?:00|01|03|08|09|29)) /

const values = fc.oneof(
  fc.constantFrom(null, true, 0, '', 'connection_init', 'subscribe', 'complete', 'ping', 'pong', '1', [], {}),
  fc.json().map((text) => JSON.parse(text)),
  fc.string({ maxLength: 20 }),
)
const payloads = fc.oneof(
  values,
  fc.record(
    { authorization: values, ticket: values, query: values, variables: values },
    { requiredKeys: [] },
  ),
  fc.constantFrom(
    { query: '{ serverInfo { name } }' },
    { query: 'subscription { viewerTokensChanged { username } }' },
    { query: '{ viewer { username } }', operationName: 'None' },
  ),
)
const messages = fc.oneof(
  fc.record({ type: values, id: values, payload: payloads }, { requiredKeys: [] }),
  fc.record({
    type: fc.constantFrom('connection_init', 'subscribe', 'complete', 'ping', 'pong'),
    id: fc.constantFrom('1', '2', '__proto__', 'constructor'),
    payload: payloads,
  }),
  fc.string({ unit: 'binary', maxLength: 30 }),
)

t.test(
  'whatever clients say, a socket answers or closes as the protocol has it, and others go on',
  async (t) => {
    const { url } = await startApp(t, { ...unlimited, listen: true, socketLimitAddress: 10_000 })
    const bystander = await openSocket(t, url)
    await bystander.init()
    await fc.assert(
      fc.asyncProperty(fc.array(messages, { maxLength: 12 }), fc.boolean(), async (said, isPolite) => {
        const socket = await openSocket(t, url)
        if (isPolite) await socket.init()
        for (const message of said) socket.send(message)
        socket.webSocket.close(1000)
        const closed = await socket.closed
        if (!codes.test(closed)) throw new Error(`it closed with ${closed}`)
      }),
      runs(150),
    )
    t.match(await bystander.run('{ serverInfo { name } }'), { type: 'next' })
  },
)

t.test('frames that are none close their connection, and no other', async (t) => {
  const { url } = await startApp(t, { listen: true, socketLimitAddress: 10_000 })
  const bystander = await openSocket(t, url)
  await bystander.init()
  const mask = [0, 0, 0, 0]
  const cases: [string, number[]][] = [
    ['compressed', [0xc1, 0x81, ...mask, 0x00]],
    ['of an unknown kind', [0x83, 0x80, ...mask]],
    ['not masked', [0x81, 0x01, 0x41]],
    ['a ping that is too long', [0x89, 0xfe, 0x00, 0x7e, ...mask]],
    ['a length of 2^63', [0x82, 0xff, 0x80, 0, 0, 0, 0, 0, 0, 0, ...mask]],
    ['a length of 1 GiB', [0x81, 0xff, 0, 0, 0, 0, 0x40, 0, 0, 0, ...mask]],
    ['a part of nothing', [0x80, 0x80, ...mask]],
    ['no UTF-8', [0x81, 0x82, ...mask, 0xff, 0xfe]],
    ['a close code that is none', [0x88, 0x82, ...mask, 0x00, 0x01]],
  ]
  for (const [what, bytes] of cases) {
    t.match(await sendFrames(url, Buffer.from(bytes)), /^8[89]|^$/, what) // a close frame, or no word
  }
  const parts = Buffer.concat([
    Buffer.from([0x01, 0x80, ...mask]),
    ...Array.from({ length: 3_000 }, () =>
      Buffer.concat([Buffer.from([0x00, 0xff, 0, 0, 0, 0, 0, 0, 0, 64, ...mask]), Buffer.alloc(64)]),
    ),
  ])
  t.match(await sendFrames(url, parts), /^88/, 'a message in parts without end')
  await fc.assert(
    fc.asyncProperty(fc.uint8Array({ minLength: 1, maxLength: 200 }), async (bytes) => {
      await sendFrames(url, Buffer.from(bytes), true)
    }),
    runs(50),
  )
  const deep = await openSocket(t, url)
  deep.send(`{"type":"ping","payload":${'['.repeat(50_000)}${']'.repeat(50_000)}}`)
  t.match(await deep.closed, /^4400/, 'a depth that no stack has room for')
  t.match(await bystander.run('{ serverInfo { name } }'), { type: 'next' })
})

/** Upgrades a connection, sends these bytes, and returns what came until its end, in hexadecimal digits. */
async function sendFrames(url: string, bytes: Buffer, endsIt = false): Promise<string> {
  const { port, host } = new URL(url)
  const socket = connect(Number(port), '127.0.0.1')
  socket.on('error', () => {}) // it may be cut
  const handshake = [
    'GET /graphql HTTP/1.1',
    `Host: ${host}`,
    'Connection: Upgrade',
    'Upgrade: websocket',
    'Sec-WebSocket-Version: 13',
    'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
    'Sec-WebSocket-Protocol: graphql-transport-ws',
  ]
  socket.write(`${handshake.join('\r\n')}\r\n\r\n`)
  const [greeting] = (await once(socket, 'data')) as [Buffer]
  if (!String(greeting).startsWith('HTTP/1.1 101')) throw new Error(String(greeting))
  const answer: Buffer[] = []
  socket.on('data', (data: Buffer) => answer.push(data))
  const gone = new Promise((resolve) => socket.once('close', resolve))
  socket.write(bytes)
  if (endsIt) socket.end()
  await gone
  return Buffer.concat(answer).toString('hex')
}
