import { spawnSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import t from 'tap'
import { digestToken, generateToken } from '../src/auth/token-format.ts'
import { startApp } from './support/app.ts'
import { startHost } from './support/host.ts'
import { findSecrets, logLines, noteSecrets, secret } from './support/log.ts'

const support = new URL('./support/log.ts', import.meta.url).href

t.test('a test process fails when a secret was logged', async (t) => {
  const token = generateToken('lk_')
  const cases: [what: string, code: string, status: number][] = [
    ['nothing', `collectLog().write('{"msg":"request"}')`, 0],
    ['a token', `collectLog().write('Token ${token}')`, 1],
    ['a token with another prefix', `collectLog().write('${generateToken('acme_')}')`, 1],
    ['the digest of a token', `collectLog().write('{"digest":"${digestToken(token)}"}')`, 1],
    ['the digest of a password', `collectLog().write('$argon2id$v=19$m=19456,t=2,p=1$')`, 1],
    ['a secret', `collectLog().write(secret('open sesame'))`, 1],
    ['a secret that was named later', `collectLog().write('open sesame'); secret('open sesame')`, 1],
    ['a secret within JSON', `collectLog().write(JSON.stringify({ msg: secret('open "sesame"') }))`, 1],
    ['a secret within a URL', `collectLog().write('/graphql?p=open%20sesame'); secret('open sesame')`, 1],
    [
      'a password of variables',
      `collectLog().write('open sesame'); noteSecrets({ variables: { input: { newPassword: 'open sesame' } } })`,
      1,
    ],
    [
      'a password of a document',
      `collectLog().write('open sesame'); noteSecrets({ query: '{ a(password: "open sesame") }' })`,
      1,
    ],
    [
      'credentials',
      `collectLog().write('some-words'); noteSecrets({ authorization: 'Token some-words' })`,
      1,
    ],
  ]
  for (const [what, code, status] of cases) {
    const script = `import { collectLog, noteSecrets, secret } from '${support}'\n${code}`
    const child = spawnSync(process.execPath, ['--input-type=module', '--eval', script], { encoding: 'utf8' })
    t.equal(child.status, status, what)
    t.match(child.stderr, status === 0 ? /^$/ : /^The log holds /)
  }
})

t.test('nothing secret is logged, however a request goes wrong', async (t) => {
  const { app, createUser, graphql, signIn } = await startApp(t, { rateLimitAddressFailures: 1000 })
  const word = `Pass-${randomBytes(8).toString('hex')}`
  const user = await createUser({ password: secret(word) })
  const token = await signIn(user)
  const cases: [what: string, query: string, variables: object | null][] = [
    ['a literal', `mutation { tokenAuth(username: "ada", password: "${word}") { token } }`, null],
    ['a syntax error', `mutation { tokenAuth(username: "ada", password: "${word}" { token } }`, null],
    ['an unknown argument', `mutation { tokenAuth(username: "ada", pasword: "${word}") { token } }`, null],
    ['a wrong type', `mutation { tokenAuth(username: "ada", password: {x: "${word}"}) { token } }`, null],
    [
      'a variable of a wrong type',
      'mutation ($p: String!) { tokenAuth(username: "ada", password: $p) { token } }',
      { p: [word] },
    ],
    [
      'a name instead of the password',
      'mutation ($p: String!) { tokenAuth(username: $p, password: "x") { token } }',
      { p: word },
    ],
  ]
  for (const [what, query, variables] of cases) {
    noteSecrets({ query, variables })
    t.ok((await graphql(query, variables)).status, what)
  }
  await app.inject({ method: 'GET', url: `/graphql?query=${encodeURIComponent(cases[0]?.[1] ?? '')}` })
  await app.inject({ method: 'GET', url: `/graphql?token=${token}` })
  await app.inject({ method: 'GET', url: `/${token}` })
  await app.inject({
    method: 'POST',
    url: '/graphql',
    headers: { 'content-type': 'text/plain', authorization: word },
    payload: word,
  })
  await app.inject({
    method: 'POST',
    url: '/graphql',
    headers: { 'content-type': 'application/json', 'user-agent': token },
    payload: `{"query": ${word}}`,
  })
  t.same(findSecrets(), [])
})

t.test('each request is one line that says who did what, for how long, and with which outcome', async (t) => {
  const { createUser, graphql, signIn } = await startApp(t)
  const user = await createUser()
  const token = await signIn(user)
  const cases: [query: string, token: string | undefined, expected: object][] = [
    ['query Me { viewer { id } }', token, { operation: 'Me', userId: user.id, outcome: 'OK', status: 200 }],
    ['{ viewer { id } }', token, { operation: null, userId: user.id, outcome: 'OK' }],
    ['query Me { viewer { id } }', undefined, { outcome: 'UNAUTHENTICATED/MISSING', status: 401 }],
    ['query Me {', undefined, { operation: null, outcome: 'GRAPHQL_PARSE_FAILED', status: 400 }],
    [`query ${'a'.repeat(5000)} { viewer { id } }`, token, { operation: 'a'.repeat(100), outcome: 'OK' }],
  ]
  for (const [query, own, expected] of cases) {
    const before = logLines().length
    const { headers } = await graphql(query, null, own === undefined ? {} : { token: own })
    const [line, ...more] = logLines().slice(before)
    const entry = JSON.parse(line ?? '{}')
    t.has(entry, { ...expected, reqId: headers['x-request-id'], address: '127.0.0.1', msg: 'request' })
    t.type(entry.durationMs, 'number')
    t.same(more, [])
  }
})

t.test('any other request is one line too, which names the route and not the URL', async (t) => {
  const { app } = await startApp(t, { corsOrigins: 'https://app.example.org' })
  const own = { method: 'GET', msg: 'request', address: '127.0.0.1' }
  const cases: [url: string, expected: object][] = [
    ['/healthz', { ...own, level: 20, route: '/healthz', status: 200, outcome: 'OK' }],
    ['/readyz?probe', { ...own, level: 20, route: '/readyz', status: 200, outcome: 'OK' }],
    ['/a-path?token=x', { ...own, level: 30, route: null, status: 404, outcome: 'NOT_FOUND' }],
    ['/graphiql', { ...own, level: 30, route: '/graphiql', status: 302, outcome: 'OK' }],
    ['/graphiql/?query=x', { ...own, level: 30, route: '/graphiql/' }],
    ['/%zz', { ...own, level: 30, route: null, status: 400, outcome: 'BAD_REQUEST' }],
  ]
  for (const [url, expected] of cases) {
    const before = logLines().length
    const { headers } = await app.inject(url)
    const [line, ...more] = logLines().slice(before)
    t.has(JSON.parse(line ?? '{}'), { ...expected, reqId: headers['x-request-id'] }, url)
    t.notMatch(line, '?')
    t.same(more, [])
  }
})

t.test('the log of an application does not get the query string, where variables are', async (t) => {
  const { app } = await startHost(t, { requireHttps: false, graphiql: true })
  const before = logLines().length
  const search = `query=${encodeURIComponent('query ($p: String) { __typename }')}&variables={"p":"hunter2"}`
  for (const method of ['GET', 'POST', 'PUT'] as const)
    await app.inject({ method, url: `/graphql?${search}` })
  await app.inject({ url: `/graphiql/?${search}` })
  const incoming = logLines()
    .slice(before)
    .map((line) => JSON.parse(line))
    .filter(({ msg }) => msg === 'incoming request')
  t.match(incoming, [
    { req: { method: 'GET', url: '/graphql', host: 'localhost:80', remoteAddress: '127.0.0.1' } },
    { req: { method: 'POST', url: '/graphql' } },
    { req: { method: 'PUT', url: '/graphql' } },
    { req: { url: '/graphiql/' } },
  ])
  t.notMatch(logLines().slice(before).join(''), 'hunter2')
})
