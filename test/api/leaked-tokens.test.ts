import t from 'tap'
import { generateToken } from '../../src/auth/token-format.ts'
import { graphqlJson, startApp, type TestApp } from '../support/app.ts'
import { logLines, secret } from '../support/log.ts'

const mutation = 'mutation ($token: String!) { reportLeakedToken(token: $token) { received } }'

const report = async ({ graphql }: TestApp, token: string, request = {}) => {
  const { status, headers, body } = await graphql(mutation, { token }, request)
  const { 'x-request-id': _id, date: _date, ...rest } = headers
  return { status, headers: rest, body }
}

async function reasonOf({ graphql }: TestApp, token: string): Promise<string | null> {
  return (await graphql('{ viewer { id } }', null, { token })).body.errors?.[0].extensions.reason ?? null
}

t.test('a token that is reported is ended, and no answer tells whether there was one', async (t) => {
  const app = await startApp(t, { rateLimitAddressFailures: 1_000 })
  const user = await app.createUser()
  const [lost, kept, ended] = [await app.signIn(user), await app.signIn(user), await app.signIn(user)].map(
    secret,
  )
  await app.graphql('mutation { revokeToken { revoked } }', null, { token: ended as string })
  const cases: [what: string, token: string][] = [
    ['in force', lost as string],
    ['reported before', lost as string],
    ['revoked', ended as string],
    ['unknown', generateToken('lk_')],
    ['with a wrong checksum', `${lost}`.replace(/.$/, (last) => (last === '0' ? '1' : '0'))],
    ['of another form', 'a token'],
    ['empty', ''],
    ['a lone surrogate', '\ud800'],
  ]
  for (const [what, token] of cases) {
    const answer = await report(app, token)
    t.strictSame(answer.body, { data: { reportLeakedToken: { received: true } } }, what)
    t.strictSame(answer, await report(app, lost as string), what)
  }
  t.equal(await reasonOf(app, lost as string), 'REVOKED')
  t.equal(await reasonOf(app, kept as string), null)
  const told = logLines().filter((line) => line.includes('"token_reported"'))
  t.equal(told.length, 1)
  t.match(JSON.parse(told[0] as string), { userId: user.id, tokenId: String, address: '127.0.0.1' })
})

t.test('blanks around a token that is reported do not matter', async (t) => {
  const app = await startApp(t)
  const lost = secret(await app.signIn(await app.createUser()))
  t.match(await report(app, ` ${lost}\n`), { body: { data: Object } })
  t.equal(await reasonOf(app, lost), 'REVOKED')
})

t.test('a token that was rotated since ends its successor', async (t) => {
  const app = await startApp(t)
  const lost = secret(await app.signIn(await app.createUser()))
  const { body } = await app.graphql('mutation { rotateToken { token } }', null, { token: lost })
  const successor = secret(body.data.rotateToken.token)
  t.equal(await reasonOf(app, successor), null)
  t.match(await report(app, lost), { body: { data: Object } })
  t.equal(await reasonOf(app, successor), 'REVOKED')
})

t.test('nobody needs to be signed in, nor loses by it', async (t) => {
  const app = await startApp(t, { staleTokens: 'strict' })
  const [ada, eve] = [await app.createUser(), await app.createUser()]
  const [lost, own] = [await app.signIn(ada), await app.signIn(eve)]
  t.match(await report(app, lost, { token: own }), { body: { data: Object } })
  t.strictSame([await reasonOf(app, lost), await reasonOf(app, own)], ['REVOKED', null])
})

t.test('a token past its end is not reported to anybody', async (t) => {
  const app = await startApp(t, { tokenTtl: '1h' })
  const user = await app.createUser()
  const [expired, orphaned] = [
    await app.signIn(user),
    await app.signIn(await app.createUser({ username: 'gone' })),
  ]
  const gone = await app.app.latchkey.auth.findUser('gone')
  await app.app.latchkey.auth.deleteUser(gone?.id as string)
  app.clock.now += 3_600_000
  const before = logLines().filter((line) => line.includes('"token_reported"')).length
  for (const token of [expired, orphaned]) t.match(await report(app, token), { body: { data: Object } })
  t.equal(logLines().filter((line) => line.includes('"token_reported"')).length, before)
})

t.test('an address reports so many a minute, found or not, and signs in all the same', async (t) => {
  const app = await startApp(t, { rateLimitAddressFailures: 3 })
  const user = await app.createUser()
  const lost = await app.signIn(user)
  for (const token of [lost, generateToken('lk_'), lost]) {
    t.match(await report(app, token), { status: 200, body: { data: Object } })
  }
  t.match(await report(app, lost), {
    status: 429,
    headers: { 'retry-after': '60' },
    body: { errors: [{ extensions: { code: 'RATE_LIMITED', reason: 'CREDENTIALS', retryAfter: 60 } }] },
  })
  t.match(await report(app, lost, { address: '192.0.2.9' }), { status: 200 })
  t.type(await app.signIn(user), 'string')
  app.clock.now += 60_000
  t.match(await report(app, lost), { status: 200 })
})

t.test('a request reports one token, by whatever names', async (t) => {
  const app = await startApp(t)
  const lost = await app.signIn(await app.createUser())
  const many =
    'mutation ($token: String!) { a: reportLeakedToken(token: $token) { received } b: reportLeakedToken(token: "x") { received } }'
  const { body } = await app.graphql(many, { token: lost }, { accept: graphqlJson })
  t.match(body.errors, [{ extensions: { code: 'QUERY_TOO_COMPLEX', reason: 'CREDENTIAL_FIELDS' } }])
  t.equal(await reasonOf(app, lost), null)
})
