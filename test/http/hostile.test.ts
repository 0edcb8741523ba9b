import { gzipSync } from 'node:zlib'
import t from 'tap'
import { graphqlJson, startApp } from '../support/app.ts'
import { jsonHeaders, rawPost, sendRaw } from './raw.ts'

const body = JSON.stringify({ query: '{ __typename }' })
const answered = { data: { __typename: 'Query' } }
const json = { 'content-type': 'application/json' }

/** What is refused before any GraphQL: the code and nothing else. */
function refusal(code: string): object {
  return { errors: [{ message: String, extensions: { code } }] }
}

t.test('only application/json in UTF-8 is read as a body', async (t) => {
  const { app } = await startApp(t)
  const post = (
    type: string | undefined,
    payload: string | Buffer = body,
    more: Record<string, string> = {},
  ) =>
    app.inject({
      method: 'POST',
      url: '/graphql',
      headers: { ...(type === undefined ? {} : { 'content-type': type }), ...more },
      payload,
    })
  for (const type of [
    'application/json',
    'APPLICATION/JSON',
    'application/json; charset=utf-8',
    'application/json;charset=UTF-8',
    'application/json ;charset="utf-8"',
  ]) {
    const response = await post(type)
    t.strictSame([response.statusCode, response.json()], [200, answered], type)
  }
  for (const type of [
    undefined,
    '',
    'text/plain',
    'text/plain; application/json',
    'application/x-www-form-urlencoded',
    'multipart/form-data; boundary=x',
    'application/graphql',
    'application/graphql+json',
    'application/jsonx',
    'application/json-patch+json',
    'application/vnd.api+json',
    'application/json, text/plain',
    'application/json; charset=utf-7',
    'application/json; charset=utf-16',
    'application/json; charset=latin1',
    'application/json; charset=utf-8; charset=utf-7',
    'application/json; boundary=x',
    'application/json;',
    'application/json; garbage',
    'application/json garbage',
    'application/json\t; charset=utf-8',
    'application/json;\tcharset=utf-8',
    'application/json\u00a0',
    ' text/plain',
    '*/*',
    'constructor',
  ]) {
    const response = await post(type)
    t.equal(response.statusCode, 415, String(type))
    t.match(response.json(), refusal('UNSUPPORTED_MEDIA_TYPE'), String(type))
  }
  for (const encoding of ['gzip', 'deflate', 'br', 'zstd', 'x-gzip', 'gzip, identity']) {
    const response = await post('application/json', gzipSync(body), { 'content-encoding': encoding })
    t.equal(response.statusCode, 415, encoding)
    t.match(response.json(), refusal('UNSUPPORTED_MEDIA_TYPE'), encoding)
  }
  t.equal((await post('application/json', body, { 'content-encoding': 'identity' })).statusCode, 200)
})

t.test('blanks and tabs before the content type are not part of it, as HTTP says', async (t) => {
  const { url } = await startApp(t, { listen: true })
  for (const line of ['Content-Type: \t application/json \t', 'Content-Type:application/json']) {
    t.match(await sendRaw(url, ...rawPost([line, `Content-Length: ${body.length}`], body)), { status: 200 })
  }
})

t.test('a mutation needs POST', async (t) => {
  const { app, createUser } = await startApp(t)
  const { username, password } = await createUser()
  const signIn = `mutation { tokenAuth(username: "${username}", password: "${password}") { token } }`
  for (const search of [
    new URLSearchParams({ query: signIn }),
    new URLSearchParams({
      query: `${signIn.replace('mutation', 'mutation M')} query Q { __typename }`,
      operationName: 'M',
    }),
  ]) {
    const response = await app.inject({ url: `/graphql?${search}` })
    t.equal(response.statusCode, 405)
    t.equal(response.headers.allow, 'GET, POST')
    t.match(response.json(), refusal('METHOD_NOT_ALLOWED'))
  }
  t.equal((await app.latchkey.auth.findUser(username))?.lastSignInAt, null, 'nothing ran')
})

