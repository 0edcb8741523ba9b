import t, { type Test } from 'tap'
import { startApp } from '../support/app.ts'
import { dayMs } from '../support/domain.ts'

const create = `mutation ($n: String!, $s: [Scope!]!, $e: String) {
  createToken(name: $n, scopes: $s, expiresIn: $e) {
    token tokenInfo { id name kind scopes createdAt expiresAt provenAt userAgent } user { username }
  }
}`
const confirm = 'mutation ($p: String!) { confirmPassword(password: $p) { tokenInfo { id provenAt } } }'
const minuteMs = 60_000
const whoAmI = '{ viewer { id } }'

async function start(t: Test, settings: object = {}) {
  const server = await startApp(t, settings)
  const user = await server.createUser()
  const token = await server.signIn(user)
  const ask = async (text: string, variables: object | null, own = token) =>
    (await server.graphql(text, variables, { token: own })).body
  const issue = async (more: object = {}, own = token) =>
    (await ask(create, { n: 'deploy', s: ['TOKENS'], ...more }, own)).data.createToken
  const confirmWith = (own: string, p = user.password) => ask(confirm, { p }, own)
  return { ...server, user, token, ask, issue, confirmWith }
}

function refused(code: string, reason: string, more: object = {}): object {
  return { errors: [{ extensions: { code, reason, ...more } }] }
}

t.test('a personal token is shown once, listed with its kind, and works', async (t) => {
  const { ask, issue, user, clock, graphql } = await start(t)
  clock.now += 1_000
  const { token, tokenInfo, user: owner } = await issue({ s: ['ACCOUNT'], e: '90d' })
  t.match(token, /^lk_/)
  t.equal(owner.username, user.username)
  t.match(tokenInfo, { name: 'deploy', kind: 'PERSONAL', scopes: ['ACCOUNT'], provenAt: null })
  t.equal(Date.parse(tokenInfo.expiresAt) - clock.now, 90 * dayMs)
  const list = await ask('{ viewer { tokens { nodes { id name kind scopes } } } }', null)
  t.match(list.data.viewer.tokens.nodes, [
    { id: tokenInfo.id, name: 'deploy', kind: 'PERSONAL', scopes: ['ACCOUNT'] },
    { kind: 'DEVICE', scopes: ['ACCOUNT', 'TOKENS', 'ADMIN'] },
  ])
  t.notMatch(JSON.stringify(list), token)
  t.match(await graphql(whoAmI, null, { token }), { status: 200 })
})

t.test('what a personal token cannot be is refused', async (t) => {
  const { ask } = await start(t, { personalTokenMaxTtl: '40d' })
  const cases: [variables: object, expected: object][] = [
    [{ n: '' }, refused('BAD_USER_INPUT', 'LENGTH')],
    [{ n: 'x'.repeat(101) }, refused('BAD_USER_INPUT', 'LENGTH')],
    [{ e: 'soon' }, refused('BAD_USER_INPUT', 'DURATION')],
    [{ e: '0s' }, refused('BAD_USER_INPUT', 'DURATION')],
    [{ s: null }, { data: undefined }],
    [{ s: ['NONE'] }, { data: undefined }],
  ]
  for (const [variables, expected] of cases) {
    t.match(await ask(create, { n: 'x', s: [], ...variables }), expected, JSON.stringify(variables))
  }
})

t.test('it lives as long as asked for, within its own limit, and does not go idle', async (t) => {
  const settings = { personalTokenMaxTtl: '100d', tokenTtl: '30d', tokenIdleTtl: '2d' }
  const { issue, clock, graphql, user, signIn } = await start(t, settings)
  const cases: [asked: string | null, days: number][] = [
    [null, 30],
    ['1d', 1],
    ['60d', 60],
    ['365d', 100],
  ]
  const issued: { token: string; days: number }[] = []
  for (const [e, days] of cases) {
    const { token, tokenInfo } = await issue({ e })
    t.equal(Date.parse(tokenInfo.expiresAt) - clock.now, days * dayMs, `${e}`)
    issued.push({ token, days })
  }
  const start_ = clock.now
  for (const { token, days } of issued.sort((one, other) => one.days - other.days)) {
    clock.now = start_ + days * dayMs - 1
    t.match(await graphql(whoAmI, null, { token }), { status: 200 }, 'unused for so long')
    const own = await signIn(user)
    const { body } = await graphql('{ viewer { tokens { nodes { kind } } } }', null, { token: own })
    const left = body.data.viewer.tokens.nodes.filter((node: { kind: string }) => node.kind === 'PERSONAL')
    t.equal(left.length, issued.filter((one) => one.days >= days).length, 'and listed as long')
    clock.now++
    t.match((await graphql(whoAmI, null, { token })).body, refused('UNAUTHENTICATED', 'EXPIRED'))
  }
})

