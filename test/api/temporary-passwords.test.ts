import { setTimeout as sleep } from 'node:timers/promises'
import t, { type Test } from 'tap'
import type { LatchkeyHooks } from '../../src/index.ts'
import { password, startApp } from '../support/app.ts'
import { secret } from '../support/log.ts'
import { startMailServer } from '../support/mail.ts'

const hourMs = 3_600_000
const own = secret('a phrase of her very own')

const set = `mutation ($id: ID!, $p: String, $t: Boolean! = true) {
  setUserPassword(id: $id, password: $p, temporaryPassword: $t) { revokedTokens temporaryPassword { password expiresAt } } }`
const create = `mutation ($u: String!, $p: String, $t: Boolean! = true) {
  createUser(username: $u, password: $p, temporaryPassword: $t) { user { id } temporaryPassword { password expiresAt } } }`
const enter = `mutation ($u: String!, $p: String!, $newPassword: String) {
  tokenAuth(username: $u, password: $p, newPassword: $newPassword) { token user { username } } }`
const confirm = 'mutation ($p: String!) { confirmPassword(password: $p) { tokenInfo { id } } }'
const change =
  'mutation ($p: String!, $newPassword: String!) { changePassword(currentPassword: $p, newPassword: $newPassword) { revokedTokens } }'

const isRequired = 'FORBIDDEN/PASSWORD_CHANGE_REQUIRED'
const isExpired = 'UNAUTHENTICATED/PASSWORD_EXPIRED'
const isWrong = 'UNAUTHENTICATED/CREDENTIALS'

type Options = Parameters<typeof startApp>[1]

/** An administrator, and what others get for an answer: the reason of a refusal, or `ok`. */
async function start(t: Test, options: Options = {}) {
  const server = await startApp(t, options)
  const { graphql } = server
  const root = await server.createUser({ username: 'root', role: 'ADMIN' })
  const admin = await server.signIn(root)
  const ask = async (query: string, variables: object, token?: string) => {
    const { body } = await graphql(query, variables, token === undefined ? {} : { token })
    const { code, reason } = body.errors?.[0].extensions ?? {}
    return { data: body.data, said: body.errors ? `${code}/${reason}` : 'ok' }
  }
  const { auth } = server.app.latchkey
  return {
    ...server,
    auth,
    admin,
    ask,
    /** A temporary password of an account. */
    async handOut(id: string): Promise<string> {
      const { data } = await ask(set, { id }, admin)
      return secret(data.setUserPassword.temporaryPassword.password)
    },
    enter: async (u: string, p: string, newPassword?: string) =>
      (await ask(enter, { u, p, newPassword }, undefined)).said,
    async events(userId: string, event: string) {
      await auth.audit.flush()
      const { items } = await auth.listAuditEvents({ userId, events: [event] }, 20, null)
      return items.map(({ node: { detail, actorId } }) => ({ detail, actorId }))
    },
  }
}

t.test('a temporary password signs in once it is replaced, and never again', async (t) => {
  const { ask, admin, enter, graphql, clock, createUser, signIn, events } = await start(t)
  const ada = await createUser({ username: 'ada' })
  const before = await signIn(ada)
  const { data } = await ask(set, { id: ada.id }, admin)
  const { revokedTokens, temporaryPassword } = data.setUserPassword
  const given = secret(temporaryPassword.password)
  t.equal(revokedTokens, 1)
  t.match(given, /^([0-9a-hjkmnp-tv-z]{5}-){3}[0-9a-hjkmnp-tv-z]{5}$/)
  t.equal(temporaryPassword.expiresAt, new Date(clock.now + 24 * hourMs).toISOString())
  t.equal((await graphql('{ viewer { id } }', null, { token: before })).status, 401)

  const asked = await graphql(enterWith(given), null)
  t.equal(asked.status, 403)
  t.equal(asked.body.data.tokenAuth, null)
  t.equal(await enter('ada', given), isRequired)
  t.equal(await enter('ada', password), isWrong, 'the one before is over')
  t.equal(await enter('ada', 'not the one', own), isWrong, 'nobody else is told')
  t.equal(await enter('ada', given, own), 'ok')
  t.equal(await enter('ada', given), isWrong)
  t.equal(await enter('ada', given, 'yet another long phrase'), isWrong)
  t.equal(await enter('ada', own), 'ok')
  clock.now += 25 * hourMs
  t.equal(await enter('ada', own), 'ok', 'what took its place does not expire')
  t.match(await events(ada.id, 'authn_password_change'), [
    { detail: null, actorId: null },
    { detail: 'TEMPORARY', actorId: String },
  ])
  t.match(await events(ada.id, 'authn_login_fail'), [{}, { detail: 'PASSWORD_CHANGE_REQUIRED' }, {}, {}])

  function enterWith(p: string): string {
    return `mutation { tokenAuth(username: "ada", password: "${p}") { token } }`
  }
})