t.test('other methods are refused, and say which are not', async (t) => {
  const { app, url } = await startApp(t, { listen: true })
  for (const method of ['PUT', 'PATCH', 'DELETE', 'OPTIONS', 'HEAD'] as const) {
    for (const request of [{ headers: json, payload: body }, {}]) {
      const response = await app.inject({ method, url: '/graphql?query={__typename}', ...request })
      t.equal(response.statusCode, 405, method)
      t.equal(response.headers.allow, 'GET, POST', method)
      if (method !== 'HEAD') t.match(response.json(), refusal('METHOD_NOT_ALLOWED'), method)
    }
  }
  const trace = await sendRaw(url, 'TRACE /graphql HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n')
  t.match(trace, { status: 405, headers: { allow: 'GET, POST' } })
  for (const method of ['PROPFIND', 'SEARCH', 'QUERY', 'CONNECT', 'NONSENSE']) {
    const { status, text } = await sendRaw(
      url,
      `${method} /graphql?query={__typename} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`,
    )
    t.ok([0, 400, 404, 405].includes(status), `${method}: ${status}`)
    t.notMatch(text, '__typename')
  }
})

t.test('batches are refused, whatever they hold', async (t) => {
  const { app } = await startApp(t)
  for (const payload of ['[]', `[${body}]`, `[${Array(100).fill(body).join()}]`, '[null]', '[[]]']) {
    const response = await app.inject({ method: 'POST', url: '/graphql', headers: json, payload })
    t.equal(response.statusCode, 400)
    t.strictSame(response.json(), {
      errors: [
        {
          message: 'Batches are not supported: send one operation per request.',
          extensions: { code: 'BAD_REQUEST' },
        },
      ],
    })
  }
})

t.test('a body over the limit is refused before it is read as JSON', async (t) => {
  const { app, url } = await startApp(t, { listen: true })
  const size = 100 * 1_024
  const padded = (length: number): string => body + ' '.repeat(length - body.length)
  const rows: [string, string, number][] = [
    ['exactly the limit', padded(size), 200],
    ['one byte more', padded(size + 1), 413],
    ['1 MB', padded(1_048_576), 413],
    ['1 MB that is no JSON', 'x'.repeat(1_048_576), 413],
    ['a query of 300,000 tokens', JSON.stringify({ query: `{ ${'a '.repeat(300_000)}}` }), 413],
  ]
  for (const [name, payload, status] of rows) {
    const response = await app.inject({ method: 'POST', url: '/graphql', headers: json, payload })
    t.equal(response.statusCode, status, name)
    if (status === 413) t.match(response.json(), refusal('PAYLOAD_TOO_LARGE'), name)
  }
  const chunk = `${(65_536).toString(16)}\r\n${' '.repeat(65_536)}\r\n`
  const [head] = rawPost(['Content-Type: application/json', 'Transfer-Encoding: chunked'], '')
  t.match(
    await sendRaw(url, head, chunk, chunk, chunk, '0\r\n\r\n'),
    { status: 413 },
    'in chunks, with no length',
  )
  const [announced] = rawPost(['Content-Type: application/json', 'Content-Length: 104857600'], '')
  t.match(await sendRaw(url, announced), { status: 413 }, 'announced, and not even sent')
})

t.test('each spelling of the path is the route itself or not there at all', async (t) => {
  const { url } = await startApp(t, { listen: true, rateLimitRequests: 3 })
  const rows: [string, boolean][] = [
    ['/graphql', true],
    ['http://127.0.0.1/graphql', true],
    ['http://elsewhere.example/graphql', true],
    ['//graphql', false],
    ['/graphql/', false],
    ['/graphql//', false],
    ['/GraphQL', false],
    ['/GRAPHQL', false],
    ['/%2fgraphql', false],
    ['/graphql%2f', false],
    ['/graphql%00', false],
    ['/graphql;x=y', false],
    ['/./graphql', false],
    ['/x/../graphql', false],
    ['/graphql/../graphql', false],
    ['/api/graphql', false],
    ['graphql', false],
    ['*', false],
  ]
  const outcomes = new Map<string, number[]>()
  for (let round = 0; round < 2; round++) {
    for (const [target, served] of rows) {
      const { status, text } = await sendRaw(url, ...rawPost(jsonHeaders(body), body, target))
      outcomes.set(target, [...(outcomes.get(target) ?? []), status])
      if (!served) t.notMatch(text, 'Query')
    }
  }
  for (const [target, served] of rows) {
    const [first, second] = outcomes.get(target) ?? []
    if (served) t.strictSame([first, second], [200, 429], `${target} spends from the one limit`)
    else t.ok([400, 404].includes(Number(first)) && first === second, `${target}: ${first}`)
  }
  t.match(await sendRaw(url, ...rawPost(jsonHeaders(body), body, '/%67raphql')), { status: 429 }, 'encoded')
})

