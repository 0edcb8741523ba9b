import t from 'tap'
import { startApp } from '../support/app.ts'
import { openSocket } from '../support/socket.ts'

t.test(
  'subscriptions of an application: errors in their fields, iterators of any kind, variables',
  async (t) => {
    const { url, createUser, signIn } = await startApp(t, {
      listen: true,
      rateLimitRequests: 1_000,
      plugin: {
        schema: `
        type Reading { value: Int sum: Int readings(first: Int): ReadingConnection }
        type ReadingConnection { nodes: [Reading] }
        extend type Subscription { reading(times: Int): Reading @public ended: Int @auth plain: Int @public wrong: Int @public }
      `,
        resolvers: {
          Reading: {
            sum: () => {
              throw new Error('a secret of the server')
            },
          },
          Subscription: {
            reading: {
              async *subscribe() {
                yield { reading: { value: 1 } }
              },
            },
            wrong: {
              async *subscribe() {
                yield { wrong: 'no number' }
              },
            },
            plain: {
              subscribe() {
                let count = 0
                return {
                  [Symbol.asyncIterator]() {
                    return { next: async () => ({ done: ++count > 2, value: { plain: count } }) }
                  },
                }
              },
            },
            ended: {
              async *subscribe(
                _parent: unknown,
                _args: object,
                context: { auth: Ending; user: { id: string } },
              ) {
                await context.auth.endTokens(context.user.id, {})
                yield { ended: 1 }
              },
            },
          },
        },
      } as never,
    })
    const socket = await openSocket(t, url)
    await socket.init()
    const run = async (query: string, variables?: object): Promise<unknown[]> => {
      const id = `${query}${Math.random()}`
      socket.subscribe(id, query, variables)
      const answers = []
      for (;;) {
        const { type, payload } = await socket.next()
        answers.push({ type, payload })
        if (type !== 'next') return answers
      }
    }
    t.match(await run('subscription { reading { value sum } }'), [
      {
        type: 'next',
        payload: {
          data: { reading: { value: 1, sum: null } },
          errors: [{ path: ['reading', 'sum'], extensions: { code: 'INTERNAL_SERVER_ERROR' } }],
        },
      },
      { type: 'complete' },
    ])
    t.match(await run('subscription { plain }'), [
      { payload: { data: { plain: 1 } } },
      { payload: { data: { plain: 2 } } },
      { type: 'complete' },
    ])
    t.match(await run('subscription { wrong }'), [
      { payload: { data: { wrong: null } } },
      { type: 'complete' },
    ])
    const withVariable = 'subscription ($times: Int) { reading(times: $times) { value } }'
    t.match(await run(withVariable, { times: 2 }), [{ type: 'next' }, { type: 'complete' }])
    t.match(await run(withVariable, { times: 'x' }), [{ type: 'error' }])
    const rows =
      'subscription ($first: Int = 1000000) { reading { readings(first: $first) { nodes { value } } } }'
    t.match(await run(rows), [
      { type: 'error', payload: [{ extensions: { code: 'QUERY_TOO_COMPLEX', reason: 'NODES' } }] },
    ])
    t.match(await run(rows, { first: 1 }), [{ type: 'next' }, { type: 'complete' }])
    const deep = JSON.parse('['.repeat(300) + ']'.repeat(300))
    t.match(await run(withVariable, { times: deep }), [{ type: 'error' }])

    const held = await openSocket(t, url)
    await held.init({ authorization: `Token ${await signIn(await createUser())}` })
    held.subscribe('1', 'subscription { ended }')
    t.equal(await held.closed, '4401 REVOKED', 'no event after the end of the token')
  },
)

t.test('what takes too long ends its operation, and nothing of it goes on', async (t) => {
  let wake = (): void => {}
  const hasEnded = new Promise<void>((resolve) => {
    wake = resolve
  })
  const never = new Promise<number>(() => {})
  const iterator = { next: () => never, return: async () => wake(), [Symbol.asyncIterator]: () => iterator }
  const { url } = await startApp(t, {
    listen: true,
    queryTimeout: '1s',
    plugin: {
      schema: 'extend type Subscription { event: Int @public, start: Int @public, odd: Int @public }',
      resolvers: {
        Subscription: {
          event: {
            async *subscribe() {
              yield 1
            },
            resolve: () => never,
          },
          start: { subscribe: () => new Promise((resolve) => setTimeout(resolve, 2_000, iterator)) },
          odd: {
            subscribe: () => ({
              [Symbol.asyncIterator]: () => ({
                next() {
                  throw new Error('a secret of the server')
                },
              }),
            }),
          },
        },
      },
    } as never,
  })
  const socket = await openSocket(t, url)
  await socket.init()
  const late = {
    type: 'error',
    payload: [{ extensions: { code: 'SERVICE_UNAVAILABLE', reason: 'TIMEOUT' } }],
  }
  t.match(await socket.run('subscription { event }'), late)
  t.match(await socket.run('subscription { start }'), late)
  await hasEnded
  t.match(await socket.run('subscription { odd }'), {
    type: 'error',
    payload: [{ message: 'Internal server error.' }],
  })
})

t.test('a subscription that begins after its socket has ended is ended at once', async (t) => {
  const begin = Promise.withResolvers<void>()
  const ended = Promise.withResolvers<void>()
  const iterator = {
    next: () => new Promise<never>(() => {}),
    return: async () => ended.resolve(),
    [Symbol.asyncIterator]: () => iterator,
  }
  const asked = Promise.withResolvers<void>()
  const { app, url } = await startApp(t, {
    listen: true,
    plugin: {
      schema: 'extend type Subscription { slow: Int @public }',
      resolvers: {
        Subscription: {
          slow: {
            async subscribe() {
              asked.resolve()
              await begin.promise
              return iterator
            },
          },
        },
      },
    } as never,
  })
  const socket = await openSocket(t, url)
  await socket.init()
  socket.subscribe('1', 'subscription { slow }')
  await asked.promise
  socket.webSocket.terminate()
  while (app.websocketServer.clients.size > 0) await new Promise(setImmediate)
  begin.resolve()
  await ended.promise
  t.pass('nobody goes on listening')
})

t.test('a subscription without a resolver keeps the server from starting', async (t) => {
  const schema = 'extend type Subscription { tick: Int @public }'
  for (const resolvers of [undefined, { Subscription: { tick: () => 1 } }]) {
    await t.rejects(startApp(t, { plugin: { schema, ...(resolvers ? { resolvers } : {}) } as never }), {
      message: /Subscription\.tick: a resolver \{ subscribe \} is needed/,
    })
  }
})

interface Ending {
  endTokens(userId: string, options: object): Promise<unknown>
}
