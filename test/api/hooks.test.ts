import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import { type AuthEvent, ConfigError, LatchkeyError, type LatchkeyHooks, refuse } from '../../src/index.ts'
import { password } from '../support/app.ts'
import { type Host, startHost } from '../support/host.ts'
import { logLines, secret } from '../support/log.ts'

secret(password)

const wrong = secret('a wrong password')

async function tokenAuth(host: Host, username: string, given = password, rest = '') {
  const { status, body } = await host.query(
    `mutation ($username: String!, $password: String!) { tokenAuth(username: $username, password: $password ${rest}) { token tokenInfo { id } } }`,
    { variables: { username, password: given } },
  )
  const payload = body.data?.tokenAuth
  return { status, token: payload?.token, tokenId: payload?.tokenInfo.id, error: body.errors?.[0] }
}

const countTokens = async (host: Host, userId: string) => host.app.latchkey.auth.countTokens(userId)

t.test('what is no hook is named when the application starts', async (t) => {
  const noHooks = { afterTokenAuht: () => {}, beforeSignUp: 'no', afterSignUp: undefined }
  const error = await startHost(t, { hooks: noHooks as unknown as LatchkeyHooks }).then(
    () => t.fail('it started'),
    (error) => error,
  )
  t.type(error, ConfigError)
  t.match(error.problems, [
    /^hooks\.afterTokenAuht is not a hook of Latchkey\. There are beforeTokenAuth, .*afterUserDeleted\.$/,
    /^hooks\.beforeSignUp must be a function\.$/,
  ])
  await t.rejects(startHost(t, { hooks: [] as LatchkeyHooks }), { message: /hooks must be an object/ })
})

t.test('a hook before the sign-in hears what was typed, the same for known and unknown names', async (t) => {
  const heard: unknown[] = []
  const host = await startHost(t, {
    hooks: {
      beforeTokenAuth(attempt) {
        heard.push(attempt)
        throw refuse('CAPTCHA_REQUIRED', 'Solve the puzzle first.', { puzzle: 7 })
      },
    },
  })
  await host.app.latchkey.auth.createUser({ username: 'ada', password })
  const answers = []
  for (const [name, given] of [
    [' ADA', password],
    ['ada', wrong],
    ['nobody', password],
  ] as const) {
    const { status, error } = await tokenAuth(host, name, given, ', device: { id: "d1" }')
    answers.push({ status, message: error.message, extensions: error.extensions })
  }
  const refusal = {
    status: 200,
    message: 'Solve the puzzle first.',
    extensions: { code: 'CAPTCHA_REQUIRED', puzzle: 7 },
  }
  t.strictSame(answers, [refusal, refusal, refusal])
  const device = { id: 'd1', name: null, platform: null }
  t.match(heard, [
    { name: 'ada', device, origin: { address: '127.0.0.1' } },
    { name: 'ada', device },
    { name: 'nobody', device },
  ])
  t.notMatch(JSON.stringify(heard), new RegExp(`${password}|${wrong}`))
})

t.test('whoever a hook refuses has not failed', async (t) => {
  const refusals: [hook: keyof LatchkeyHooks][] = [['beforeTokenAuth'], ['beforeTokenIssued']]
  for (const [hook] of refusals) {
    let isOpen = false
    const host = await startHost(t, {
      rateLimitAccountFailures: 2,
      rateLimitAddressFailures: 2,
      hooks: {
        [hook]: () => {
          if (!isOpen) throw refuse('NOT_NOW', 'Not now.')
        },
      },
    })
    const { id } = await host.app.latchkey.auth.createUser({ username: 'ada', password })
    for (let attempt = 0; attempt < 5; attempt++) {
      t.match((await tokenAuth(host, 'ada')).error.extensions, { code: 'NOT_NOW' }, hook)
    }
    t.equal(await countTokens(host, id), 0, 'and nothing was issued')
    t.equal(await host.app.latchkey.auth.countFailures(id), 0)
    isOpen = true
    t.match(await tokenAuth(host, 'ada'), { token: String })
  }
})

t.test('a hook before the token is issued hears who has proven the password, and nobody else', async (t) => {
  const heard: string[] = []
  const host = await startHost(t, {
    hooks: { beforeTokenIssued: async ({ user }) => void heard.push(user.username) },
  })
  await host.app.latchkey.auth.createUser({ username: 'ada', password })
  await tokenAuth(host, 'ada', wrong)
  await tokenAuth(host, 'nobody')
  t.strictSame(heard, [])
  t.match(await tokenAuth(host, 'ada'), { token: String })
  t.strictSame(heard, ['ada'])
})

