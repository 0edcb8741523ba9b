import { join } from 'node:path'
import websocket from '@fastify/websocket'
import SqliteDatabase from 'better-sqlite3'
import { Kysely, SqliteDialect } from 'kysely'
import t from 'tap'
import { startApp } from '../support/app.ts'
import { startHost } from '../support/host.ts'
import { secret } from '../support/log.ts'
import { openSocket } from '../support/socket.ts'

const viewer = '{ viewer { username } }'

t.test('on the Kysely instance of an application, sockets end with their tokens as well', async (t) => {
  const dialect = new SqliteDialect({ database: new SqliteDatabase(join(t.testdir(), 'app.db')) })
  const database = new Kysely<unknown>({ dialect })
  let now = Date.parse('2026-11-23T09:00:00.000Z')
  const host = await startHost(t, { database, clock: () => now })
  const url = await host.app.listen({ host: '127.0.0.1', port: 0 })
  const { token } = await host.signIn('ada')
  const open = async (shown: string) => {
    const socket = await openSocket(t, url)
    t.match(await socket.init({ authorization: `Token ${shown}` }), { type: 'connection_ack' })
    return socket
  }
  const first = await open(token)
  t.match(await first.run(viewer), { payload: { data: { viewer: { username: 'ada' } } } })
  const { body } = await host.query('mutation { rotateToken { token } }', { token })
  const next = secret(body.data.rotateToken.token)
  const second = await open(next)
  t.match(await first.run(viewer), { payload: { data: { viewer: { username: 'ada' } } } }, 'within the grace')
  now += 30_000
  t.equal(await first.closed, '4401 REVOKED')
  t.match(
    await second.run(viewer),
    { payload: { data: { viewer: { username: 'ada' } } } },
    'its family goes on',
  )
  await host.query('mutation { revokeToken { revoked } }', { token: next })
  t.equal(await second.closed, '4401 REVOKED')
  const stranger = await openSocket(t, url)
  t.match(await stranger.init({ authorization: `Token ${token.slice(0, -1)}_` }), { type: '4401 INVALID' })
  await host.app.close()
  await database.destroy()
})

t.test("an application's own @fastify/websocket is used, under Latchkey's limits", async (t) => {
  const before = async (app: { register: (plugin: typeof websocket) => PromiseLike<unknown> }) =>
    app.register(websocket)
  const host = await startHost(t, { bodyLimit: '1KiB' }, { before: before as never })
  const url = await host.app.listen({ host: '127.0.0.1', port: 0 })
  const socket = await openSocket(t, url)
  await socket.init()
  socket.send({ type: 'ping', payload: { text: 'x'.repeat(2_000) } })
  t.equal(await socket.closed, '4400 Invalid message')
  const other = await openSocket(t, url)
  await other.init()
  other.send({ type: 'ping', payload: { a: 1 } })
  t.strictSame(await other.next(), { type: 'pong', payload: { a: 1 } })
  await host.app.latchkey.endSockets()
  t.match(await other.closed, /^1001 GOING_AWAY/)
})

t.test('a context that fails ends no more than its operation', async (t) => {
  let calls = 0
  const { url } = await startApp(t, {
    listen: true,
    plugin: {
      schema: 'extend type Subscription { tick: Int @public }',
      context: () => {
        if (++calls !== 2) throw new Error('a secret of the server')
        return {}
      },
      resolvers: {
        Subscription: {
          tick: {
            async *subscribe() {
              yield { tick: 1 }
            },
          },
        },
      },
    },
  })
  const socket = await openSocket(t, url)
  await socket.init()
  const masked = [{ extensions: { code: 'INTERNAL_SERVER_ERROR' } }]
  t.match(await socket.run('subscription { tick }'), { type: 'error', payload: masked }, 'at its start')
  t.match(
    await socket.run('subscription { tick }'),
    { type: 'next', payload: { errors: masked } },
    'at an event',
  )
})