t.test('an idle personal token is not pruned before it has ended', async (t) => {
  const { app, issue, clock, graphql } = await start(t, { tokenIdleTtl: '1d', tokenRetention: '1d' })
  const { token } = await issue({ e: '60d' })
  clock.now += 59 * dayMs
  t.match(await app.latchkey.auth.prune({}), { tokens: 1 }, 'the sign-in is')
  t.match(await graphql(whoAmI, null, { token }), { status: 200 })
  clock.now += 3 * dayMs
  t.match(await app.latchkey.auth.prune({}), { tokens: 1 })
})

t.test('it may do no more than the token that asks for it', async (t) => {
  const { ask, issue, confirmWith } = await start(t)
  const { token } = await issue({ s: ['TOKENS', 'ACCOUNT'] })
  await confirmWith(token)
  const cases: [scopes: string[], missing: string[] | null][] = [
    [['TOKENS'], null],
    [['TOKENS', 'ACCOUNT'], null],
    [[], null],
    [['ADMIN'], ['ADMIN']],
    [['TOKENS', 'ADMIN'], ['ADMIN']],
  ]
  for (const [s, missing] of cases) {
    const answer = await ask(create, { n: 'x', s }, token)
    if (missing === null) t.strictSame(answer.data.createToken.tokenInfo.scopes, [...s].sort())
    else t.match(answer, refused('FORBIDDEN', 'SCOPE', { scopes: missing }))
  }
})

t.test('it needs a password proven lately, which confirmPassword renews for that token alone', async (t) => {
  const { ask, token, user, signIn, clock, confirmWith } = await start(t)
  const other = await signIn(user)
  const make = (own: string) => ask(create, { n: 'x', s: [] }, own)
  clock.now += 10 * minuteMs - 1
  t.match(await make(token), { data: { createToken: { token: String } } })
  clock.now += 1
  t.match(await make(token), refused('FORBIDDEN', 'STALE_LOGIN'))
  t.match(await confirmWith(token, 'wrong'), refused('UNAUTHENTICATED', 'CREDENTIALS'))
  t.match(await make(token), refused('FORBIDDEN', 'STALE_LOGIN'))
  const provenAt = new Date(clock.now).toISOString()
  t.match(await confirmWith(token), { data: { confirmPassword: { tokenInfo: { provenAt } } } })
  const { token: personal } = (await make(token)).data.createToken
  t.match(await make(other), refused('FORBIDDEN', 'STALE_LOGIN'), 'another token')
  t.match(await make(personal), refused('FORBIDDEN', 'SCOPE'), 'a token without scopes')
  clock.now += 10 * minuteMs - 1
  t.match(await make(token), { data: { createToken: { token: String } } })
  clock.now += 1
  t.match(await make(token), refused('FORBIDDEN', 'STALE_LOGIN'))
})

t.test('a personal token with the scope has no proof of its own, until it is given one', async (t) => {
  const { ask, issue, user, confirmWith } = await start(t)
  const { token } = await issue({ s: ['TOKENS', 'ACCOUNT'] })
  const make = () => ask(create, { n: 'x', s: [] }, token)
  t.match(await make(), refused('FORBIDDEN', 'STALE_LOGIN'))
  t.match(await confirmWith(token), { data: { confirmPassword: { tokenInfo: {} } } })
  t.match(await make(), { data: { createToken: { token: String } } })
  const without = (await issue({ s: ['TOKENS'] })).token
  const change =
    'mutation ($c: String!, $n: String!) { changePassword(currentPassword: $c, newPassword: $n) { revokedTokens } }'
  const passwords = { c: user.password, n: 'another long phrase' }
  t.match(await ask(change, passwords, without), refused('FORBIDDEN', 'SCOPE', { scopes: ['ACCOUNT'] }))
  t.match(await ask(change, passwords, token), { data: { changePassword: { revokedTokens: Number } } })
})

t.test(
  'the fields that follow a confirmation in one request see it; a password change is one, too',
  async (t) => {
    const { ask, user, clock } = await start(t)
    clock.now += 60 * minuteMs
    const both = `mutation ($p: String!) {
    confirmPassword(password: $p) { tokenInfo { current provenAt } }
    createToken(name: "x", scopes: []) { token tokenInfo { current } }
  }`
    t.match(await ask(both, { p: user.password }), {
      data: {
        confirmPassword: { tokenInfo: { current: true } },
        createToken: { tokenInfo: { current: false } },
      },
    })
    clock.now += 60 * minuteMs
    const change =
      'mutation ($c: String!, $n: String!) { changePassword(currentPassword: $c, newPassword: $n) { revokedTokens } }'
    await ask(change, { c: user.password, n: 'another long phrase' })
    t.match(await ask(create, { n: 'x', s: [] }), { data: { createToken: { token: String } } })
  },
)