t.test('a hook refuses a sign-up and a change of the password', async (t) => {
  const heard: unknown[] = []
  const host = await startHost(t, {
    hooks: {
      beforeSignUp({ username, email }) {
        heard.push({ username, email })
        if (!email?.endsWith('@example.org')) throw refuse('NOT_INVITED', 'By invitation only.')
      },
      beforePasswordChange({ user }) {
        heard.push(user.username)
        throw new LatchkeyError('FORBIDDEN', 'Change it in the directory.', { reason: 'DIRECTORY' })
      },
    },
  })
  const signUp = (args: string) =>
    host.query(
      `mutation ($password: String!) { signUp(username: "ada", password: $password ${args}) { id } }`,
      {
        variables: { password },
      },
    )
  t.match((await signUp('')).body.errors[0].extensions, { code: 'NOT_INVITED' })
  t.match((await signUp(', email: "ada@example.org"')).body.data.signUp, { id: String })
  const { token } = await tokenAuth(host, 'ada')
  const change = (request: object) =>
    host.query(
      'mutation ($one: String!, $two: String!) { changePassword(currentPassword: $one, newPassword: $two) { revokedTokens } }',
      request,
    )
  const variables = { one: password, two: secret('another good password') }
  t.match((await change({ token, variables })).body.errors[0].extensions, {
    code: 'FORBIDDEN',
    reason: 'DIRECTORY',
  })
  t.match(await tokenAuth(host, 'ada'), { token: String }, 'the password stays')
  t.strictSame(heard, [
    { username: 'ada', email: null },
    { username: 'ada', email: 'ada@example.org' },
    'ada',
  ])
})

t.test('what else a hook throws is masked and logged', async (t) => {
  const host = await startHost(t, {
    hooks: {
      beforeTokenAuth() {
        throw new Error('the directory at 192.0.2.7 is away')
      },
    },
  })
  const { error } = await tokenAuth(host, 'ada')
  t.match(error, { message: 'Internal server error.', extensions: { code: 'INTERNAL_SERVER_ERROR' } })
  t.ok(logLines().some((line) => line.includes('the directory at 192.0.2.7 is away')))
})

t.test('a hook that hangs holds nobody up for long, and nobody is signed in afterwards', async (t) => {
  const hanging = Promise.withResolvers<void>()
  const host = await startHost(t, {
    queryTimeout: 3_000,
    hooks: { beforeTokenIssued: () => hanging.promise },
  })
  const { id } = await host.app.latchkey.auth.createUser({ username: 'ada', password })
  const { error } = await tokenAuth(host, 'ada')
  t.match(error.extensions, { code: 'SERVICE_UNAVAILABLE', reason: 'HOOK', retryAfter: 5 })
  hanging.resolve()
  await sleep(50)
  t.equal(await countTokens(host, id), 0)
  t.ok(logLines().some((line) => line.includes('The hook beforeTokenIssued took longer than 500 ms.')))
})

