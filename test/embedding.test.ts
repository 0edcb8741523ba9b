import { join } from 'node:path'
import SqliteDatabase from 'better-sqlite3'
import Fastify, { type FastifyRequest } from 'fastify'
import { Kysely, SqliteDialect } from 'kysely'
import t from 'tap'
import { openDatabase } from '../examples/notes/database.ts'
import { generateToken } from '../src/auth/token-format.ts'
import latchkey, {
  ConfigError,
  type ErrorCode,
  LatchkeyError,
  type LatchkeyOptions,
  type NeededRights,
  requireUser,
} from '../src/index.ts'
import { password } from './support/app.ts'
import { startHost } from './support/host.ts'
import { logLines, secret } from './support/log.ts'

secret(password)

t.test('a connection that keeps less than Latchkey promises is used, and warned of', async (t) => {
  const power = /power cut.*"pragma synchronous = FULL"/
  const wait = (ms: number) => new RegExp(`hold up every request for ${ms} ms.*"pragma busy_timeout = 50"`)
  const cases: [what: string, pragmas: string[], warnings: RegExp[]][] = [
    ['WAL as the driver opens it', ['journal_mode = WAL'], [power, wait(5000)]],
    ['synchronous = OFF', ['synchronous = OFF', 'busy_timeout = 100'], [power]],
    ['synchronous = EXTRA', ['synchronous = EXTRA', 'busy_timeout = 0'], []],
    ['a wait that is felt', ['journal_mode = WAL', 'synchronous = FULL', 'busy_timeout = 101'], [wait(101)]],
  ]
  for (const [index, [what, pragmas, warnings]] of cases.entries()) {
    const connection = new SqliteDatabase(join(t.testdir(), `${index}.db`))
    for (const pragma of pragmas) connection.pragma(pragma)
    const database = new Kysely<unknown>({ dialect: new SqliteDialect({ database: connection }) })
    t.teardown(() => database.destroy())
    const { said, host } = await hear(() => startHost(t, { database, smtpUrl: 'off' }))
    t.equal(said.length, warnings.length, what)
    for (const [place, warning] of warnings.entries()) t.match(said[place], warning, what)
    t.match(await host.signIn('ada'), { token: String }, what)
  }
})

t.test('the database of the example is set up as it should be', async (t) => {
  const database = await openDatabase(join(t.testdir(), 'notes.db'))
  t.teardown(() => database.destroy())
  t.same((await hear(() => startHost(t, { database, smtpUrl: 'off' }))).said, [])
})

t.test('a database that is hooked for closing before Latchkey gets the last uses of tokens', async (t) => {
  const file = join(t.testdir(), 'app.db')
  const database = await openDatabase(file)
  const { app, query, signIn } = await startHost(
    t,
    { database },
    { before: (app) => app.addHook('onClose', () => database.destroy()) },
  )
  const { token } = await signIn('ada')
  await query('{ viewer { id } }', { token })
  const { said } = await hear(() => app.close())
  t.same(said, [])
  const connection = new SqliteDatabase(file)
  t.teardown(() => connection.close())
  t.match(connection.prepare('select last_used_at from latchkey_tokens').pluck().all(), [Number])
})

t.test('an error of Latchkey has the status of its code in a REST route', async (t) => {
  const cases: [code: ErrorCode, status: number][] = [
    ['UNAUTHENTICATED', 401],
    ['FORBIDDEN', 403],
    ['NOT_FOUND', 404],
    ['BAD_USER_INPUT', 400],
    ['CONFLICT', 409],
    ['RATE_LIMITED', 429],
    ['SERVICE_UNAVAILABLE', 503],
  ]
  const app = Fastify()
  t.teardown(() => app.close())
  app.get<{ Params: { code: ErrorCode } }>('/:code', ({ params }) => {
    throw new LatchkeyError(params.code, 'No.')
  })
  for (const [code, status] of cases) {
    const answer = await app.inject(`/${code}`)
    t.match({ status: answer.statusCode, ...answer.json() }, { status, code, message: 'No.' })
  }
})

