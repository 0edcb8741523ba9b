import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { mock } from 'node:test'
import { setImmediate, setTimeout } from 'node:timers/promises'
import rateLimit from '@fastify/rate-limit'
import SqliteDatabase from 'better-sqlite3'
import Fastify, { type FastifyInstance, type InjectOptions } from 'fastify'
import { CamelCasePlugin, Kysely, PostgresAdapter, SqliteDialect, sql } from 'kysely'
import mercurius from 'mercurius'
import { Registry } from 'prom-client'
import t, { type Test } from 'tap'
import { generateToken } from '../../src/auth/token-format.ts'
import { adoptKysely } from '../../src/db/open.ts'
import latchkey, {
  ConfigError,
  type LatchkeyContext,
  LatchkeyError,
  type LatchkeyOptions,
} from '../../src/index.ts'
import { password } from '../support/app.ts'
import { startHost } from '../support/host.ts'
import { logLines, secret } from '../support/log.ts'
import { readMetrics } from '../support/metrics.ts'

secret(password)

t.test('the database is a file of its own, kept over a restart', async (t) => {
  const databaseUrl = `sqlite:${join(t.testdir(), 'data', 'own.db')}`
  const first = await startHost(t, { databaseUrl })
  const { token } = await first.signIn('ada')
  await first.app.close()
  const second = await startHost(t, { databaseUrl })
  t.same((await second.query('{ viewer { username } }', { token })).body, {
    data: { viewer: { username: 'ada' } },
  })
})

t.test('the database is the Kysely instance of the application', async (t) => {
  const databases: [what: string, open: (file: string) => Kysely<unknown>][] = [
    ['of the stock dialect', (file) => openStock(file)],
    ['with a plugin that renames columns', (file) => openStock(file).withPlugin(new CamelCasePlugin())],
  ]
  for (const [what, open] of databases) {
    await t.test(what, async (t) => {
      const file = join(t.testdir(), 'app.db')
      const database = open(file)
      await sql`create table notes (text text)`.execute(database)
      await sql`insert into notes values ('mine')`.execute(database)

      const first = await startHost(t, { database })
      const { id, token } = await first.signIn('ada')
      const { token: revoked } = await first.signIn('bob')
      await first.query('mutation { revokeAllTokens { count } }', { token: revoked })
      await first.app.close()

      t.same(await database.introspection.getTables().then((tables) => tables.map(({ name }) => name)), [
        'latchkey_audit_events',
        'latchkey_changes',
        'latchkey_imports',
        'latchkey_mail_tokens',
        'latchkey_migration',
        'latchkey_migration_lock',
        'latchkey_outbox',
        'latchkey_socket_tickets',
        'latchkey_throttle',
        'latchkey_token_predecessors',
        'latchkey_tokens',
        'latchkey_user_agents',
        'latchkey_users',
        'notes',
      ])
      t.same((await sql`select text from notes`.execute(database)).rows, [{ text: 'mine' }], 'still open')

      const second = await startHost(t, { database })
      t.same((await second.query('{ viewer { id } }', { token })).body, { data: { viewer: { id } } })
      t.match((await second.query('{ viewer { id } }', { token: revoked })).body.errors, [
        { extensions: { code: 'UNAUTHENTICATED', reason: 'REVOKED' } },
      ])
      await second.app.close()
      await database.destroy()
    })
  }
})

