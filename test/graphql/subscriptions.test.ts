import { EventEmitter, on, once } from 'node:events'
import t from 'tap'
import type { LatchkeyOptions } from '../../src/plugin-options.ts'
import { startApp } from '../support/app.ts'
import { openSocket } from '../support/socket.ts'

const schema = `
  type Note { text: String, length: Int, secret: String @auth(role: ADMIN) }
  extend type Subscription { noteAdded(topic: String!): Note @auth, tick: Int @public, large: String @public, broken: Int @public }
`

/** An application whose notes are published by an emitter. */
function application(): { notes: EventEmitter; ended: string[]; plugin: LatchkeyOptions } {
  const notes = new EventEmitter()
  const ended: string[] = []
  const plugin: LatchkeyOptions = {
    schema,
    context: async (request) => ({ greeting: `hello ${request.principal.kind}` }),
    loaders: { Note: { length: async (queries) => queries.map(({ obj }) => obj.text.length) } },
    resolvers: {
      Subscription: {
        noteAdded: {
          async *subscribe(
            _parent: unknown,
            { topic }: { topic: string },
            { signal }: { signal: AbortSignal },
          ) {
            if (topic === 'none') throw new Error('a secret of the server')
            try {
              for await (const [text] of on(notes, topic, { signal })) {
                if (text === 'fault') throw new Error('a secret of the server')
                if (text === 'last') return
                yield { noteAdded: { text, secret: 'x' } }
              }
            } finally {
              ended.push(topic)
              notes.emit('ended')
            }
          },
        },
        tick: {
          subscribe: () => [1, 2],
          resolve: (event: number) => event,
        },
        large: {
          async *subscribe() {
            for (;;) {
              yield { large: 'x'.repeat(100_000) }
              await new Promise(setImmediate)
            }
          },
        },
        broken: {
          subscribe() {
            throw new Error('a secret of the server')
          },
        },
      },
    },
  }
  return { notes, ended, plugin }
}

t.test(
  "an application's subscription gets its events, loaders and context, and ends as it says",
  async (t) => {
    const { notes, ended, plugin } = application()
    const { url, createUser, signIn } = await startApp(t, { listen: true, plugin })
    const socket = await openSocket(t, url)
    await socket.init({ authorization: `Token ${await signIn(await createUser())}` })
    const watch = async (id: string, topic: string): Promise<void> => {
      socket.subscribe(id, 'subscription ($t: String!) { noteAdded(topic: $t) { text length secret } }', {
        t: topic,
      })
      while (notes.listenerCount(topic) === 0) await new Promise((resolve) => setTimeout(resolve, 5))
    }
    await watch('1', 'a')
    for (const text of ['one', 'three']) {
      notes.emit('a', text)
      t.match(await socket.next(), {
        id: '1',
        type: 'next',
        payload: {
          data: { noteAdded: { text, length: text.length, secret: null } },
          errors: [{ extensions: { code: 'FORBIDDEN' } }],
        },
      })
    }
    notes.emit('a', 'last')
    t.strictSame(await socket.next(), { id: '1', type: 'complete' })
    await watch('2', 'b')
    notes.emit('b', 'fault')
    t.match(await socket.next(), {
      id: '2',
      type: 'error',
      payload: [{ message: 'Internal server error.', extensions: { code: 'INTERNAL_SERVER_ERROR' } }],
    })
    await watch('3', 'c')
    const end = once(notes, 'ended')
    socket.send({ type: 'complete', id: '3' })
    await end
    await watch('4', 'd')
    const gone = once(notes, 'ended')
    socket.webSocket.terminate()
    await gone
    t.strictSame(ended, ['a', 'b', 'c', 'd'], 'nothing waits for what has ended')
  },
)

t.test('what a subscription does wrong is masked, and variables that do not fit are named', async (t) => {
  const { plugin } = application()
  const { url, createUser, signIn } = await startApp(t, { listen: true, plugin })
  const socket = await openSocket(t, url)
  await socket.init({ authorization: `Token ${await signIn(await createUser())}` })
  const document = 'subscription ($t: String!) { noteAdded(topic: $t) { text } }'
  const cases: [string, object | undefined, string][] = [
    ['subscription { broken }', undefined, 'INTERNAL_SERVER_ERROR'],
    ['subscription { tick }', undefined, 'INTERNAL_SERVER_ERROR'],
    [document, { t: 'none' }, 'INTERNAL_SERVER_ERROR'],
    [document, { t: null }, 'GRAPHQL_VALIDATION_FAILED'],
    [document, { t: [1] }, 'GRAPHQL_VALIDATION_FAILED'],
    [document, undefined, 'GRAPHQL_VALIDATION_FAILED'],
  ]
  for (const [query, variables, code] of cases) {
    const answer = await socket.run(query, variables)
    t.match(answer, { type: 'error', payload: [{ extensions: { code } }] }, query)
    t.notMatch(JSON.stringify(answer), 'secret')
  }
})

t.test('who does not read what is sent is cut off', async (t) => {
  const { plugin } = application()
  const { app, url } = await startApp(t, { listen: true, plugin, socketBuffer: '64KiB' })
  const socket = await openSocket(t, url)
  await socket.init()
  socket.webSocket.pause()
  socket.subscribe('1', 'subscription { large }')
  while (app.websocketServer.clients.size > 0) await new Promise((resolve) => setTimeout(resolve, 20))
  t.pass('the server has let it go')
})