t.test('a REST route requires a user by the same words as the API', async (t) => {
  const { app, signIn } = await startHost(
    t,
    {},
    {
      after: (app) =>
        app.get(
          '/me',
          { preHandler: app.latchkey.preHandler },
          (request) => requireUser(request).user.username,
        ),
    },
  )
  const { token } = await signIn('ada')
  const get = async (authorization: string) => {
    const { statusCode, body } = await app.inject({ url: '/me', headers: { authorization } })
    return { statusCode, body }
  }
  t.same(await get(`Token ${token}`), { statusCode: 200, body: 'ada' })
  t.match(await get(''), { statusCode: 401, body: 'Authentication credentials were not provided.' })
  t.match(await get('Token lk_unknown'), { statusCode: 401, body: 'Invalid token.' })
})

t.test('a REST route asks for rights in the words of @auth, and refuses as the API does', async (t) => {
  let now = Date.parse('2026-11-23T09:00:00.000Z')
  const needs: Record<string, NeededRights> = {
    nothing: {},
    role: { role: 'ADMIN' },
    scopes: { scopes: ['NOTES', 'TOKENS'] },
    fresh: { fresh: '10m' },
  }
  const { app, query, signIn } = await startHost(
    t,
    {
      clock: () => now,
      schema: `
        extend enum Scope { NOTES }
        extend type Query {
          nothing: Int @auth
          role: Int @auth(role: ADMIN)
          scopes: Int @auth(scopes: [NOTES, TOKENS])
          fresh: Int @auth(fresh: "10m")
        }
      `,
    },
    {
      after: (app) =>
        app.get<{ Params: { need: string } }>(
          '/:need',
          { preHandler: app.latchkey.preHandler },
          (request) => app.latchkey.requireUser(request, needs[request.params.need]).user.username,
        ),
    },
  )
  const { id, token } = await signIn('ada')
  const { token: ofAdmin } = await signIn('grace', 'ADMIN')
  const { body } = await query(
    'mutation { createToken(name: "script", scopes: [TOKENS]) { token tokenInfo { id } } }',
    { token },
  )
  const ofScript = secret(body.data.createToken.token)
  const late = now + 600_000
  const before = logLines().length
  const cases: [need: string, token: string | undefined, now: number, status: number][] = [
    ['nothing', token, now, 200],
    ['nothing', undefined, now, 401],
    ['nothing', 'lk_unknown', now, 401],
    ['role', ofAdmin, now, 200],
    ['role', token, now, 403],
    ['role', undefined, now, 401],
    ['scopes', token, now, 200],
    ['scopes', ofScript, now, 403],
    ['fresh', token, late - 1, 200],
    ['fresh', token, late, 403],
    ['fresh', ofScript, now, 403],
  ]
  for (const [need, shown, at, status] of cases) {
    const what = `${need}, ${status}`
    now = at
    const headers = shown === undefined ? {} : { authorization: `Token ${shown}` }
    const answer = await app.inject({ url: `/${need}`, headers })
    t.equal(answer.statusCode, status, what)
    if (status === 200) continue
    const api = await query(`{ ${need} }`, shown === undefined ? {} : { token: shown })
    const [{ message, extensions }] = api.body.errors
    t.equal(api.status, status, what)
    t.match(answer.json(), { statusCode: status, code: extensions.code, message }, what)
    for (const name of ['www-authenticate', 'cache-control'])
      t.equal(answer.headers[name], api.headers[name], `${what}, ${name}`)
    t.equal(answer.headers['cache-control'], 'no-store', what)
  }
  const events = logLines()
    .slice(before)
    .map((line) => JSON.parse(line))
    .filter(({ event }) => event === 'authz_fail')
  t.strictSame(
    events.map(({ userId, detail }) => [userId, detail]),
    [[id, 'ROLE']],
    'the security log has one a minute of a user, wherever it was refused',
  )
})