t.test("faults of the application's database end what was asked for, and nothing else", async (t) => {
  await t.test('a transaction that fails leaves nothing behind', async (t) => {
    const { database } = openBorrowed(t)
    const { app } = await startHost(t, { database })
    const { auth } = app.latchkey
    await auth.createUser({ username: 'ada', password })
    await t.rejects(auth.createUser({ username: 'Ada', password }), { code: 'CONFLICT' })
    await auth.createUser({ username: 'bob', password })
    t.same(
      (await auth.searchUsers({}, 10, null)).items.map(({ node }) => node.username),
      ['ada', 'bob'],
    )
  })

  await t.test('a full disk, on which SQLite rolls back by itself', async (t) => {
    const { database, connection } = openBorrowed(t)
    const { app, query } = await startHost(t, { database })
    const fill = async () => {
      for (let i = 0; i < 200; i++) {
        await app.latchkey.auth.createUser({ username: `${i}`.padStart(150, 'x'), password: null })
      }
    }
    connection.pragma(`max_page_count = ${connection.pragma('page_count', { simple: true })}`)
    await t.rejects(fill(), { code: 'SERVICE_UNAVAILABLE', details: { reason: 'DATABASE' } })
    connection.pragma('max_page_count = 100000')
    const signUp = `mutation { signUp(username: "ada", password: "${password}") { username } }`
    t.match((await query(signUp)).body, { data: { signUp: { username: 'ada' } } })
  })

  await t.test('a database that the application has closed', async (t) => {
    const { database } = openBorrowed(t)
    const { app, query } = await startHost(t, { database })
    await database.destroy()
    t.match(await query('{ viewer { id } }', { token: generateToken('lk_') }), {
      status: 500,
      body: { errors: [{ message: 'Internal server error.' }] },
    })
    await t.rejects(app.latchkey.auth.hasUsers(), /destroyed/)
  })

  await t.test('a connection that is closed within a transaction', async (t) => {
    const { database, connection } = openBorrowed(t)
    const adopted = adoptKysely(database)
    const transaction = adopted.transaction(async () => {
      connection.close()
    })
    await t.rejects(transaction, /not open/)
  })
})

t.test(
  'last uses are written and ended tokens deleted in the background; a fault is logged and forgotten',
  async (t) => {
    mock.timers.enable({ apis: ['setInterval'] })
    t.teardown(() => mock.timers.reset())
    const clock = { now: Date.parse('2026-11-23T09:00:00.000Z') }
    const { database, connection } = openBorrowed(t)
    const metrics = new Registry()
    const { query, signIn } = await startHost(t, {
      database,
      clock: () => clock.now,
      tokenFlushInterval: '10s',
      tokenRetention: '1d',
      metrics,
    })
    const { token } = await signIn('ada')
    await query('{ viewer { id } }', { token })
    const lastUses = () => connection.prepare('select last_used_at from latchkey_tokens').pluck().all()
    const faults = () => logLines().filter((line) => JSON.parse(line).level >= 50)

    const before = faults().length
    connection.exec('alter table latchkey_tokens rename to hidden')
    mock.timers.tick(3_600_000)
    await until(() => faults().length >= before + 2)
    t.match(faults().slice(before).join(), /last uses of tokens could not be written/)
    t.match(faults().slice(before).join(), /ended tokens could not be deleted/)
    connection.exec('alter table hidden rename to latchkey_tokens')
    t.same(lastUses(), [null])

    mock.timers.tick(10_000)
    await until(() => lastUses()[0] !== null)
    t.same(lastUses(), [clock.now])

    clock.now += 32 * 86_400_000
    const prunings = () => logLines().filter((line) => JSON.parse(line).msg === 'pruned').length
    const pruned = prunings()
    mock.timers.tick(2 * 3_600_000) // the second time while the first is still under way
    await until(() => prunings() > pruned)
    t.same(lastUses(), [])
    t.equal(prunings(), pruned + 1, 'one that is under way is not joined by another')
    const values = readMetrics(await metrics.metrics())
    t.equal(values.get('latchkey_prunes_total{result="failed"}'), 1)
    t.equal(values.get('latchkey_prunes_total{result="completed"}'), 1)
    t.equal(values.get('latchkey_pruned_total{what="tokens"}'), 1)
  },
)

