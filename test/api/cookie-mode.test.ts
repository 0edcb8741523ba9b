import t from 'tap'
import { startApp } from '../support/app.ts'
import { ownPage, readSetCookie, signInForCookie, signInWithCookie } from '../support/cookie.ts'
import { startHost } from '../support/host.ts'
import { startMailServer } from '../support/mail.ts'

const proxied = { trustProxy: '127.0.0.1' }
const https = { 'x-forwarded-proto': 'https', host: 'api.example.org' }
const who = '{ viewer { username } }'
const csrf = { errors: [{ extensions: { code: 'FORBIDDEN', reason: 'CSRF' } }] }

t.test(
  'over HTTPS the token goes into a __Host- cookie that no script can read, and not into the answer',
  async (t) => {
    const app = await startApp(t, { ...proxied, tokenTtl: '30d' })
    const user = await app.createUser()
    const answer = await app.graphql(signInForCookie, user, { headers: { ...ownPage, ...https } })
    const { token, tokenInfo } = answer.body.data.tokenAuth
    t.equal(token, null)
    const set = readSetCookie(answer.headers)
    t.match(set?.value, /^lk_[0-9A-Za-z]{49}$/)
    t.notMatch(JSON.stringify(answer.body), set?.value ?? '')
    t.equal(set?.name, '__Host-latchkey')
    t.strictSame(set?.attributes, [
      'Max-Age=2592000',
      'Path=/',
      'Expires=Wed, 23 Dec 2026 09:00:00 GMT',
      'HttpOnly',
      'Secure',
      'SameSite=Lax',
    ])
    t.equal(tokenInfo.expiresAt, '2026-12-23T09:00:00.000Z')
    const headers = { cookie: `${set?.name}=${set?.value}`, ...ownPage, ...https }
    t.equal((await app.graphql(who, null, { headers })).body.data.viewer.username, user.username)
  },
)

t.test('on plain http://localhost the cookie has neither prefix nor Secure', async (t) => {
  const app = await startApp(t)
  const user = await app.createUser()
  for (const host of ['localhost:4000', 'app.localhost:4000', '127.0.0.1:4000', '[::1]:4000']) {
    const answer = await app.graphql(signInForCookie, user, { headers: { ...ownPage, host } })
    const set = readSetCookie(answer.headers)
    t.equal(set?.name, 'latchkey', host)
    t.notOk(set?.attributes.includes('Secure'))
    t.ok(set?.attributes.includes('HttpOnly'))
    const headers = { cookie: `${set?.name}=${set?.value}`, ...ownPage, host }
    t.equal((await app.graphql(who, null, { headers })).body.data.viewer.username, user.username)
  }
})

t.test(
  'over plain HTTP from elsewhere there is no cookie to be had, and that without the prefix counts nowhere',
  async (t) => {
    const app = await startApp(t, proxied)
    const user = await app.createUser()
    for (const host of [
      'api.example.org',
      'localhost.example.org',
      '127.0.0.1.example.org',
      '192.0.2.1:4000',
    ]) {
      const answer = await app.graphql(signInForCookie, user, { headers: { ...ownPage, host } })
      t.match(
        answer.body,
        { errors: [{ extensions: { code: 'FORBIDDEN', reason: 'HTTPS_REQUIRED' } }] },
        host,
      )
      t.equal(readSetCookie(answer.headers), undefined)
    }
    const { cookie } = await signInWithCookie(app, user)
    for (const headers of [https, { host: 'api.example.org' }]) {
      const answer = await app.graphql(who, null, { headers: { cookie, ...ownPage, ...headers } })
      t.match(answer.body, { errors: [{ extensions: { reason: 'MISSING' } }] })
    }
  },
)

t.test(
  'a proxy that ends TLS and says nothing of it gets the cookie of HTTPS, by the Origin of the page',
  async (t) => {
    const app = await startApp(t)
    const user = await app.createUser()
    const headers = { ...ownPage, origin: 'https://api.example.org', host: '127.0.0.1:4000' }
    const set = readSetCookie((await app.graphql(signInForCookie, user, { headers })).headers)
    t.equal(set?.name, '__Host-latchkey')
    t.ok(set?.attributes.includes('Secure'))
    const cookie = `${set?.name}=${set?.value}`
    t.equal((await app.graphql(who, null, { headers: { ...headers, cookie } })).status, 200)
  },
)