t.test('what a REST route cannot ask for is a fault of the application', async (t) => {
  const cases: [what: unknown, says: RegExp][] = [
    [{ role: 'admin' }, /"admin" does not exist in "Role"/],
    [{ scopes: ['NOTES'] }, /"NOTES" does not exist in "Scope"/],
    [{ fresh: 'soon' }, /"fresh" must be a duration/],
    [{ scope: ['ACCOUNT'] }, /There is no "scope" to require; there are role, scopes, fresh/],
  ]
  const { app } = await startHost(t)
  for (const [rights, says] of cases)
    t.throws(() => app.latchkey.requireUser({}, rights as NeededRights), { message: says })
})

t.test('an error handler of the application writes the body, and the headers stay', async (t) => {
  const { app } = await startHost(
    t,
    { tokenSchemes: ['Bearer'] },
    {
      after(app) {
        app.setErrorHandler((error: LatchkeyError, _request, reply) =>
          reply.code(error.statusCode).send({ mine: error.extensions }),
        )
        app.get('/me', { preHandler: app.latchkey.preHandler }, (request) =>
          app.latchkey.requireUser(request),
        )
        app.get('/busy', () => {
          throw new LatchkeyError('RATE_LIMITED', 'Later.', { retryAfter: 7 })
        })
        app.get('/other', () => {
          throw Object.assign(new Error('Not of Latchkey.'), { statusCode: 401, code: 'UNAUTHENTICATED' })
        })
      },
    },
  )
  const me = await app.inject({ url: '/me', headers: { authorization: 'Bearer lk_unknown' } })
  t.strictSame(
    [me.statusCode, me.json(), me.headers['www-authenticate']],
    [
      401,
      { mine: { code: 'UNAUTHENTICATED', reason: 'INVALID' } },
      'Bearer realm="latchkey", error="invalid_token"',
    ],
  )
  t.match((await app.inject('/busy')).headers, { 'retry-after': '7', 'cache-control': 'no-store' })
  const { headers } = await app.inject('/other')
  t.strictSame([headers['www-authenticate'], headers['cache-control']], [undefined, undefined])
})

t.test('until the preHandler has run, a request is made by nobody', async (t) => {
  const seen: FastifyRequest['principal'][] = []
  const { app, signIn } = await startHost(
    t,
    {},
    {
      after(app) {
        app.addHook('onRequest', async (request) => void seen.push(request.principal))
        app.get('/me', { preHandler: app.latchkey.preHandler }, ({ principal }) => principal.kind)
        app.get('/open', ({ principal }) => principal)
      },
    },
  )
  const { token } = await signIn('ada')
  const headers = { authorization: `Token ${token}` }
  t.equal((await app.inject({ url: '/me', headers })).body, 'user')
  t.match((await app.inject({ url: '/open', headers })).json(), { kind: 'anonymous', reason: 'MISSING' })
  for (const principal of seen) {
    t.match(principal, { kind: 'anonymous', reason: 'MISSING' })
    t.ok(Object.isFrozen(principal))
  }
})

t.test('the preHandler refuses a token over plain HTTP where HTTPS is asked for', async (t) => {
  const cases: [what: string, options: LatchkeyOptions, address: string, header: string, status: number][] = [
    ['a token', {}, '192.0.2.1', `Token ${generateToken('lk_')}`, 403],
    ['what may be a token', {}, '192.0.2.1', 'Token a b', 403],
    ['no token', {}, '192.0.2.1', '', 200],
    ['a token from this machine', {}, '127.0.0.1', `Token ${generateToken('lk_')}`, 200],
    ['a token in development', { production: false }, '192.0.2.1', `Token ${generateToken('lk_')}`, 200],
  ]
  for (const [what, options, remoteAddress, authorization, status] of cases) {
    const { app } = await startHost(t, options, {
      after: (app) => app.get('/me', { preHandler: app.latchkey.preHandler }, () => ({})),
    })
    const answer = await app.inject({ url: '/me', remoteAddress, headers: { authorization } })
    t.equal(answer.statusCode, status, what)
    if (status === 403) t.match(answer.json(), { code: 'FORBIDDEN', message: /^Use HTTPS/ }, what)
  }
})