t.test('a file of its own is pruned by one thread at a time, which ends with the application', async (t) => {
  mock.timers.enable({ apis: ['setInterval'] })
  t.teardown(() => mock.timers.reset())
  const file = join(t.testdir(), 'own.db')
  const { app } = await startHost(t, { databaseUrl: `sqlite:${file}`, tokenRetention: '0s' })
  const connection = new SqliteDatabase(file)
  t.teardown(() => connection.close())
  const rows = 20_000
  connection.exec(`
    with recursive number(n) as (select 1 union all select n + 1 from number where n < ${rows})
    insert into latchkey_tokens (id, digest, name, created_at, expires_at, max_expires_at)
    select unhex(printf('%032d', n)), unhex(printf('%08d', n)), '', 1, 1, 1 from number`)
  const left = () => Number(connection.prepare('select count(*) from latchkey_tokens').pluck().get())
  const count = (message: string) => logLines().filter((line) => JSON.parse(line).msg === message).length
  const [faults, pruned] = [count('ended tokens could not be deleted'), count('pruned')]

  connection.exec('alter table latchkey_tokens rename to hidden')
  mock.timers.tick(3_600_000)
  await until(() => count('ended tokens could not be deleted') > faults)
  connection.exec('alter table hidden rename to latchkey_tokens')
  t.equal(left(), rows)

  mock.timers.tick(3 * 3_600_000) // twice while the first is still under way
  await until(() => left() < rows)
  await app.close()
  const atClose = left()
  t.ok(atClose > 0, `${atClose} left`)
  await setTimeout(100)
  t.equal(left(), atClose, 'nothing is deleted after that')
  t.equal(count('ended tokens could not be deleted'), faults + 1, 'being ended is no fault')
  t.equal(count('pruned'), pruned)
})

t.test('what happens to accounts is logged, at a level that says how grave it is', async (t) => {
  const { database, connection } = openBorrowed(t)
  const { app, query, signIn } = await startHost(t, { database })
  const { id } = await signIn('ada')
  const attempt = (password: string) =>
    query(`mutation { tokenAuth(username: "ada", password: "${password}") { token } }`)
  const cases: [event: string, level: number, cause: () => Promise<unknown>, ofRequest: boolean][] = [
    ['authn_login_success', 30, () => attempt(password), true],
    ['authn_login_fail', 40, () => attempt('not the password'), true],
    [
      'authn_token_created',
      30,
      () => app.latchkey.auth.createToken(id, { name: null, expiresIn: null }),
      false,
    ],
    [
      'sys_password_digest_unreadable',
      50,
      () => {
        connection.exec("update latchkey_users set password_digest = 'nonsense'")
        return attempt(password)
      },
      true,
    ],
  ]
  for (const [event, level, cause, ofRequest] of cases) {
    const before = logLines().length
    await cause()
    const lines = logLines().slice(before)
    const found = lines.map((line) => JSON.parse(line)).find(({ msg }) => msg === event)
    t.match(found, { level, userId: id }, event)
    t.equal(typeof found?.reqId, ofRequest ? 'string' : 'undefined', event)
  }
})

t.test('applications that start at once on one file each find it migrated', async (t) => {
  const kinds: [what: string, options: string][] = [
    ['on their own opening', "{ databaseUrl: 'sqlite:' + file }"],
    [
      'on stock dialects',
      '{ database: new Kysely({ dialect: new SqliteDialect({ database: new SqliteDatabase(file) }) }) }',
    ],
  ]
  for (const [index, [what, options]] of kinds.entries()) {
    const script = `
      import SqliteDatabase from 'better-sqlite3'
      import Fastify from 'fastify'
      import { Kysely, SqliteDialect } from 'kysely'
      import latchkey from './src/index.ts'
      const file = process.argv[1]
      const app = Fastify()
      process.send('ready')
      process.once('message', async () => {
        await app.register(latchkey, ${options})
        process.send(await app.latchkey.auth.hasUsers())
        process.disconnect()
        await app.close()
      })`
    const file = join(t.testdir(), `${index}.db`)
    const starters = Array.from({ length: 4 }, () => spawnScript(t, script, file))
    for (const { ready } of starters) await ready
    for (const { child } of starters) child.send('go')
    for (const { ended } of starters) t.same(await ended, { code: 0, said: [false], stderr: '' }, what)
  }
})