t.test('what no JSON can say ends no more than its operation, or its event', async (t) => {
  const circle: Record<string, unknown> = {}
  circle.self = circle
  const unsayable = () => Object.assign(new Error('no'), { extensions: { code: 'NO', count: 1n } })
  const { url } = await startApp(t, {
    listen: true,
    plugin: {
      schema: `
        scalar Anything
        extend type Query { big: Anything @public circle: Anything @public refused: Anything @public }
        extend type Subscription {
          events: Anything @public
          breaks: Anything @public
          throws: Anything @public
          refuses: Anything @public
        }
      `,
      resolvers: {
        Query: {
          big: () => 1n,
          circle: () => circle,
          refused: () => {
            throw unsayable()
          },
        },
        Subscription: {
          events: {
            async *subscribe() {
              for (const events of [1, 1n, circle, 2]) yield { events }
            },
          },
          breaks: {
            async *subscribe() {
              yield { breaks: 1 }
              throw new Error('a secret of the server')
            },
          },
          throws: {
            async *subscribe() {
              yield { throws: 1 }
              throw unsayable()
            },
          },
          refuses: {
            subscribe() {
              throw unsayable()
            },
          },
        },
      },
    },
  })
  const socket = await openSocket(t, url)
  await socket.init()
  const errors = [{ message: 'Internal server error.', extensions: { code: 'INTERNAL_SERVER_ERROR' } }]
  for (const query of ['{ big }', '{ circle }', '{ refused }', 'subscription { refuses }'])
    t.match(await socket.run(query), { type: 'error', payload: errors }, query)

  socket.subscribe('1', 'subscription { events }')
  t.match(await socket.next(), { type: 'next', payload: { data: { events: 1 } } })
  t.match(await socket.next(), { type: 'next', payload: { data: null, errors } }, 'a BigInt')
  t.match(await socket.next(), { type: 'next', payload: { data: null, errors } }, 'what contains itself')
  t.match(await socket.next(), { type: 'next', payload: { data: { events: 2 } } }, 'it goes on')
  t.match(await socket.next(), { type: 'complete' })

  for (const field of ['breaks', 'throws']) {
    socket.subscribe(field, `subscription { ${field} }`)
    t.match(await socket.next(), { type: 'next', payload: { data: { [field]: 1 } } })
    t.match(await socket.next(), { type: 'error', id: field, payload: errors }, 'it ends alone')
  }
  t.match(await socket.run('{ serverInfo { name } }'), { type: 'next' }, 'the socket goes on')
})

t.test('unknown tokens over sockets are counted as those over HTTP', async (t) => {
  const { url } = await startApp(t, { listen: true, rateLimitBadTokens: 2 })
  const authorization = 'Token nothing'
  const closes = []
  for (let count = 0; count < 3; count++)
    closes.push((await (await openSocket(t, url)).init({ authorization })).type)
  t.match(closes, ['4401 INVALID', '4401 INVALID', /^1013 RATE_LIMITED retryAfter=/])
})

t.test('changes that could not be read for a moment are made up for', async (t) => {
  const file = join(t.testdir(), 'latchkey.db')
  const { url, createUser, signIn, graphql } = await startApp(t, {
    listen: true,
    databaseUrl: `sqlite:${file}`,
    tokenCache: 'off',
  })
  const token = await signIn(await createUser())
  const socket = await openSocket(t, url)
  await socket.init({ authorization: `Token ${token}` })
  const connection = new SqliteDatabase(file)
  connection.exec('alter table latchkey_changes rename to changes_away')
  const late = await openSocket(t, url)
  t.match(await late.init({ authorization: `Token ${token}` }), { type: 'connection_ack' })
  connection.exec('alter table changes_away rename to latchkey_changes')
  connection.close()
  await graphql('mutation { revokeToken { revoked } }', null, { token })
  t.equal(await socket.closed, '4401 REVOKED')
  t.equal(await late.closed, '4401 REVOKED')
})