t.test('what the context option throws is answered like an error of a resolver', async (t) => {
  const leak = 'connect ECONNREFUSED http://10.0.0.7/secret'
  const masked = { message: 'Internal server error.', extensions: { code: 'INTERNAL_SERVER_ERROR' } }
  const coded = (code: string) => Object.assign(new Error('Mine.'), { statusCode: 503, extensions: { code } })
  const cases: [what: string, thrown: unknown, status: number, error: object][] = [
    ...[401, 403, 429, 503, 500].map((statusCode): [string, unknown, number, object] => [
      `an error of a library with ${statusCode}`,
      Object.assign(new Error(leak), { statusCode }),
      500,
      masked,
    ]),
    ['no error at all', leak, 500, masked],
    ['nothing', undefined, 500, masked],
    ['a code of its own', coded('NO_TENANT'), 400, { message: 'Mine.', extensions: { code: 'NO_TENANT' } }],
    [
      'an error of Latchkey',
      new LatchkeyError('NOT_FOUND', 'No such tenant.'),
      400,
      { message: 'No such tenant.', extensions: { code: 'NOT_FOUND' } },
    ],
    [
      'a refusal of Latchkey',
      new LatchkeyError('UNAUTHENTICATED', 'Who?', { reason: 'MISSING' }),
      401,
      { message: 'Who?', extensions: { code: 'UNAUTHENTICATED' } },
    ],
  ]
  for (const [what, thrown, status, error] of cases) {
    const { query } = await startHost(t, {
      context() {
        throw thrown
      },
    })
    const before = logLines().length
    const answer = await query('{ serverInfo { name } }')
    t.match(answer, { status, body: { errors: [error] } }, what)
    t.notMatch(JSON.stringify(answer.body), 'ECONNREFUSED', what)
    t.same(Object.keys(answer.body), ['errors'], what)
    t.equal(answer.headers['www-authenticate'] !== undefined, status === 401, what)
    const lines = logLines().slice(before)
    t.equal(
      lines.some((line) => line.includes('the context failed')),
      error === masked,
      what,
    )
  }
})

t.test(
  "a body that is no JSON is blamed on the body, and a library's message stays in the log",
  async (t) => {
    const leak = 'connect ECONNREFUSED http://10.0.0.7/secret'
    const { app } = await startHost(
      t,
      {},
      {
        before: (app) =>
          app.addHook('preParsing', async ({ headers }) => {
            if (headers['x-fail']) throw Object.assign(new Error(leak), { statusCode: 503 })
          }),
      },
    )
    const post = (headers: object) =>
      app.inject({
        method: 'POST',
        url: '/graphql',
        headers: { 'content-type': 'application/json', ...headers },
        payload: '{',
      })
    t.match((await post({})).json().errors, [
      {
        message: 'The body must be a JSON object with a "query".',
        extensions: { code: 'BAD_REQUEST' },
      },
    ])
    const before = logLines().length
    const away = await post({ 'x-fail': '1' })
    t.match({ status: away.statusCode, ...away.json() }, { status: 503, errors: [{ message: /away/ }] })
    t.notMatch(away.body, 'ECONNREFUSED')
    t.match(logLines().slice(before).join(''), leak)
  },
)

t.test('the path of the API is another than that of GraphiQL', async (t) => {
  for (const graphqlPath of ['/graphiql', '/graphiql/', '/graphiql/api']) {
    const app = Fastify()
    t.teardown(() => app.close())
    await t.rejects(
      async () => app.register(latchkey, { databaseUrl: 'sqlite::memory:', graphqlPath }),
      new ConfigError(['graphqlPath must be another path than that of GraphiQL, such as /graphql.']),
      graphqlPath,
    )
  }
  await startHost(t, { graphqlPath: '/graphiqlish' })
})

/** What is logged at `warn` and above meanwhile. */
async function hear<Host>(start: () => Promise<Host>): Promise<{ said: string[]; host: Host }> {
  const before = logLines().length
  const host = await start()
  const lines = logLines()
    .slice(before)
    .map((line) => JSON.parse(line))
  return { said: lines.filter(({ level }) => level >= 40).map(({ msg }) => msg), host }
}