t.test('options that cannot be used are refused at once, each by name', async (t) => {
  const options = {
    tokenTtl: 'soon',
    signUp: 'maybe',
    tokenTTL: '7d',
    constructor: 1,
    port: 4000,
    prefix: '/api',
    database: 'app.db',
    databaseUrl: 'mysql://localhost/app',
    context: {},
    production: 'no',
    clock: 1,
    schema: ['type A { b: Int }', 1],
    resolvers: [],
    loaders: null,
    bodyLimit: undefined,
  } as unknown as LatchkeyOptions
  const error = await boot(t, options)
  t.type(error, ConfigError)
  const lines = [
    'database must be a Kysely instance on SQLite.',
    'context must be a function.',
    'production must be true or false.',
    'clock must be a function.',
    'schema must be SDL, or a list of SDL.',
    'resolvers must be an object.',
    'loaders must be an object.',
    'database and databaseUrl are two databases; keep one.',
    'tokenTTL is not an option of Latchkey.',
    'constructor is not an option of Latchkey.',
    'port is a setting of the service alone; your own server decides it.',
    'prefix is not an option of Latchkey.',
    'databaseUrl must be an address such as sqlite:data/latchkey.db or postgres://user:password@host/database.',
    'signUp must be one of open, closed.',
    'tokenTtl must be a duration such as 30d, 12h, 15m or 10s, at least 1s.',
  ]
  t.equal(
    error?.message,
    `${lines.length} setting(s) cannot be used:\n${lines.map((line) => `  - ${line}`).join('\n')}`,
  )
})

t.test('a Kysely instance on another kind of database is refused', async (t) => {
  class ForeignDialect extends SqliteDialect {
    override createAdapter(): PostgresAdapter {
      return new PostgresAdapter()
    }
  }
  const database = new Kysely<unknown>({
    dialect: new ForeignDialect({ database: new SqliteDatabase(':memory:') }),
  })
  t.teardown(() => database.destroy())
  t.match(await boot(t, { database }), { problems: ['database must be a Kysely instance on SQLite.'] })
})

t.test('options take values and texts alike', async (t) => {
  const { query, app } = await startHost(t, {
    tokenTtl: 7 * 86_400_000,
    tokenIdleTtl: 'off',
    tokenSchemes: ['Bearer', 'Token'],
    signUp: 'closed',
    rateLimitRequests: 'off',
    passwordHashConcurrency: 1,
    queryDepth: 3,
    graphiql: true,
    introspection: 'on',
    clock: () => 0,
  })
  t.match((await query('{ serverInfo { signUp tokenScheme } }')).body, {
    data: { serverInfo: { signUp: 'CLOSED', tokenScheme: 'Bearer' } },
  })
  const { status } = await app.inject('/graphiql').then(({ statusCode }) => ({ status: statusCode }))
  t.not(status, 404)
})

t.test('the defaults are those of production unless it is switched off', async (t) => {
  const introspection = '{ __schema { queryType { name } } }'
  const cases: [what: string, options: LatchkeyOptions, address: string, query: string, status: number][] = [
    ['introspection', {}, '127.0.0.1', introspection, 400],
    ['introspection, in development', { production: false }, '127.0.0.1', introspection, 200],
    ['plain HTTP', {}, '192.0.2.1', '{ serverInfo { name } }', 403],
    ['plain HTTP from this machine', {}, '127.0.0.1', '{ serverInfo { name } }', 200],
    ['plain HTTP, in development', { production: false }, '192.0.2.1', '{ serverInfo { name } }', 200],
    ['plain HTTP where it is let in', { requireHttps: false }, '192.0.2.1', '{ serverInfo { name } }', 200],
  ]
  for (const [what, options, address, query, status] of cases) {
    const host = await startHost(t, options)
    t.equal((await host.query(query, { address })).status, status, what)
  }
  t.equal((await (await startHost(t)).app.inject('/graphiql')).statusCode, 404)
})