t.test('an account is created with a temporary password', async (t) => {
  const { ask, admin, enter } = await start(t)
  const { data } = await ask(create, { u: 'ada' }, admin)
  const given = secret(data.createUser.temporaryPassword.password)
  t.equal(await enter('ada', given), isRequired)
  t.equal(await enter('ada', given, own), 'ok')
  const plain = await ask(create, { u: 'bob', p: password, t: false }, admin)
  t.equal(plain.data.createUser.temporaryPassword, null)
  t.equal(await enter('bob', password), 'ok')
})

t.test('a password is either chosen or made', async (t) => {
  const { ask, admin, createUser, enter } = await start(t)
  const { id } = await createUser({ username: 'ada' })
  const cases: [query: string, variables: object, said: string][] = [
    [set, { id, p: own }, 'BAD_USER_INPUT/ONE_OF'],
    [set, { id, t: false }, 'BAD_USER_INPUT/ONE_OF'],
    [create, { u: 'bob', p: own }, 'BAD_USER_INPUT/ONE_OF'],
    [create, { u: 'bob', t: false }, 'ok'],
  ]
  for (const [query, variables, said] of cases) {
    t.equal((await ask(query, variables, admin)).said, said, JSON.stringify(variables))
  }
  t.equal(await enter('ada', password), 'ok')
})

t.test('a temporary password expires, which is told to who has it', async (t) => {
  const { createUser, handOut, enter, clock, auth } = await start(t, { passwordTemporaryTtl: '2h' })
  const { id } = await createUser({ username: 'ada' })
  const given = await handOut(id)
  clock.now += 2 * hourMs - 1
  t.equal(await enter('ada', given), isRequired)
  clock.now += 1
  t.equal(await enter('ada', given), isExpired)
  t.equal(await enter('ada', given, own), isExpired)
  t.equal(await enter('ada', 'not the one', own), isWrong)
  t.equal(await enter('ada', own), isWrong)
  t.equal((await auth.findUser('ada'))?.lastSignInAt, null)
  await auth.setActive(id, false)
  t.equal(await enter('ada', given, own), isWrong, 'nothing of it while the account is disabled')
  await auth.setActive(id, true)
  t.equal(await enter('ada', await handOut(id), own), 'ok', 'another one does')
})

t.test('what cannot take its place leaves it as it is, and is no failed attempt', async (t) => {
  const { createUser, handOut, enter, auth } = await start(t, {
    rateLimitAccountFailures: 1,
    rateLimitAddressFailures: 1,
  })
  const { id } = await createUser({ username: 'ada' })
  const given = await handOut(id)
  const cases: [newPassword: string | undefined, said: string][] = [
    [undefined, isRequired],
    ['short', 'BAD_USER_INPUT/TOO_SHORT'],
    ['a phrase with ada', 'BAD_USER_INPUT/CONTAINS_NAME'],
    ['\ud800 and much more of it', 'BAD_USER_INPUT/ILL_FORMED'],
    [given, 'BAD_USER_INPUT/UNCHANGED'],
    [own, 'ok'],
  ]
  for (const [newPassword, said] of cases) t.equal(await enter('ada', given, newPassword), said)
  t.equal(await auth.countFailures(id), 0)
  t.equal(await enter('ada', own, 'yet another long phrase'), 'BAD_USER_INPUT/NOT_TEMPORARY')
  t.equal(await enter('ada', own), 'ok', 'an ordinary password stays')
})

t.test('under the throttle, a temporary password says no more than a wrong one', async (t) => {
  const { createUser, handOut, enter, clock } = await start(t, { rateLimitAccountFailures: 1 })
  const { id } = await createUser({ username: 'ada' })
  const given = await handOut(id)
  t.equal(await enter('ada', 'not the one'), isWrong)
  t.equal(await enter('ada', given), 'RATE_LIMITED/CREDENTIALS')
  t.equal(await enter('ada', given, own), 'RATE_LIMITED/CREDENTIALS')
  clock.now += 60_000
  t.equal(await enter('ada', given, own), 'ok')
})

