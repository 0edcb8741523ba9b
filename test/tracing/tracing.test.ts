import { join } from 'node:path'
import { SpanKind, SpanStatusCode } from '@opentelemetry/api'
import {
  InMemorySpanExporter,
  NodeTracerProvider,
  type ReadableSpan,
  SimpleSpanProcessor,
} from '@opentelemetry/sdk-trace-node'
import SqliteDatabase from 'better-sqlite3'
import Fastify from 'fastify'
import { Kysely, SqliteDialect } from 'kysely'
import t from 'tap'
import { generateToken } from '../../src/auth/token-format.ts'
import latchkey from '../../src/index.ts'
import { loadTracing } from '../../src/tracing/load.ts'
import { startApp } from '../support/app.ts'
import { openSocket } from '../support/socket.ts'

const exporter = new InMemorySpanExporter()
const provider = new NodeTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] })
provider.register()
t.teardown(() => provider.shutdown())

/** What was finished since it was asked last. */
function takeSpans(): ReadableSpan[] {
  const spans = exporter.getFinishedSpans()
  exporter.reset()
  return spans
}

/** Names, each below the one in which it happened. */
function toTree(spans: ReadableSpan[], parent?: string): object {
  const below = spans.filter(({ parentSpanContext }) => parentSpanContext?.spanId === parent)
  return Object.fromEntries(below.map((span) => [span.name, toTree(spans, span.spanContext().spanId)]))
}

const remote = { trace: '0af7651916cd43dd8448eb211c80319c', span: 'b7ad6b7169203331' }

t.test('a request is a trace: its operation, its fields, and what they ask of the database', async (t) => {
  const { graphql, createUser, signIn } = await startApp(t, {
    plugin: { tracerProvider: provider },
    tokenCache: 'off',
  })
  const token = await signIn(await createUser())
  takeSpans()
  await graphql('query Mine { viewer { id tokens(first: 1) { totalCount } } }', null, {
    token,
    headers: { traceparent: `00-${remote.trace}-${remote.span}-01` },
  })
  const spans = takeSpans()
  t.match(toTree(spans, remote.span), {
    'POST /graphql': {
      'SELECT latchkey_tokens': {},
      query: { 'Query.viewer': {}, 'User.tokens': { 'SELECT latchkey_tokens': {} } },
    },
  })
  t.ok(spans.every((span) => span.spanContext().traceId === remote.trace))
  const byName = (name: string) => spans.find((span) => span.name === name)
  t.match(byName('POST /graphql'), {
    kind: SpanKind.SERVER,
    attributes: {
      'http.request.method': 'POST',
      'http.route': '/graphql',
      'url.path': '/graphql',
      'http.response.status_code': 200,
      'client.address': '127.0.0.1',
    },
    status: { code: SpanStatusCode.UNSET },
  })
  t.match(byName('query')?.attributes, {
    'graphql.operation.type': 'query',
    'graphql.operation.name': 'Mine',
  })
  t.match(byName('SELECT latchkey_tokens'), {
    kind: SpanKind.CLIENT,
    attributes: { 'db.system.name': /^(sqlite|postgresql)$/, 'db.query.text': /select .*latchkey_tokens/ },
  })
})

t.test('what clients send is in no span', async (t) => {
  const { graphql, createUser, signIn, app } = await startApp(t, { plugin: { tracerProvider: provider } })
  const user = await createUser({ username: 'margaret', email: 'margaret@example.org' })
  const token = await signIn(user, { name: 'Kitchen tablet' })
  await graphql(
    '{ viewer { username @include(if: true) } literal: user(id: "in the document") { id } }',
    null,
    {
      token,
    },
  )
  await graphql(`mutation { tokenAuth(username: "margaret", password: "a wrong guess") { token } }`)
  await graphql(
    'mutation ($new: String!) { changePassword(currentPassword: "no", newPassword: $new) { revokedCount } }',
    { new: 'a secret for later' },
    { token },
  )
  await app.inject({
    url: `/graphql?query={viewer{id}}&secret=in-the-url`,
    headers: { authorization: `Token ${token}x` },
  })
  const text = JSON.stringify(
    takeSpans().map(({ name, attributes, events, status }) => ({ name, attributes, events, status })),
  )
  t.match(text, /latchkey_users/, 'there is something to look through')
  for (const secret of [
    token,
    user.password,
    'margaret',
    'Kitchen',
    'in the document',
    'a wrong guess',
    'a secret for later',
    'in-the-url',
  ])
    t.notOk(text.includes(secret), secret)
})

t.test('what fails is marked, by its code alone', async (t) => {
  const { graphql } = await startApp(t, {
    plugin: {
      tracerProvider: provider,
      schema: 'extend type Query { broken: Int @public, refused: Int @auth, thrown: Int @public }',
      resolvers: {
        Query: {
          async broken() {
            throw new TypeError('with a secret in it')
          },
          refused: () => 1,
          thrown() {
            throw 'a text'
          },
        },
      },
    },
  })
  await graphql('{ broken thrown }')
  const spans = takeSpans()
  const find = (name: string) => spans.find((span) => span.name === name)
  t.match(find('Query.broken'), {
    status: { code: SpanStatusCode.ERROR },
    attributes: { 'error.type': 'TypeError' },
  })
  t.match(find('Query.thrown')?.attributes, { 'error.type': 'unknown' })
  t.match(find('query'), {
    status: { code: SpanStatusCode.ERROR },
    attributes: { 'graphql.error.codes': ['INTERNAL_SERVER_ERROR'] },
  })
  await graphql('{ refused }')
  t.match(
    takeSpans().find((span) => span.name === 'query'),
    { status: { code: SpanStatusCode.UNSET }, attributes: { 'graphql.error.codes': ['UNAUTHENTICATED'] } },
    'a refusal is no fault',
  )
})