t.test(
  "the application's own rate limit neither replaces the throttle of sign-ins nor is replaced",
  async (t) => {
    const host = await startHost(
      t,
      { rateLimitAddressFailures: 1000, rateLimitBackoff: '1h', rateLimitBackoffMax: '1h' },
      {
        before: (app) => app.register(rateLimit, { global: true, max: 9, timeWindow: '1 hour' }),
      },
    )
    await host.app.latchkey.auth.createUser({ username: 'ada', password })
    const attempt = () =>
      host.query(
        'mutation ($password: String!) { tokenAuth(username: "ada", password: $password) { token } }',
        {
          variables: { password: secret('not the password') },
        },
      )
    const codes: string[] = []
    for (let i = 0; i < 11; i++) {
      const { status, body } = await attempt()
      codes.push(`${status} ${body.errors[0].extensions.code} ${body.errors[0].extensions.reason}`)
    }
    t.same(codes, [
      ...Array.from({ length: 5 }, () => '401 UNAUTHENTICATED CREDENTIALS'),
      ...Array.from({ length: 4 }, () => '429 RATE_LIMITED CREDENTIALS'),
      ...Array.from({ length: 2 }, () => '429 RATE_LIMITED undefined'),
    ])
  },
)

t.test("the application's routes, parsers and error handler stay its own", async (t) => {
  const { app, query } = await startHost(
    t,
    {},
    {
      before(app) {
        app.addContentTypeParser('text/csv', { parseAs: 'string' }, (_request, body, done) =>
          done(null, body),
        )
        app.setErrorHandler((error, _request, reply) =>
          reply.code(418).send(error instanceof Error ? error.message : 'unknown'),
        )
        app.setNotFoundHandler((_request, reply) => reply.code(404).send('nothing here'))
        app.get('/before', () => 'fine')
      },
      after(app) {
        app.post('/echo', (request) => request.body)
        app.get('/fails', () => {
          throw new Error('boom')
        })
      },
    },
  )
  const csv = { 'content-type': 'text/csv' }
  const json = { 'content-type': 'application/json' }
  const cases: [what: string, request: InjectOptions, status: number, body: string | RegExp][] = [
    ['a route from before', { url: '/before' }, 200, 'fine'],
    ['a parser', { method: 'POST', url: '/echo', headers: csv, payload: 'a,b' }, 200, 'a,b'],
    ['JSON', { method: 'POST', url: '/echo', payload: { a: 1 } }, 200, '{"a":1}'],
    ['an error', { url: '/fails' }, 418, 'boom'],
    ['bad JSON', { method: 'POST', url: '/echo', headers: json, payload: '{' }, 418, /JSON/],
    ['an unknown path', { url: '/nowhere' }, 404, 'nothing here'],
  ]
  for (const [what, request, status, body] of cases) {
    const response = await app.inject(request)
    t.match({ status: response.statusCode, body: response.body }, { status, body }, what)
    t.equal(response.headers['x-request-id'], undefined, `${what} has no header of Latchkey's`)
  }
  const foreign = await app.inject({ method: 'POST', url: '/graphql', headers: csv, payload: '{}' })
  t.equal(foreign.statusCode, 415, "the application's parsers do not serve GraphQL")
  t.match((await query('{ nothing }')).body.errors, [{ extensions: { code: 'GRAPHQL_VALIDATION_FAILED' } }])
})

t.test("what the application's hooks refuse is answered in the form of the API", async (t) => {
  const cases: [what: string, error: object, status: number, code: string, message: string][] = [
    ['403', withStatus(403), 403, 'FORBIDDEN', 'Not today.'],
    ['429', withStatus(429), 429, 'RATE_LIMITED', 'Not today.'],
    ['a status without a code', withStatus(418), 418, 'BAD_REQUEST', 'Not today.'],
    ['400', withStatus(400), 400, 'BAD_REQUEST', 'Not today.'],
    ['413', withStatus(413), 413, 'PAYLOAD_TOO_LARGE', 'Not today.'],
    ['422', withStatus(422), 422, 'BAD_REQUEST', 'Not today.'],
    [
      'an error of Latchkey',
      new LatchkeyError('NOT_FOUND', 'No such tenant.'),
      404,
      'NOT_FOUND',
      'No such tenant.',
    ],
    ['503', withStatus(503), 503, 'SERVICE_UNAVAILABLE', 'The service is away. Try again later.'],
    ['a status beyond', withStatus(600), 500, 'INTERNAL_SERVER_ERROR', 'Internal server error.'],
    ['a status below', withStatus(302), 500, 'INTERNAL_SERVER_ERROR', 'Internal server error.'],
    ['500', withStatus(500), 500, 'INTERNAL_SERVER_ERROR', 'Internal server error.'],
    ['no status', new Error('Not today.'), 500, 'INTERNAL_SERVER_ERROR', 'Internal server error.'],
  ]
  for (const [what, error, status, code, message] of cases) {
    const { query } = await startHost(
      t,
      {},
      {
        before: (app) => app.addHook('onRequest', (_request, _reply, done) => done(error as Error)),
      },
    )
    const answer = await query('{ serverInfo { name } }')
    t.match(answer, { status, body: { errors: [{ message, extensions: { code } }] } }, what)
  }
})