t.test('what is no HTTP request is answered 400 in a line, and hung up on', async (t) => {
  const { url } = await startApp(t, { listen: true })
  const type = 'Content-Type: application/json'
  const length = `Content-Length: ${body.length}`
  const [head] = rawPost([type, length], '')
  const rows: [string, string][] = [
    ['two lengths that differ', rawPost([type, length, 'Content-Length: 5'], body).join('')],
    ['two equal lengths', rawPost([type, length, length], body).join('')],
    ['a list of lengths', rawPost([type, `${length}, ${body.length}`], body).join('')],
    [
      'a length and chunks',
      rawPost([type, length, 'Transfer-Encoding: chunked'], `0\r\n\r\n${body}`).join(''),
    ],
    [
      'chunks and a length',
      rawPost([type, 'Transfer-Encoding: chunked', length], `0\r\n\r\n${body}`).join(''),
    ],
    [
      'chunks named twice',
      rawPost([type, 'Transfer-Encoding: chunked, identity'], `0\r\n\r\n${body}`).join(''),
    ],
    ['a negative length', rawPost([type, 'Content-Length: -1'], body).join('')],
    ['a hexadecimal length', rawPost([type, 'Content-Length: 0x1b'], body).join('')],
    ['a signed length', rawPost([type, `Content-Length: +${body.length}`], body).join('')],
    ['a blank before the colon', rawPost([type, `Content-Length : ${body.length}`], body).join('')],
    ['bare line feeds', head.replaceAll('\r\n', '\n') + body],
    ['one bare line feed', head.replace('\r\nContent-Type', '\nContent-Type') + body],
    ['a bare carriage return', head.replace('\r\nContent-Type', '\rContent-Type') + body],
    ['NUL in a header', rawPost([type, length, 'X-Odd: a\0b'], body).join('')],
    ['NUL in a name', rawPost([type, length, 'X\0Odd: a'], body).join('')],
    ['a folded header', rawPost([type, length, 'X-Odd: a', ' b'], body).join('')],
    ['a folded token', rawPost([type, length, 'Authorization: Token', ' abc'], body).join('')],
    ['a blank at the start of the headers', rawPost([' X-Odd: a', type, length], body).join('')],
    ['no name', rawPost([type, length, ': a'], body).join('')],
    [
      'a chunk size that is none',
      rawPost([type, 'Transfer-Encoding: chunked'], `xyz\r\n${body}\r\n`).join(''),
    ],
    ['another protocol', head.replace('HTTP/1.1', 'HTTP/3.0') + body],
    ['no host', head.replace('Host: 127.0.0.1\r\n', '') + body],
    ['TLS', '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03'],
    ['no method', ` /graphql HTTP/1.1\r\n\r\n`],
  ]
  for (const [name, bytes] of rows) {
    const { status, text } = await sendRaw(url, Buffer.from(bytes, 'latin1'))
    t.equal(status, 400, name)
    t.notMatch(text, 'Query', name)
    t.equal(text.split('HTTP/1.1').length, 2, `${name}: one answer`)
  }
  const { headers, body: answer } = await sendRaw(url, rows[0]?.[1] ?? '')
  t.match(headers, {
    connection: 'close',
    'cache-control': 'no-store',
    'x-content-type-options': 'nosniff',
    'referrer-policy': 'no-referrer',
    'cross-origin-resource-policy': 'same-origin',
    'x-request-id': /./,
    'content-type': 'application/json; charset=utf-8',
  })
  t.strictSame(JSON.parse(answer), {
    errors: [{ message: 'This is not an HTTP request.', extensions: { code: 'BAD_REQUEST' } }],
  })
  t.strictSame((await fetch(`${url}/graphql?query={__typename}`)).status, 200, 'the service goes on')
})