t.test('where tokens are renewed by use, the cookie is kept until no use can renew its token', async (t) => {
  const app = await startApp(t, { tokenRenew: 'on', tokenTtl: '7d', tokenMaxTtl: '90d' })
  const user = await app.createUser()
  const answer = await app.graphql(signInForCookie, user, { headers: ownPage })
  t.ok(readSetCookie(answer.headers)?.attributes.includes(`Max-Age=${90 * 86_400}`))
})

t.test('a token header decides, even a bad one, and then no page is asked about', async (t) => {
  const app = await startApp(t)
  const [ada, bob] = [await app.createUser(), await app.createUser()]
  const { cookie } = await signInWithCookie(app, ada)
  const token = await app.signIn(bob)
  const rows: [authorization: string, expected: object][] = [
    [`Token ${token}`, { data: { viewer: { username: bob.username } } }],
    ['Token lk_unknown', { errors: [{ extensions: { reason: 'INVALID' } }] }],
    ['Token', { errors: [{ extensions: { reason: 'MALFORMED' } }] }],
    ['Basic YTpi', { errors: [{ extensions: { reason: 'MISSING' } }] }],
    ['', { errors: [{ extensions: { reason: 'MISSING' } }] }],
  ]
  for (const [authorization, expected] of rows) {
    const headers = { cookie, authorization, 'sec-fetch-site': 'cross-site', origin: 'https://evil.example' }
    t.match((await app.graphql(who, null, { headers })).body, expected, authorization)
  }
})

t.test('a value that was there before sign-in is never adopted', async (t) => {
  const app = await startApp(t)
  const user = await app.createUser()
  const planted = await app.signIn(await app.createUser())
  for (const value of [planted, 'lk_planted', `lk_${'0'.repeat(49)}`]) {
    const cookie = `latchkey=${value}`
    const answer = await app.graphql(signInForCookie, user, { headers: { cookie, ...ownPage } })
    const set = readSetCookie(answer.headers)
    t.match(set?.value, /^lk_/)
    t.not(set?.value, value)
    const headers = { cookie: `latchkey=${set?.value}`, ...ownPage }
    t.equal((await app.graphql(who, null, { headers })).body.data.viewer.username, user.username)
  }
})

t.test(
  'a token of the same user that came in the cookie is replaced by a sign-in, whichever way the new one goes',
  async (t) => {
    const app = await startApp(t)
    const user = await app.createUser()
    const first = await signInWithCookie(app, user)
    const again = await app.graphql(signInForCookie, user, { headers: first })
    const second = { ...ownPage, cookie: `latchkey=${readSetCookie(again.headers)?.value}` }
    t.match((await app.graphql(who, null, { headers: first })).body, {
      errors: [{ extensions: { reason: 'REVOKED' } }],
    })
    const byHeader = await app.graphql(
      signInForCookie.replace('transport: COOKIE', 'transport: TOKEN'),
      user,
      {
        headers: second,
      },
    )
    t.match(byHeader.body.data.tokenAuth.token, /^lk_/)
    t.match(readSetCookie(byHeader.headers), { value: '', attributes: ['Max-Age=0'] }, 'it is cleared')
    t.notOk(byHeader.headers['clear-site-data'], 'what the page has stored may hold the new token')
    t.match((await app.graphql(who, null, { headers: second })).body, {
      errors: [{ extensions: { reason: 'REVOKED' } }],
    })
  },
)