t.test('of fifty who replace it at once, one does', async (t) => {
  const { createUser, handOut, ask, auth } = await start(t, {
    databaseUrl: `sqlite:${t.testdir()}/a.db`,
    rateLimitAccountFailures: 1_000,
    rateLimitAddressFailures: 1_000,
  })
  const { id } = await createUser({ username: 'ada' })
  const given = await handOut(id)
  const phrases = Array.from({ length: 50 }, (_, index) => secret(`the long phrase of number ${index}`))
  const answers = await Promise.all(
    phrases.map((newPassword) => ask(enter, { u: 'ada', p: given, newPassword })),
  )
  const won = answers.flatMap(({ said }, index) => (said === 'ok' ? [index] : []))
  t.equal(won.length, 1)
  t.strictSame([...new Set(answers.map(({ said }) => said))].sort(), ['ok', isWrong].sort())
  t.equal(await auth.countTokens(id), 1)
  t.equal((await ask(enter, { u: 'ada', p: phrases[won[0] as number] })).said, 'ok')
})

t.test('a token of the operator proves nothing with a temporary password, and ends with it', async (t) => {
  const { createUser, handOut, auth, ask, enter } = await start(t)
  const { id } = await createUser({ username: 'ada' })
  const given = await handOut(id)
  const { token } = await auth.createToken(id, { name: 'a machine', expiresIn: null })
  t.equal((await ask(confirm, { p: given }, token)).said, isRequired)
  t.equal((await ask(change, { p: given, newPassword: given }, token)).said, 'BAD_USER_INPUT/UNCHANGED')
  t.equal(await enter('ada', given, own), 'ok')
  t.equal((await ask('{ viewer { id } }', {}, token)).said, 'UNAUTHENTICATED/REVOKED')

  const again = await handOut(id)
  const other = await auth.createToken(id, { name: 'a machine', expiresIn: null })
  t.equal(
    (await ask(change, { p: again, newPassword: 'yet another long phrase' }, other.token)).said,
    'ok',
    'to change it is to replace it',
  )
  t.equal(await enter('ada', 'yet another long phrase'), 'ok')
})

t.test('a password that is set otherwise is no temporary one', async (t) => {
  const server = await startMailServer(t)
  const { createUser, handOut, auth, ask, enter, admin } = await start(t, {
    ...server.settings,
    mailLimit: 100,
  })
  const { id } = await createUser({ username: 'ada', email: 'ada@example.org' })
  await handOut(id)
  await ask(set, { id, p: password, t: false }, admin)
  t.equal(await enter('ada', password), 'ok')

  const given = await handOut(id)
  await ask('mutation { requestPasswordReset(username: "ada") { requested } }', {})
  const tokens = () => server.mails.map(({ token }) => token).filter((token) => token !== '')
  while (tokens().length === 0) await sleep(5)
  const reset =
    'mutation ($token: String!, $p: String!) { resetPassword(token: $token, newPassword: $p) { revokedTokens } }'
  t.equal((await ask(reset, { token: tokens()[0], p: own })).said, 'ok')
  t.equal(await enter('ada', given), isWrong)
  t.equal(await enter('ada', own), 'ok')

  t.equal(await enter('ada', await handOut(id), 'yet another long phrase'), 'ok')
  const notices = () => server.mails.filter(({ subject }) => subject === 'Your password was changed').length
  while (notices() < 6) await sleep(5)
  await auth.outbox.deliverDue()
  t.equal(notices(), 6, 'its owner is told of each')
})

t.test('hooks may refuse what takes its place', async (t) => {
  const asked: string[] = []
  let refused: keyof LatchkeyHooks | null = 'beforePasswordChange'
  const hook = (name: keyof LatchkeyHooks) => () => {
    asked.push(name)
    if (refused === name)
      throw Object.assign(new Error('No.'), { extensions: { code: name, reason: 'HOOK' } })
  }
  const hooks = {
    beforePasswordChange: hook('beforePasswordChange'),
    beforeTokenIssued: hook('beforeTokenIssued'),
    afterPasswordChange: hook('afterPasswordChange'),
  }
  const { createUser, handOut, enter } = await start(t, { plugin: { hooks } })
  const { id } = await createUser({ username: 'ada' })
  const given = await handOut(id)
  asked.length = 0
  t.equal(await enter('ada', given), isRequired)
  t.strictSame(asked, [], 'they are asked about nothing that is refused anyway')
  t.equal(await enter('ada', given, own), 'beforePasswordChange/HOOK')
  refused = 'beforeTokenIssued'
  t.equal(await enter('ada', given, own), 'beforeTokenIssued/HOOK')
  t.equal(await enter('ada', own), isWrong, 'it is still the temporary one')
  refused = null
  asked.length = 0
  t.equal(await enter('ada', given, own), 'ok')
  t.strictSame(asked.sort(), ['afterPasswordChange', 'beforePasswordChange', 'beforeTokenIssued'])
})