t.test('the preHandler tells routes of the application who makes the request', async (t) => {
  const { app, signIn } = await startHost(
    t,
    {},
    {
      after(app) {
        app.get('/me', { preHandler: app.latchkey.preHandler }, (request) => {
          const { principal } = request
          const context = app.latchkey.createContext(request)
          const { user } = context
          return principal.kind === 'user'
            ? { user: principal.user.username, same: user?.id === principal.user.id }
            : { reason: principal.reason, user, token: context.readToken() }
        })
      },
    },
  )
  const { token } = await signIn('ada')
  const cases: [authorization: string | undefined, expected: object][] = [
    [`Token ${token}`, { user: 'ada', same: true }],
    [undefined, { reason: 'MISSING', user: null, token: null }],
    ['Token', { reason: 'MALFORMED', user: null, token: null }],
    ['Token lk_unknown', { reason: 'INVALID', user: null, token: 'lk_unknown' }],
  ]
  for (const [authorization, expected] of cases) {
    const headers = authorization === undefined ? {} : { authorization }
    t.same((await app.inject({ url: '/me', headers })).json(), expected)
  }
})

t.test('the context of the application is added to that of Latchkey, and overrides none of it', async (t) => {
  const impostor = { id: '1', username: 'impostor', role: 'ADMIN' }
  const { query, signIn } = await startHost(t, {
    context: async (request) => ({
      tenant: request.headers['x-tenant'],
      user: impostor,
      token: {},
      auth: null,
      principal: { kind: 'user', user: impostor, token: {} },
      provenUserId: '1',
    }),
    schema:
      'extend type Query { who: String @public, secret: String @auth(role: ADMIN), tenant: String @public }',
    resolvers: {
      Query: {
        who: (_parent, _args, context) => context.user?.username ?? null,
        secret: () => 'secret',
        tenant: (_parent: unknown, _args: unknown, context: LatchkeyContext & { tenant?: string }) =>
          context.tenant,
      },
    },
  })
  const { token } = await signIn('ada')
  const headers = { 'x-tenant': 'acme' }
  t.match((await query('{ who tenant secret }', { headers })).body, {
    data: { who: null, tenant: 'acme', secret: null },
    errors: [{ extensions: { code: 'UNAUTHENTICATED', reason: 'MISSING' } }],
  })
  t.match((await query('{ who tenant secret }', { token, headers })).body, {
    data: { who: 'ada', tenant: 'acme', secret: null },
    errors: [{ extensions: { code: 'FORBIDDEN', reason: 'ROLE' } }],
  })
})

t.test('a context that fails is masked and logged', async (t) => {
  const { query } = await startHost(t, {
    context: () => {
      throw new Error('the tenant database is away')
    },
  })
  const { status, body, headers } = await query('{ serverInfo { name } }')
  t.match(
    { status, body },
    {
      status: 500,
      body: {
        errors: [
          {
            message: 'Internal server error.',
            extensions: { code: 'INTERNAL_SERVER_ERROR', requestId: headers['x-request-id'] },
          },
        ],
      },
    },
  )
  t.ok(logLines().some((line) => line.includes('the tenant database is away')))
})