t.test('rotateToken replaces a token that came in the cookie there', async (t) => {
  const app = await startApp(t, { tokenRotationGrace: '0s' })
  const user = await app.createUser()
  const before = await signInWithCookie(app, user)
  const rotate = 'mutation { rotateToken { token tokenInfo { id } } }'
  const answer = await app.graphql(rotate, null, { headers: before })
  t.equal(answer.body.data.rotateToken.token, null)
  const set = readSetCookie(answer.headers)
  t.match(set, { name: 'latchkey', value: /^lk_/ })
  const after = { ...ownPage, cookie: `latchkey=${set?.value}` }
  t.equal((await app.graphql(who, null, { headers: after })).body.data.viewer.username, user.username)
  const token = await app.signIn(user)
  const byHeader = await app.graphql(rotate, null, { token, headers: after })
  t.match(byHeader.body.data.rotateToken.token, /^lk_/, 'one that came in the header is shown')
  t.equal(readSetCookie(byHeader.headers), undefined)
})

t.test(
  'what ends the token of the cookie clears it, has the browser forget, and the old value is dead',
  async (t) => {
    const app = await startApp(t)
    const rows: [document: string, variables?: (id: string) => object][] = [
      ['mutation { revokeToken { revoked } }'],
      ['mutation { revokeAllTokens { count } }'],
      ['mutation { deleteViewer { deleted } }'],
      ['mutation ($id: ID!) { revokeUserTokens(id: $id) { count } }', (id) => ({ id })],
      ['mutation ($id: ID!) { setUserActive(id: $id, active: false) { user { id } } }', (id) => ({ id })],
      ['mutation ($id: ID!) { deleteUser(id: $id) { deleted } }', (id) => ({ id })],
      [
        'mutation ($id: ID!) { setUserPassword(id: $id, temporaryPassword: true) { revokedTokens } }',
        (id) => ({ id }),
      ],
    ]
    await app.createUser({ role: 'ADMIN' }) // the last one cannot go
    for (const [document, variables] of rows) {
      const user = await app.createUser({ role: 'ADMIN' })
      const headers = await signInWithCookie(app, user)
      const answer = await app.graphql(document, variables?.(user.id) ?? null, { headers })
      t.notOk(answer.body.errors, document)
      t.strictSame(
        answer.headers['set-cookie'],
        'latchkey=; Max-Age=0; Path=/; Expires=Thu, 01 Jan 1970 00:00:00 GMT; HttpOnly; SameSite=Lax',
        document,
      )
      t.equal(answer.headers['clear-site-data'], '"cookies", "storage"')
      t.equal((await app.graphql(who, null, { headers })).status, 401, 'the value is of no use any more')
    }
  },
)

t.test('a token that was reported as leaked is cleared from the cookie that has it', async (t) => {
  const app = await startApp(t)
  const headers = await signInWithCookie(app, await app.createUser())
  const token = headers.cookie.slice('latchkey='.length)
  const report = 'mutation ($token: String!) { reportLeakedToken(token: $token) { received } }'
  const answer = await app.graphql(report, { token }, { headers })
  t.equal(answer.headers['clear-site-data'], '"cookies", "storage"')
})

t.test('a new password by mail signs the browser out that has a token of its account', async (t) => {
  const mail = await startMailServer(t)
  const app = await startApp(t, mail.settings)
  const [ada, bob] = [await app.createUser({ email: 'ada@example.org' }), await app.createUser()]
  const headers = await signInWithCookie(app, ada)
  const elsewhere = await signInWithCookie(app, bob)
  const ask = 'mutation ($u: String!) { requestPasswordReset(username: $u) { requested } }'
  const reset =
    'mutation ($token: String!, $new: String!) { resetPassword(token: $token, newPassword: $new) { revokedTokens } }'
  for (const [page, cleared] of [
    [headers, '"cookies", "storage"'],
    [elsewhere, undefined],
  ] as const) {
    await app.graphql(ask, { u: ada.username }, { headers: page })
    let token = ''
    while (token === '') token = (await mail.next('ada@example.org')).token // another mail tells of the change
    const change = { token, new: `a long passphrase, ${cleared}` }
    const answer = await app.graphql(reset, change, { headers: page })
    t.notOk(answer.body.errors)
    t.equal(answer.headers['clear-site-data'], cleared)
  }
})