t.test('hooks hear what was done before the answer is sent', async (t) => {
  const heard: [hook: string, event: AuthEvent][] = []
  const hear = (hook: string) => async (event: AuthEvent) => {
    await sleep(5)
    heard.push([hook, event])
  }
  const host = await startHost(t, {
    tokenLimit: 2,
    hooks: Object.fromEntries(
      [
        'afterSignUp',
        'afterTokenAuth',
        'afterTokenRevoked',
        'afterPasswordChange',
        'afterUserDisabled',
        'afterUserDeleted',
      ].map((name) => [name, hear(name)]),
    ),
  })
  const { auth } = host.app.latchkey
  const take = () => heard.splice(0).map(([hook, { userId, tokenId }]) => [hook, tokenId ?? userId])

  const { body } = await host.query(
    'mutation ($password: String!) { signUp(username: "ada", password: $password) { id } }',
    { variables: { password } },
  )
  const { id } = body.data.signUp
  t.strictSame(take(), [['afterSignUp', id]])
  await auth.createUser({ username: 'by the operator', password })
  t.strictSame(take(), [], 'only who signs up does')

  const one = await tokenAuth(host, 'ada')
  t.match(heard, [['afterTokenAuth', { userId: id, address: '127.0.0.1', requestId: String }]])
  t.strictSame(take(), [['afterTokenAuth', one.tokenId]])
  await tokenAuth(host, 'ada', wrong)
  t.strictSame(take(), [])
  const two = await tokenAuth(host, 'ada', password, ', device: { id: "phone" }')
  const three = await tokenAuth(host, 'ada', password, ', device: { id: "phone" }')
  t.strictSame(take(), [
    ['afterTokenAuth', two.tokenId],
    ['afterTokenRevoked', two.tokenId],
    ['afterTokenAuth', three.tokenId],
  ])
  const four = await tokenAuth(host, 'ada')
  t.strictSame(take(), [
    ['afterTokenRevoked', one.tokenId],
    ['afterTokenAuth', four.tokenId],
  ])
  const act = async (mutation: string, token: string) => {
    const answer = await host.query(`mutation { ${mutation} }`, { token })
    t.equal(answer.body.errors, undefined, mutation)
    return take()
  }
  t.strictSame(await act('revokeOtherTokens { count }', four.token), [['afterTokenRevoked', three.tokenId]])
  const five = await tokenAuth(host, 'ada')
  const changed = secret('another good password')
  take()
  const change = `changePassword(currentPassword: "${password}", newPassword: "${changed}") { revokedTokens }`
  t.strictSame(await act(change, five.token), [
    ['afterTokenRevoked', four.tokenId],
    ['afterPasswordChange', five.tokenId],
  ])
  t.strictSame(await act('revokeToken { revoked }', five.token), [['afterTokenRevoked', five.tokenId]])
  const six = await tokenAuth(host, 'ada', changed)
  take()
  await auth.setActive(id, false)
  t.strictSame(take(), [
    ['afterTokenRevoked', six.tokenId],
    ['afterUserDisabled', id],
  ])
  await auth.setActive(id, true)
  const seven = await tokenAuth(host, 'ada', changed)
  t.strictSame(take(), [['afterTokenAuth', seven.tokenId]])
  await auth.deleteUser(id)
  t.strictSame(take(), [
    ['afterTokenRevoked', seven.tokenId],
    ['afterUserDeleted', id],
  ])
})

t.test('a hook that fails afterwards changes nothing, and is logged', async (t) => {
  const heard: string[] = []
  const host = await startHost(t, {
    hooks: {
      afterTokenAuth() {
        throw new Error('the newsletter is away')
      },
      afterTokenRevoked: ({ tokenId = '' }) => void heard.push(tokenId),
    },
  })
  const { token } = await host.signIn('ada')
  const { body } = await host.query('mutation { revokeAllTokens { count } }', { token })
  t.strictSame(body.data, { revokeAllTokens: { count: 1 } })
  t.equal(heard.length, 1)
  t.ok(logLines().some((line) => /"err":.*the newsletter is away.*"hook":"afterTokenAuth"/.test(line)))
})

t.test('a hook that hangs afterwards holds up neither the answer nor the end for ever', async (t) => {
  const hooks = { afterTokenAuth: () => new Promise<void>(() => {}) }
  const host = await startHost(t, { queryTimeout: 3_000, hooks })
  t.match(await host.signIn('ada'), { token: String })
  await t.resolves(host.app.close())
})

t.test('who is signed in confirms the password and makes tokens without a hook', async (t) => {
  const asked: string[] = []
  const hear = (hook: string) => () => void asked.push(hook)
  const host = await startHost(t, {
    hooks: {
      beforeTokenAuth: hear('beforeTokenAuth'),
      beforeTokenIssued: hear('beforeTokenIssued'),
      beforePasswordChange: hear('beforePasswordChange'),
      afterTokenAuth: hear('afterTokenAuth'),
    },
  })
  const { token } = await host.signIn('ada')
  t.strictSame(asked.splice(0), ['beforeTokenAuth', 'beforeTokenIssued', 'afterTokenAuth'])
  const mutations = [
    `confirmPassword(password: "${password}") { tokenInfo { id } }`,
    'createToken(name: "ci", scopes: []) { token }',
    'rotateToken { token }',
  ]
  for (const mutation of mutations) {
    const { body } = await host.query(`mutation { ${mutation} }`, { token })
    t.equal(body.errors, undefined, mutation)
  }
  t.strictSame(asked, [])
})