t.test('a request for two hosts is answered 400, wherever it goes, and hung up on', async (t) => {
  const { url, signIn, createUser } = await startApp(t, {
    listen: true,
    corsOrigins: 'https://app.example.org',
  })
  const token = await signIn(await createUser())
  const who = '{"query":"{ viewer { username } }"}'
  const [head] = rawPost([...jsonHeaders(who), `Authorization: Token ${token}`], '')
  t.match(await sendRaw(url, head, who), { status: 200, body: /user1/ })
  const preflight = 'Origin: https://app.example.org\r\nAccess-Control-Request-Method: POST\r\n'
  const upgrade =
    'Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n'
  const kept = head.replace('Connection: close\r\n', '')
  const rows: [what: string, bytes: string][] = [
    ['another', head.replace('Host', 'Host: other.example\r\nHost') + who],
    ['the same', head.replace('Host', 'Host: 127.0.0.1\r\nHost') + who],
    ['at the end, in another case', head.replace(/\r\n$/, 'hOST: other.example\r\n\r\n') + who],
    [
      'without Connection: close, and with a request behind it',
      kept.replace('Host', 'Host: a\r\nHost') + who + head + who,
    ],
    ['a page', 'GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n'],
    ['no page', 'GET /none HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n'],
    ['a preflight', `OPTIONS /graphql HTTP/1.1\r\nHost: a\r\nHost: a\r\n${preflight}\r\n`],
    ['a WebSocket', `GET /graphql HTTP/1.1\r\nHost: a\r\nHost: a\r\nConnection: Upgrade\r\n${upgrade}\r\n`],
  ]
  for (const [what, bytes] of rows) {
    const answer = await sendRaw(url, bytes)
    t.match(answer, { status: 400, headers: { connection: 'close', 'cache-control': 'no-store' } }, what)
    t.strictSame(
      JSON.parse(answer.body),
      { errors: [{ message: 'A request has one Host header.', extensions: { code: 'BAD_REQUEST' } }] },
      what,
    )
    t.equal(answer.text.split('HTTP/1.1').length, 2, `${what}: one answer`)
  }
})

t.test('headers and bodies that do not arrive are answered 408', async (t) => {
  const { app, url } = await startApp(t, { listen: true })
  t.equal(app.server.headersTimeout, 10_000)
  t.equal(app.server.requestTimeout, 10_000)
  app.server.headersTimeout = 1
  app.server.requestTimeout = 1
  const [head] = rawPost(jsonHeaders(body), '')
  for (const [name, bytes] of [
    ['half a header', head.slice(0, 40)],
    ['half a body', head + body.slice(0, 5)],
    [
      'half a chunk',
      `${rawPost(['Content-Type: application/json', 'Transfer-Encoding: chunked'], '')[0]}5\r\n{`,
    ],
  ] as const) {
    const answer = await sendRaw(url, bytes)
    t.match(answer, { status: 408, headers: { 'cache-control': 'no-store', 'x-request-id': /./ } }, name)
    t.match(JSON.parse(answer.body), refusal('REQUEST_TIMEOUT'), name)
  }
})

t.test('a connection that is reset, or has nothing to say, is let go', async (t) => {
  const { url } = await startApp(t, { listen: true })
  const { connect } = await import('node:net')
  const { hostname, port } = new URL(url)
  await new Promise<void>((resolve) => {
    const socket = connect(Number(port), hostname, () => {
      socket.write(rawPost(jsonHeaders(body), '')[0])
      setImmediate(() => socket.resetAndDestroy())
    })
    socket.on('close', () => resolve())
    socket.on('error', () => undefined)
  })
  t.equal((await fetch(`${url}/healthz`)).status, 200)
})