t.test('what leaves the token of the cookie as it is leaves the cookie, too', async (t) => {
  const app = await startApp(t)
  const user = await app.createUser()
  const headers = await signInWithCookie(app, user)
  const other = await app.signIn(user)
  const [id] = (
    await app.graphql('{ viewer { tokens { nodes { id current } } } }', null, { token: other })
  ).body.data.viewer.tokens.nodes
    .filter((one: { current: boolean }) => one.current)
    .map((one: { id: string }) => one.id)
  const rows: [document: string, variables?: object][] = [
    ['mutation ($id: ID!) { revokeToken(id: $id) { revoked } }', { id }],
    ['mutation { revokeOtherTokens { count } }'],
    [
      'mutation ($old: String!, $new: String!) { changePassword(currentPassword: $old, newPassword: $new) { revokedTokens } }',
      { old: user.password, new: 'another password of mine' },
    ],
  ]
  for (const [document, variables] of rows) {
    const answer = await app.graphql(document, variables, { headers })
    t.notOk(answer.body.errors, document)
    t.equal(readSetCookie(answer.headers), undefined)
    t.notOk(answer.headers['clear-site-data'])
  }
  t.equal((await app.graphql(who, null, { headers })).status, 200)
})

t.test('the cookie counts for pages of the own and of listed origins alone', async (t) => {
  const listed = 'https://app.example.org'
  const app = await startApp(t, { ...proxied, corsOrigins: `${listed}, http://localhost:5173` })
  const user = await app.createUser()
  const { cookie } = await signInWithCookie(app, user, { ...ownPage, ...https })
  const rows: [headers: Record<string, string>, allowed: boolean][] = [
    [{ 'sec-fetch-site': 'same-origin' }, true],
    [{ 'sec-fetch-site': 'same-origin', origin: 'https://api.example.org' }, true],
    [{ 'sec-fetch-site': 'same-site', origin: listed }, true],
    [{ 'sec-fetch-site': 'cross-site', origin: listed }, true],
    [{ origin: listed }, true],
    [{ origin: 'http://localhost:5173' }, true],
    [{ origin: 'https://api.example.org' }, true], // a browser without Fetch Metadata
    [{}, false],
    [{ 'sec-fetch-site': 'none' }, false],
    [{ 'sec-fetch-site': 'cross-site' }, false],
    [{ 'sec-fetch-site': 'cross-site', origin: 'https://api.example.org' }, false],
    [{ 'sec-fetch-site': 'same-site', origin: 'https://other.example.org' }, false],
    [{ 'sec-fetch-site': 'same-origin', origin: 'null' }, false],
    [{ 'sec-fetch-site': 'Same-Origin, same-origin' }, false],
    [{ origin: 'null' }, false],
    [{ origin: '' }, false],
    [{ origin: 'https://evil.example' }, false],
    [{ origin: 'https://evil-example.org' }, false],
    [{ origin: 'https://app.example.org.evil' }, false],
    [{ origin: 'https://evilapp.example.org' }, false],
    [{ origin: 'https://sub.app.example.org' }, false],
    [{ origin: 'https://example.org' }, false],
    [{ origin: 'https://app.example.org:8443' }, false],
    [{ origin: 'http://app.example.org' }, false],
    [{ origin: 'http://api.example.org' }, false],
    [{ origin: 'https://api.example.org.evil' }, false],
    [{ origin: 'https://app.example.org/' }, false],
    [{ origin: 'HTTPS://APP.EXAMPLE.ORG' }, false],
    [{ origin: `${listed}, https://evil.example` }, false],
    [{ referer: listed }, false],
  ]
  for (const [page, allowed] of rows) {
    const headers = { ...https, ...page }
    const what = JSON.stringify(page)
    const post = await app.graphql(who, null, { headers: { ...headers, cookie } })
    t.equal(post.status, allowed ? 200 : 403, what)
    if (!allowed) t.match(post.body, csrf)
    const get = await app.app.inject({ url: `/graphql?query=${who}`, headers: { ...headers, cookie } })
    t.equal(get.statusCode, allowed ? 200 : 403, `by GET: ${what}`)
    const signIn = await app.graphql(signInForCookie, user, { headers })
    t.equal(readSetCookie(signIn.headers) !== undefined, allowed, `login CSRF: ${what}`)
    if (!allowed) t.match(signIn.body, csrf)
  }
})