t.test('a context that throws what is no error is masked as well', async (t) => {
  const { query } = await startHost(t, {
    context: () => Promise.reject('the password of the tenant database'),
  })
  const { status, body } = await query('{ serverInfo { name } }')
  t.equal(status, 500)
  t.match(body, { errors: [{ message: 'Internal server error.' }] })
  t.notMatch(JSON.stringify(body), 'tenant')
})

t.test('Latchkey and its Mercurius are registered once, or nothing is opened', async (t) => {
  const cases: [what: string, first: (app: FastifyInstance) => unknown, message: RegExp][] = [
    [
      'Mercurius',
      (app) => app.register(mercurius, { schema: 'type Query { a: Int }' }),
      /^Mercurius is registered already\. Leave it out: .* takes your schema, resolvers and loaders/,
    ],
    [
      'Latchkey',
      (app) => app.register(latchkey, { databaseUrl: 'sqlite::memory:' }),
      /^Latchkey is registered already\. Register it once/,
    ],
  ]
  for (const [what, first, message] of cases) {
    const app = Fastify()
    t.teardown(() => app.close())
    await first(app)
    const file = join(t.testdir(), 'second.db')
    await t.rejects(async () => app.register(latchkey, { databaseUrl: `sqlite:${file}` }), { message }, what)
    t.notOk(existsSync(file), what)
  }
})

t.test('a schema that was changed behind Latchkey is refused', async (t) => {
  const after = (app: FastifyInstance) => app.graphql.extendSchema('extend type Query { open: Int }')
  await t.rejects(startHost(t, {}, { after }), /The schema was changed behind Latchkey/)
})

/** Registers the plugin and returns what it was refused with. */
async function boot(t: Test, options: LatchkeyOptions): Promise<Error | undefined> {
  const app = Fastify()
  t.teardown(() => app.close())
  try {
    await app.register(latchkey, options)
    await app.ready()
  } catch (error) {
    return error as Error
  }
  return undefined
}

/** An instance of the stock dialect in memory, with the connection under it. */
function openBorrowed(t: Test): { database: Kysely<unknown>; connection: SqliteDatabase.Database } {
  const connection = new SqliteDatabase(':memory:')
  const database = new Kysely<unknown>({ dialect: new SqliteDialect({ database: connection }) })
  t.teardown(() => database.destroy())
  return { database, connection }
}

/** Waits, for as long as it takes, until something has happened. */
async function until(hasHappened: () => boolean): Promise<void> {
  while (!hasHappened()) await setImmediate()
}

/** Runs a module in a process of its own that says `ready`, and then perhaps more. */
function spawnScript(
  t: Test,
  script: string,
  argument: string,
): { child: ChildProcess; ready: Promise<unknown>; ended: Promise<object> } {
  const child = spawn(process.execPath, ['--input-type=module', '--eval', script, argument], {
    cwd: new URL('../..', import.meta.url),
    stdio: ['ignore', 'inherit', 'pipe', 'ipc'],
  })
  t.teardown(() => child.kill())
  const said: unknown[] = []
  let stderr = ''
  child.stderr?.on('data', (text) => {
    stderr += text
  })
  child.on('message', (message) => message === 'ready' || said.push(message))
  return {
    child,
    ready: once(child, 'message'),
    ended: once(child, 'close').then(([code]) => ({ code, said, stderr })),
  }
}

function openStock(file: string): Kysely<unknown> {
  return new Kysely<unknown>({ dialect: new SqliteDialect({ database: new SqliteDatabase(file) }) })
}

function withStatus(statusCode: number): Error {
  return Object.assign(new Error('Not today.'), { statusCode })
}

t.test('what a hook of the application answers itself has a line like any other', async (t) => {
  const { query } = await startHost(
    t,
    {},
    { before: (app) => app.addHook('onRequest', (_request, reply) => void reply.code(418).send({})) },
  )
  t.equal((await query('{ serverInfo { name } }')).status, 418)
  const line = logLines().findLast((text) => text.includes('"status":418'))
  t.match(JSON.parse(line ?? '{}'), { operation: null, outcome: 'OK', msg: 'request' })
})