t.test('a body that is no request of GraphQL is 400 and says what is wrong, never what came', async (t) => {
  const { app } = await startApp(t)
  const object = 'The body must be a JSON object with a "query".'
  const rows: [string, string | Buffer, string][] = [
    ['nothing', '', object],
    ['blanks', '   ', object],
    ['text that is no JSON', 'hunter2', object],
    ['half an object', '{"query":"{ __typename }"', object],
    ['two objects', `${body}${body}`, object],
    ['JSON with a comment', `/* hunter2 */${body}`, object],
    ['a trailing comma', '{"query":"{ __typename }",}', object],
    ['single quotes', "{'query':'{ __typename }'}", object],
    ['a string', '"{ __typename }"', object],
    ['a number', '42', object],
    ['null', 'null', object],
    ['true', 'true', object],
    ['an empty object', '{}', '"query" must be text with a GraphQL document.'],
    ['no query', '{"variables":{}}', '"query" must be text with a GraphQL document.'],
    ['a query that is null', '{"query":null}', '"query" must be text with a GraphQL document.'],
    [
      'a query that is a list',
      '{"query":["{ __typename }"]}',
      '"query" must be text with a GraphQL document.',
    ],
    ['a query that is an object', '{"query":{"$ne":null}}', '"query" must be text with a GraphQL document.'],
    ['a query that is a number', '{"query":1}', '"query" must be text with a GraphQL document.'],
    [
      'variables as a list',
      '{"query":"{ __typename }","variables":[]}',
      '"variables" must be a JSON object.',
    ],
    [
      'variables as text',
      '{"query":"{ __typename }","variables":"{}"}',
      '"variables" must be a JSON object.',
    ],
    [
      'variables as a number',
      '{"query":"{ __typename }","variables":0}',
      '"variables" must be a JSON object.',
    ],
    [
      'variables as false',
      '{"query":"{ __typename }","variables":false}',
      '"variables" must be a JSON object.',
    ],
    [
      'a name that is a number',
      '{"query":"{ __typename }","operationName":0}',
      '"operationName" must be text.',
    ],
    [
      'a name that is an object',
      '{"query":"{ __typename }","operationName":{}}',
      '"operationName" must be text.',
    ],
    [
      'extensions as text',
      '{"query":"{ __typename }","extensions":"x"}',
      '"extensions" must be a JSON object.',
    ],
    [
      'extensions as a list',
      '{"query":"{ __typename }","extensions":[]}',
      '"extensions" must be a JSON object.',
    ],
    [
      'bytes that are no UTF-8',
      Buffer.from('{"query":"{ __typename }\xff"}', 'latin1'),
      'The body is not UTF-8.',
    ],
    ['an overlong slash', Buffer.from('{"query":"\xc0\xaf"}', 'latin1'), 'The body is not UTF-8.'],
    ['half a character', Buffer.from('{"query":"\xe2\x82"}', 'latin1'), 'The body is not UTF-8.'],
    ['UTF-16', Buffer.from(body, 'utf16le'), object],
    ['gzip that is not said to be', gzipSync(body), 'The body is not UTF-8.'],
    ['NUL behind the object', `${body}\0`, object],
    ['__proto__ in the body', '{"query":"{ __typename }","__proto__":{"admin":true}}', object],
    ['__proto__ in variables', '{"query":"{ __typename }","variables":{"__proto__":{"admin":true}}}', object],
    ['__proto__ written in escapes', '{"query":"{ __typename }","\\u005f_proto__":{"admin":true}}', object],
    [
      '__proto__ deep in variables',
      '{"query":"{ __typename }","variables":{"a":[{"__proto__":{}}]}}',
      object,
    ],
    [
      'constructor.prototype',
      '{"query":"{ __typename }","constructor":{"prototype":{"admin":true}}}',
      object,
    ],
  ]
  for (const [name, payload, message] of rows) {
    const response = await app.inject({
      method: 'POST',
      url: '/graphql',
      headers: { ...json, accept: graphqlJson },
      payload,
    })
    t.equal(response.statusCode, 400, name)
    t.strictSame(response.json(), { errors: [{ message, extensions: { code: 'BAD_REQUEST' } }] }, name)
  }
  t.notOk('admin' in {}, 'no prototype was reached')
})

