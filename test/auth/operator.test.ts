import t from 'tap'
import { startApp } from '../support/app.ts'
import { openDomain, refusalOf } from '../support/domain.ts'

const unknown = '00000000-0000-7000-8000-000000000000'

t.test('a token that the operator issues works like one of a sign-in', async (t) => {
  const { app, createUser, graphql } = await startApp(t)
  const user = await createUser()
  const { auth } = app.latchkey
  const { token, tokenInfo } = await auth.createToken(user.id, { name: null, expiresIn: null })
  t.equal(tokenInfo.name, 'Command line')
  t.match(await graphql('{ viewer { username } }', null, { token }), {
    status: 200,
    body: { data: { viewer: { username: user.username } } },
  })
  t.strictSame((await auth.endToken({ token })).ended, true)
  t.match(await graphql('{ viewer { username } }', null, { token }), { status: 401 })
})

t.test('what does not exist is not found', async (t) => {
  const { app, createUser } = await startApp(t)
  const { auth } = app.latchkey
  const { id, username } = await createUser()
  const row = await auth.findAccount(username)
  if (row === undefined) throw new Error('the account is there')
  await auth.deleteUser(id)
  const cases: [what: string, act: () => Promise<unknown>][] = [
    ['issuing', () => auth.createToken(id, { name: null, expiresIn: null })],
    ['revoking by id', () => auth.endToken({ id: unknown })],
    ['revoking by token', () => auth.endToken({ token: 'unknown' })],
    ['disabling', () => auth.setActive(id, false)],
    ['enabling', () => auth.setActive(id, true)],
    ['setting a password', () => auth.setPassword(row, 'another long phrase')],
    ['deleting', () => auth.deleteUser(id)],
    ['ending all tokens', () => auth.endTokens(id)],
  ]
  for (const [what, act] of cases) await t.rejects(act(), { code: 'NOT_FOUND' }, what)
  t.equal(await auth.findAccount(id), undefined)
})

t.test('a token is live to the millisecond before its end', async (t) => {
  const { app, clock, createUser } = await startApp(t)
  const { auth } = app.latchkey
  const user = await createUser()
  const { token, tokenInfo } = await auth.createToken(user.id, { name: 'a', expiresIn: '1h' })
  const refusal = async () => (await auth.introspectToken(token)).found?.refusal
  clock.now = tokenInfo.expiresAt - 1
  t.equal(await refusal(), null)
  clock.now = tokenInfo.expiresAt
  t.match(await refusal(), { reason: 'EXPIRED' })
})

t.test('a disabled account gets no token', async (t) => {
  const { app, createUser } = await startApp(t)
  const { auth } = app.latchkey
  const { id } = await createUser()
  await auth.setActive(id, false)
  await t.rejects(auth.createToken(id, { name: null, expiresIn: null }), {
    code: 'FORBIDDEN',
    details: { reason: 'DISABLED' },
  })
})

t.test('a scope that no schema can have is refused', async (t) => {
  const { auth, createUser } = await openDomain(t)
  const userId = await createUser('ada')
  t.match(await refusalOf(auth.createToken(userId, { name: null, expiresIn: null, scopes: ['a b'] })), {
    code: 'BAD_USER_INPUT',
    reason: 'SCOPE',
    field: 'scopes',
  })
})
