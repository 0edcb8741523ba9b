import { once } from 'node:events'
import { connect } from 'node:net'
import t, { type Test } from 'tap'
import { startApp } from '../support/app.ts'

const body = '{"query":"{ soon }"}'
const request = `POST /graphql HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`

const plugin = {
  schema: 'extend type Query { soon: String @public }',
  resolvers: { Query: { soon: () => new Promise((resolve) => setTimeout(resolve, 5, 'here')) } },
}

/** Sends many requests at once on one connection, and counts the answers until there are enough or it is closed. */
async function pipeline(
  t: Test,
  url: string,
  requests: number,
): Promise<{ answers: number; closed: boolean }> {
  const { hostname, port } = new URL(url)
  const socket = connect(Number(port), hostname)
  t.teardown(() => socket.destroy())
  let text = ''
  const enough = new Promise((resolve) => {
    socket.on('data', (chunk) => {
      text += chunk
      if (countAnswers(text) === requests) resolve(undefined)
    })
  })
  socket.on('error', () => {}) // `close` follows
  const closed = once(socket, 'close')
  socket.write(request.repeat(requests))
  await Promise.race([enough, closed])
  return { answers: countAnswers(text), closed: socket.destroyed }
}

function countAnswers(text: string): number {
  return text.split('"soon":"here"').length - 1
}

t.test('a few requests at once on one connection are answered, in as many rounds as one likes', async (t) => {
  const { url } = await startApp(t, { listen: true, plugin })
  for (const requests of [1, 2, 30]) {
    t.same(await pipeline(t, url, requests), { answers: requests, closed: false })
  }
})

t.test(
  'a client that sends many requests without waiting is hung up on, and others are served',
  async (t) => {
    const { url } = await startApp(t, { listen: true, plugin })
    const { answers, closed } = await pipeline(t, url, 500)
    t.ok(closed)
    t.ok(answers < 500)
    t.same(await pipeline(t, url, 1), { answers: 1, closed: false })
  },
)