t.test('a page of another sub-domain sends JSON with its Origin, or nothing that counts', async (t) => {
  const app = await startApp(t)
  const { cookie } = await signInWithCookie(app, await app.createUser())
  const headers = { cookie, 'sec-fetch-site': 'same-site' }
  t.equal((await app.graphql(who, null, { headers })).status, 200)
  const byGet = await app.app.inject({ url: `/graphql?query=${who}`, headers })
  t.equal(byGet.statusCode, 403)
})

t.test(
  'forms, simple requests and GET mutations change nothing, though the browser adds the cookie',
  async (t) => {
    const app = await startApp(t)
    const headers = await signInWithCookie(app, await app.createUser())
    const query = 'mutation { revokeToken { revoked } }'
    const form = `query=${encodeURIComponent(query)}`
    const crossSite = { ...headers, 'sec-fetch-site': 'cross-site', origin: 'https://evil.example' }
    for (const page of [headers, crossSite]) {
      for (const [type, payload] of [
        ['application/x-www-form-urlencoded', form],
        [
          'multipart/form-data; boundary=x',
          `--x\r\ncontent-disposition: form-data; name="query"\r\n\r\n${query}\r\n--x--`,
        ],
        ['text/plain', JSON.stringify({ query })],
        ['text/plain; application/json', JSON.stringify({ query })],
      ] as const) {
        const response = await app.app.inject({
          method: 'POST',
          url: `/graphql?${form}`,
          headers: { ...page, 'content-type': type },
          payload,
        })
        t.equal(response.statusCode, 415, type)
      }
      const byGet = await app.app.inject({ url: `/graphql?${form}`, headers: page })
      t.equal(byGet.statusCode, page === headers ? 405 : 403)
    }
    t.equal((await app.graphql(who, null, { headers })).status, 200, 'the token has not ended')
  },
)

t.test('a refused page sets off nothing: the guard comes before the operation', async (t) => {
  const app = await startApp(t)
  const headers = await signInWithCookie(app, await app.createUser())
  const foreign = { ...headers, 'sec-fetch-site': 'cross-site' }
  const answer = await app.graphql('mutation { revokeToken { revoked } }', null, { headers: foreign })
  t.match([answer.status, answer.body], [403, csrf])
  t.notOk('data' in answer.body)
  t.equal((await app.graphql(who, null, { headers })).status, 200)
})

t.test('cookies are read by their whole name, once, and up to the length of a token header', async (t) => {
  const app = await startApp(t)
  const { cookie } = await signInWithCookie(app, await app.createUser())
  const token = cookie.slice('latchkey='.length)
  const filler = Array.from({ length: 300 }, (_, index) => `filler${index}=latchkey`).join('; ')
  const rows: [cookie: string, reason: string | null][] = [
    [`a=b; ${cookie}; c=d`, null],
    [`a=b;${cookie};c=d`, null],
    [`${cookie} ; c`, null],
    [`${filler}; ${cookie}`, null],
    [`xlatchkey=1; ${cookie}; latchkey2=3; Latchkey=4`, null],
    [`a=latchkey=1; ${cookie}`, null],
    [`a=b latchkey=lk_planted; ${cookie}`, null],
    [`a=b;  ${cookie}`, null],
    [`a=b ${cookie}`, 'MISSING'],
    [`a=b \t${cookie}`, 'MISSING'],
    [`__Host-latchkey=${token}; latchkey=lk_planted`, null],
    ['', 'MISSING'],
    ['latchkey', 'MISSING'],
    ['latchkey=', 'MISSING'],
    ['latchkey=; a=b', 'MISSING'],
    [`xlatchkey=${token}`, 'MISSING'],
    [`LATCHKEY=${token}`, 'MISSING'],
    [`${cookie}; latchkey=lk_planted`, 'MALFORMED'],
    [`latchkey=lk_planted; ${cookie}`, 'MALFORMED'],
    [`latchkey=${token} ${token}`, 'MALFORMED'],
    [`latchkey=é${token}`, 'MALFORMED'],
    [`latchkey=${'a'.repeat(513)}`, 'MALFORMED'],
    [`latchkey="${token}"`, 'INVALID'],
    [`latchkey=${token}x`, 'INVALID'],
  ]
  for (const [header, reason] of rows) {
    const { body } = await app.graphql(who, null, { headers: { cookie: header, ...ownPage } })
    t.equal(body.errors?.[0].extensions.reason ?? null, reason, header.slice(0, 80))
  }
})