t.test('a body that is odd but clear is answered', async (t) => {
  const { app } = await startApp(t)
  const rows: [string, string, object][] = [
    ['unknown properties', '{"query":"{ __typename }","foo":[],"constructor":1,"toString":null}', answered],
    [
      'null for what may be absent',
      '{"query":"{ __typename }","variables":null,"operationName":null,"extensions":null}',
      answered,
    ],
    ['an empty name', '{"query":"{ __typename }","operationName":""}', answered],
    ['the last of two equal keys', '{"query":"{ nothing }","query":"{ __typename }"}', answered],
    ['a byte order mark', `\ufeff${body}`, answered],
    [
      'unused variables',
      '{"query":"{ __typename }","variables":{"constructor":1,"toString":{},"x":[[[]]]}}',
      answered,
    ],
    ['blanks around', ` \r\n\t${body}\n`, answered],
  ]
  for (const [name, payload, expected] of rows) {
    const response = await app.inject({ method: 'POST', url: '/graphql', headers: json, payload })
    t.strictSame([response.statusCode, response.json()], [200, expected], name)
  }
  const nested = `{"query":"{ __typename }","variables":{"x":${'['.repeat(40_000)}${']'.repeat(40_000)}}}`
  const response = await app.inject({ method: 'POST', url: '/graphql', headers: json, payload: nested })
  t.equal(response.statusCode, 200, 'variables 40,000 deep')
})

t.test('the limiter and the resolver see the same of two equal keys', async (t) => {
  const { app, createUser } = await startApp(t)
  const { username } = await createUser()
  const twice = `mutation { a: tokenAuth(username: "${username}", password: "x") { token } b: tokenAuth(username: "${username}", password: "x") { token } }`
  const response = await app.inject({
    method: 'POST',
    url: '/graphql',
    headers: json,
    payload: `{"query":"{ __typename }","query":${JSON.stringify(twice)}}`,
  })
  t.match(response.json(), {
    errors: [{ extensions: { code: 'QUERY_TOO_COMPLEX', reason: 'CREDENTIAL_FIELDS' } }],
  })
})

t.test('GET reads its parameters from the URL, each once', async (t) => {
  const { app } = await startApp(t)
  const rows: [search: string, status: number, message: string | null][] = [
    ['query={__typename}', 200, null],
    ['query={__typename}&variables={}&extensions={}&operationName=', 200, null],
    ['query={__typename}&variables=null', 200, null],
    ['query={__typename}&variables=', 200, null],
    ['query={__typename}&unknown=1&__proto__=1&constructor=1', 200, null],
    ['', 400, '"query" must be text with a GraphQL document.'],
    ['query={__typename}&query={__typename}', 400, '"query" must be text with a GraphQL document.'],
    ['query[]={__typename}', 400, '"query" must be text with a GraphQL document.'],
    ['query={__typename}&variables={}&variables={}', 400, '"variables" may stand in the URL once.'],
    ['query={__typename}&variables=hunter2', 400, '"variables" in the URL must be JSON.'],
    ['query={__typename}&variables=[]', 400, '"variables" must be a JSON object.'],
    ['query={__typename}&variables={"__proto__":{}}', 400, '"variables" in the URL must be JSON.'],
    ['query={__typename}&extensions=1', 400, '"extensions" must be a JSON object.'],
    ['query={__typename}&operationName=a&operationName=b', 400, '"operationName" must be text.'],
  ]
  for (const [search, status, message] of rows) {
    const response = await app.inject({ url: `/graphql?${encodeURI(search)}` })
    t.equal(response.statusCode, status, search)
    if (message !== null) {
      t.strictSame(response.json(), { errors: [{ message, extensions: { code: 'BAD_REQUEST' } }] }, search)
    }
  }
})

t.test('files, sources and settings cannot be reached', async (t) => {
  const { app } = await startApp(t)
  for (const url of [
    '/.env',
    '/.git/config',
    '/package.json',
    '/schema.graphql',
    '/src/main.ts',
    '/data/latchkey.db',
    '/metrics',
    '/graphiql/../package.json',
    '/graphiql/assets/../../package.json',
    '/graphiql/%2e%2e/package.json',
    '/..%2f..%2fetc/passwd',
  ]) {
    t.equal((await app.inject({ url })).statusCode, 404, url)
  }
})