t.test('confirmPassword counts its failures like a sign-in, and is a credential field', async (t) => {
  const { ask, token, user, confirmWith, graphql } = await start(t, { rateLimitAccountFailures: 3 })
  for (let count = 0; count < 3; count++) {
    t.match(await confirmWith(token, 'wrong'), refused('UNAUTHENTICATED', 'CREDENTIALS'))
  }
  t.match(await confirmWith(token), refused('RATE_LIMITED', 'CREDENTIALS', { retryAfter: Number }))
  const twice =
    'mutation ($p: String!) { a: confirmPassword(password: $p) { tokenInfo { id } } b: confirmPassword(password: $p) { tokenInfo { id } } }'
  t.match(await ask(twice, { p: user.password }), refused('QUERY_TOO_COMPLEX', 'CREDENTIAL_FIELDS'))
  t.match((await graphql(confirm, { p: 'x' })).body, refused('UNAUTHENTICATED', 'MISSING'))
})

t.test('personal tokens have a limit of their own, and nothing ends to make room', async (t) => {
  const { ask, issue, user, signIn, token, graphql } = await start(t, {
    personalTokenLimit: 2,
    tokenLimit: 2,
  })
  const one = await issue()
  await issue()
  t.match(await ask(create, { n: 'x', s: [] }), refused('CONFLICT', 'TOKEN_LIMIT'))
  await signIn(user)
  t.match(await graphql(whoAmI, null, { token: one.token }), { status: 200 })
  t.match(await graphql(whoAmI, null, { token }), { status: 200 }, 'they do not count as sign-ins')
  await ask('mutation ($id: ID!) { revokeToken(id: $id) { revoked } }', { id: one.tokenInfo.id })
  t.match(await ask(create, { n: 'x', s: [] }), { data: { createToken: { token: String } } })
})

t.test('50 requests at once make no more than the limit allows', async (t) => {
  const { ask } = await start(t, { personalTokenLimit: 7 })
  const answers = await Promise.all(Array.from({ length: 50 }, () => ask(create, { n: 'x', s: [] })))
  t.equal(answers.filter(({ data }) => data.createToken !== null).length, 7)
})

t.test('a token that ends while it asks leaves none behind, and proves nothing', async (t) => {
  const { app, token, user } = await start(t)
  const { auth } = app.latchkey
  const principal = await auth.resolvePrincipal(token, '127.0.0.1')
  if (principal.kind !== 'user') throw new Error('the token is in force')
  const origin = { requestId: '', address: '127.0.0.1', network: '127.0.0.1', userAgent: null }
  await auth.revokeToken(principal, null, origin)
  const ended = { code: 'UNAUTHENTICATED', details: { reason: 'REVOKED' } }
  await t.rejects(auth.createPersonalToken(principal, { name: 'x', scopes: [] }, origin), ended)
  await t.rejects(auth.confirmPassword(principal, user.password, origin), ended)
  await auth.setActive(user.id, false)
  await t.rejects(auth.createPersonalToken(principal, { name: 'x', scopes: [] }, origin), ended)
})

t.test('a service account signs in with no password, whatever it is', async (t) => {
  const { app, graphql } = await start(t)
  const { auth } = app.latchkey
  const { id } = await auth.createUser({ username: 'robot', password: null, service: true })
  const row = await auth.findAccount(id)
  if (row === undefined) throw new Error('the account is there')
  await t.rejects(auth.setPassword(row, 'another long phrase'), {
    code: 'FORBIDDEN',
    details: { reason: 'DISABLED' },
  })
  const { token } = await auth.createToken(id, { name: 'ci', expiresIn: null, scopes: ['ACCOUNT'] })
  t.match((await graphql(confirm, { p: '' }, { token })).body, refused('UNAUTHENTICATED', 'CREDENTIALS'))
  const { body } = await graphql('{ viewer { username } }', null, { token })
  t.strictSame(body, { data: { viewer: { username: 'robot' } } })
})

t.test('a rotated personal token ends when it was to end', async (t) => {
  const { ask, issue, clock } = await start(t)
  const { token, tokenInfo } = await issue({ e: '90d' })
  clock.now += dayMs
  const { data } = await ask('mutation { rotateToken { tokenInfo { kind expiresAt } } }', null, token)
  t.same(data.rotateToken.tokenInfo, { kind: 'PERSONAL', expiresAt: tokenInfo.expiresAt })
})