t.test('bad tokens in cookies are counted like those in headers', async (t) => {
  const app = await startApp(t, { rateLimitBadTokens: 2 })
  const headers = { cookie: 'latchkey=lk_unknown', ...ownPage }
  const statuses = []
  for (let count = 0; count < 3; count++) statuses.push((await app.graphql(who, null, { headers })).status)
  t.strictSame(statuses, [401, 401, 429])
})

t.test('TOKEN_COOKIE names the cookie, or does without', async (t) => {
  const named = await startApp(t, { tokenCookie: 'my-app' })
  const user = await named.createUser()
  t.match((await signInWithCookie(named, user)).cookie, /^my-app=lk_/)
  t.equal((await named.graphql('{ serverInfo { tokenCookie } }')).body.data.serverInfo.tokenCookie, true)

  const off = await startApp(t, { tokenCookie: 'off', corsOrigins: 'https://app.example.org' })
  const someone = await off.createUser()
  const answer = await off.graphql(signInForCookie, someone, { headers: ownPage })
  t.match(answer.body, {
    errors: [{ extensions: { code: 'BAD_USER_INPUT', field: 'transport', reason: 'NO_COOKIE' } }],
  })
  t.equal((await off.graphql('{ serverInfo { tokenCookie } }')).body.data.serverInfo.tokenCookie, false)
  const cookie = `latchkey=${await off.signIn(someone)}`
  const asked = await off.graphql(who, null, { headers: { cookie, origin: 'https://evil.example' } })
  t.match(asked.body, { errors: [{ extensions: { reason: 'MISSING' } }] }, 'a cookie is nothing to it')
  const listed = await off.graphql(who, null, { headers: { origin: 'https://app.example.org' } })
  t.notOk(listed.headers['access-control-allow-credentials'])
})

t.test('in an application, its own routes take the cookie under the same guard', async (t) => {
  const { app, signIn, query } = await startHost(
    t,
    { requireHttps: false, corsOrigins: 'https://app.example.org' },
    {
      after(app) {
        const { preHandler } = app.latchkey
        app.get('/me', { preHandler }, (request, reply) => {
          const context = app.latchkey.createContext(request, reply)
          if ((request.query as { out?: string }).out) context.tokenCookie()?.signOut()
          const without = app.latchkey.createContext(request).tokenCookie()
          return { user: context.user?.username ?? null, without }
        })
      },
    },
  )
  const { token } = await signIn('ada')
  const cookie = `latchkey=${token}`
  const me = await app.inject({ url: '/me', headers: { cookie, ...ownPage } })
  t.same(me.json(), { user: 'ada', without: null })
  const listed = await app.inject({ url: '/me', headers: { cookie, origin: 'https://app.example.org' } })
  t.equal(listed.json().user, 'ada')
  const foreign = await app.inject({ url: '/me', headers: { cookie, origin: 'https://evil.example' } })
  t.equal(foreign.statusCode, 403)
  const left = await app.inject({ url: '/me?out=1', headers: { cookie, ...ownPage } })
  t.equal(left.headers['clear-site-data'], '"cookies", "storage"')
  t.equal((await query(who, { headers: { cookie, ...ownPage } })).status, 200)
})

t.test('REQUIRE_HTTPS refuses a cookie over plain HTTP in an application’s routes', async (t) => {
  const { app, signIn } = await startHost(
    t,
    {},
    { after: (app) => app.get('/me', { preHandler: app.latchkey.preHandler }, () => ({})) },
  )
  const { token } = await signIn('ada')
  const headers = { cookie: `__Host-latchkey=${token}`, ...ownPage }
  const answer = await app.inject({ url: '/me', headers, remoteAddress: '192.0.2.1' })
  t.match([answer.statusCode, answer.json().message], [403, /Use HTTPS/])
})