t.test('a request that is given up, and a statement that fails, are marked', async (t) => {
  const folder = t.testdir()
  const asked = Promise.withResolvers<void>()
  const { app, url } = await startApp(t, {
    listen: true,
    databaseUrl: `sqlite:${folder}/latchkey.db`,
    plugin: {
      tracerProvider: provider,
      schema: 'extend type Query { endless: Int @public }',
      resolvers: {
        Query: {
          endless() {
            asked.resolve()
            return new Promise(() => {})
          },
        },
      },
    },
  })
  takeSpans()
  const client = new AbortController()
  const answer = fetch(`${url}/graphql?query={endless}`, { signal: client.signal })
  await asked.promise
  client.abort()
  await t.rejects(answer)
  let spans: ReadableSpan[] = []
  while (!spans.some(({ attributes }) => attributes['error.type'] === 'aborted')) {
    await new Promise(setImmediate)
    spans = [...spans, ...takeSpans()]
  }

  const file = new SqliteDatabase(join(folder, 'latchkey.db'))
  file.exec('alter table latchkey_outbox rename to hidden')
  takeSpans()
  await t.rejects(app.latchkey.auth.outbox.depth())
  t.match(
    takeSpans().find(({ name }) => name === 'SELECT latchkey_outbox'),
    { status: { code: SpanStatusCode.ERROR } },
  )
  file.exec('alter table hidden rename to latchkey_outbox')
  file.close()
})

t.test('what is answered before, and what goes on after its end, is in no trace', async (t) => {
  const app = Fastify()
  t.teardown(() => app.close())
  const [asked, gone] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
  const goneOn = Promise.withResolvers<void>()
  app.addHook('onRequest', async (request, reply) => {
    if (request.url === '/closed') return reply.code(403).send()
  })
  const tracing = await loadTracing(provider, '0.0.0')
  tracing?.traceRequests(app)
  app.addHook('preParsing', async () => {
    asked.resolve()
    await gone.promise
  })
  app.get('/slow', async () => goneOn.resolve())
  app.get('/closed', async () => 'never')
  const url = await app.listen({ port: 0, host: '127.0.0.1' })
  takeSpans()
  t.equal((await fetch(`${url}/closed`)).status, 403)
  const client = new AbortController()
  const answer = fetch(`${url}/slow`, { signal: client.signal })
  await asked.promise
  client.abort()
  await t.rejects(answer)
  let spans: ReadableSpan[] = []
  while (spans.length === 0) {
    await new Promise(setImmediate)
    spans = takeSpans()
  }
  t.match(spans, [{ name: 'GET /slow', attributes: { 'error.type': 'aborted' } }])
  gone.resolve()
  await goneOn.promise
  t.strictSame(takeSpans(), [])
})

t.test('what is asked of a database of the application is traced as well', async (t) => {
  const database = new Kysely<unknown>({
    dialect: new SqliteDialect({ database: new SqliteDatabase(':memory:') }),
  })
  t.teardown(() => database.destroy())
  const app = Fastify()
  t.teardown(() => app.close())
  await app.register(latchkey, { database, tracerProvider: provider, production: false, smtpUrl: 'off' })
  takeSpans()
  await app.latchkey.auth.resolvePrincipal(generateToken('lk_'), '127.0.0.1')
  t.ok(takeSpans().some(({ name }) => name === 'SELECT latchkey_tokens'))
})

t.test('other paths are traced as well, and what is not there has no name of its own', async (t) => {
  const { app } = await startApp(t, { plugin: { tracerProvider: provider } })
  await app.inject('/healthz')
  await app.inject('/made/up/by/a/client')
  t.strictSame(
    takeSpans()
      .filter(({ kind }) => kind === SpanKind.SERVER)
      .map(({ name }) => name),
    ['GET /healthz', 'GET'],
  )
})

t.test('operations over a socket are spans too', async (t) => {
  const { url, createUser, signIn } = await startApp(t, {
    listen: true,
    plugin: { tracerProvider: provider },
  })
  const user = await createUser()
  const token = await signIn(user)
  const socket = await openSocket(t, url)
  await socket.init({ authorization: `Token ${token}` })
  takeSpans()
  await socket.run('{ viewer { id } }')
  t.ok(takeSpans().some(({ name }) => name === 'query'))

  socket.subscribe('tokens', 'subscription Mine { viewerTokensChanged { id } }')
  socket.subscribe('refused', 'subscription { auditEventAdded { id } }')
  t.match(await socket.next(), { type: 'error', id: 'refused' })
  await signIn(user, { name: 'another' })
  t.match(await socket.next(), { type: 'next', id: 'tokens' })
  const spans = takeSpans()
  t.match(spans.find(({ name }) => name === 'subscription event')?.attributes, {
    'graphql.operation.type': 'subscription',
    'graphql.operation.name': 'Mine',
  })
  t.match(
    spans.find(({ attributes }) => attributes['graphql.error.codes']),
    { name: 'subscription', attributes: { 'graphql.error.codes': ['FORBIDDEN'] } },
  )
})

t.test('an application hands in a provider of its own, and nothing else', async (t) => {
  const app = Fastify()
  t.teardown(() => app.close())
  await t.rejects(
    async () => app.register(latchkey, { databaseUrl: 'sqlite::memory:', tracerProvider: {} as never }),
    /tracerProvider must be a TracerProvider of OpenTelemetry/,
  )
})
