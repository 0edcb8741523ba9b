import t, { type Test } from 'tap'
import { password, startApp, type TestApp } from '../support/app.ts'
import { startHost } from '../support/host.ts'
import { logLines } from '../support/log.ts'
import { type MailServer, startMailServer } from '../support/mail.ts'

const newPassword = 'a wholly different passphrase'
const ask = 'mutation ($u: String!) { requestPasswordReset(username: $u) { requested } }'
const reset =
  'mutation ($token: String!, $newPassword: String!) { resetPassword(token: $token, newPassword: $newPassword) { revokedTokens } }'
const verify = 'mutation ($token: String!) { verifyEmail(token: $token) { email } }'
const askVerification = 'mutation { requestEmailVerification { requested } }'
const update =
  'mutation ($email: String, $username: String) { updateViewer(email: $email, username: $username) { user { username email emailVerified } pendingEmail } }'
const viewer = '{ viewer { id username email emailVerified } }'
const refused = {
  body: { errors: [{ extensions: { code: 'BAD_USER_INPUT', reason: 'MAIL_TOKEN', field: 'token' } }] },
}

const hourMs = 3_600_000

type Options = Parameters<typeof startApp>[1]

/** Ada, who is signed in, on a server that sends mail. */
async function startWithMail(
  t: Test,
  options: Options = {},
): Promise<TestApp & { server: MailServer; token: string; id: string }> {
  const server = await startMailServer(t)
  const app = await startApp(t, { ...server.settings, rateLimitAddressFailures: 1_000, ...options })
  const ada = await app.createUser({ username: 'ada', email: 'ada@example.org' })
  return { ...app, server, token: await app.signIn(ada), id: ada.id }
}

async function canSignIn({ graphql }: TestApp, username: string, p: string): Promise<boolean> {
  const query = 'mutation ($u: String!, $p: String!) { tokenAuth(username: $u, password: $p) { token } }'
  return (await graphql(query, { u: username, p })).body.data.tokenAuth !== null
}

async function idle({ app }: TestApp): Promise<void> {
  await app.latchkey.auth.outbox.deliverDue()
}

t.test('a forgotten password is set anew with the link of a mail, once', async (t) => {
  const app = await startWithMail(t)
  t.same((await app.graphql(ask, { u: 'ADA' })).body, { data: { requestPasswordReset: { requested: true } } })
  const mail = await app.server.next('ada@example.org')
  t.match(mail, {
    from: '"Latchkey" <login@example.org>',
    subject: 'Set a new password',
    recipients: ['ada@example.org'],
  })
  t.match(mail.text, `http://localhost:4000/reset-password#token=${mail.token}`)
  t.match(mail.html, `href="http://localhost:4000/reset-password#token=${mail.token}"`)
  t.match(mail.text, '1 hour')
  t.equal(mail.headers.get('auto-submitted'), 'auto-generated')
  const use = { token: mail.token, newPassword }
  t.match((await app.graphql(reset, { ...use, newPassword: 'password' })).body.errors, [
    { extensions: { code: 'BAD_USER_INPUT', field: 'newPassword' } },
  ])
  t.same((await app.graphql(reset, use)).body, { data: { resetPassword: { revokedTokens: 1 } } })
  t.equal((await app.graphql(viewer, null, { token: app.token })).status, 401)
  t.notOk(await canSignIn(app, 'ada', password))
  t.ok(await canSignIn(app, 'ada', newPassword))
  t.match(await app.graphql(reset, use), refused)
  t.match(await app.server.next('ada@example.org'), { subject: 'Your password was changed' })
  const token = await app.signIn({ username: 'ada', password: newPassword })
  t.match((await app.graphql(viewer, null, { token })).body.data.viewer, { emailVerified: true })
})

t.test('a link to a new password dies of whatever makes it old', async (t) => {
  const ways: [string, (app: Awaited<ReturnType<typeof startWithMail>>) => Promise<unknown>][] = [
    [
      'an hour',
      async (app) => {
        app.clock.now += hourMs
      },
    ],
    [
      'a newer one',
      async (app) => {
        await app.graphql(ask, { u: 'ada' })
        await app.server.next('ada@example.org')
      },
    ],
    [
      'another password',
      (app) =>
        app.graphql(
          `mutation ($password: String!) { changePassword(currentPassword: $password, newPassword: "${newPassword}") { revokedTokens } }`,
          { password },
          { token: app.token },
        ),
    ],
    [
      "the operator's password",
      async (app) => {
        const user = await app.app.latchkey.auth.findUser('ada')
        if (user) await app.app.latchkey.auth.setPassword(user, newPassword)
      },
    ],
    ['no address', (app) => app.graphql(update, { email: null }, { token: app.token })],
    ['a disabled account', (app) => app.app.latchkey.auth.setActive(app.id, false)],
    [
      'an account that was disabled meanwhile',
      async (app) => {
        await app.app.latchkey.auth.setActive(app.id, false)
        await app.app.latchkey.auth.setActive(app.id, true)
      },
    ],
    ['a deleted account', (app) => app.app.latchkey.auth.deleteUser(app.id)],
  ]
  for (const [name, act] of ways) {
    const app = await startWithMail(t)
    await app.graphql(ask, { u: 'ada' })
    const { token } = await app.server.next('ada@example.org')
    await act(app)
    t.match(await app.graphql(reset, { token, newPassword }), refused, name)
  }
})

t.test('what is no link is refused alike, and not tried forever', async (t) => {
  const app = await startWithMail(t, { rateLimitAddressFailures: 8 })
  await app.graphql(ask, { u: 'ada' })
  const { token } = await app.server.next('ada@example.org')
  for (const wrong of ['', 'x', `${token.slice(0, -1)}_`, app.token]) {
    for (const query of [reset, verify]) {
      t.match(
        await app.graphql(query, { token: wrong, newPassword }, { address: '192.0.2.7' }),
        refused,
        wrong,
      )
    }
  }
  t.match((await app.graphql(verify, { token: app.token }, { address: '192.0.2.7' })).status, 429)
  t.match(await app.graphql(verify, { token }), refused, 'a link to a new password verifies nothing')
  t.match((await app.graphql(reset, { token: ` ${token}\n`, newPassword })).body.data, { resetPassword: {} })
})

t.test(
  'who asks for mails, or has old links, is not kept from signing in, nor the other way round',
  async (t) => {
    const app = await startWithMail(t, { rateLimitAddressFailures: 2 })
    const signIn = 'mutation ($p: String!) { tokenAuth(username: "ada", password: $p) { token } }'
    const mails = await Promise.all(['ada', 'nobody'].map((u) => app.graphql(ask, { u })))
    const links = await Promise.all(['x', 'y'].map((token) => app.graphql(verify, { token })))
    t.strictSame(
      [...mails, ...links].map(({ status }) => status),
      [200, 200, 200, 200],
    )
    const throttled = {
      status: 429,
      body: { errors: [{ message: 'Too many attempts. Wait before you try again.' }] },
    }
    t.match(await app.graphql(ask, { u: 'eve' }), throttled)
    t.match(await app.graphql(verify, { token: 'z' }), throttled)
    t.match(await app.graphql(signIn, { p: password }), { status: 200 })
    for (const p of ['not this', 'nor this']) t.match(await app.graphql(signIn, { p }), { status: 401 })
    t.match(await app.graphql(signIn, { p: password }), throttled)
    app.clock.now += 60_000
    for (const p of ['not this', 'nor this']) await app.graphql(signIn, { p })
    const { token } = await app.server.next('ada@example.org')
    t.match(await app.graphql(reset, { token, newPassword }), { status: 200 }, 'a link that is right')
  },
)

t.test('whether there is an account, neither the answer nor the database tells', async (t) => {
  const app = await startWithMail(t)
  const service = await app.app.latchkey.auth.createUser({
    username: 'robot',
    email: 'robot@example.org',
    password: null,
  })
  t.ok(service)
  await app.createUser({ username: 'mute' })
  await app.createUser({ username: 'off', email: 'off@example.org' })
  await app.app.latchkey.auth.setActive((await app.app.latchkey.auth.findUser('off'))?.id ?? '', false)
  const answers = new Set<string>()
  for (const u of ['nobody', 'nobody@example.org', 'robot', 'mute', 'off', 'ada']) {
    const { status, headers, body } = await app.graphql(ask, { u })
    const { 'x-request-id': _id, date: _date, ...rest } = headers
    answers.add(JSON.stringify({ status, rest, body }))
  }
  t.equal(answers.size, 1)
  await app.server.next('ada@example.org')
  await idle(app)
  t.same(app.server.mails, [], 'and nobody else gets a mail')
  const statuses = []
  for (let n = 0; n < 7; n++) statuses.push((await app.graphql(ask, { u: 'nobody' })).status)
  t.same(statuses.slice(-1), [429], 'who asks often has to wait')
  const { body } = await app.graphql(ask, { u: 'nobody\u200b' })
  t.match(body.errors, [{ extensions: { code: 'BAD_USER_INPUT', field: 'username' } }])
})

t.test('an address gets a few mails of a kind an hour', async (t) => {
  const app = await startWithMail(t, { mailLimit: 2, rateLimitAccountFailures: 100 })
  for (let n = 0; n < 4; n++) await app.graphql(ask, { u: n % 2 ? 'ada' : 'ada@example.org' })
  await idle(app)
  t.equal(app.server.mails.length, 2)
  app.clock.now += hourMs
  await app.graphql(ask, { u: 'ada' })
  await idle(app)
  t.equal(app.server.mails.length, 3)
})

t.test(
  'sign-ups and changes of address share how many strangers a network may have written to',
  async (t) => {
    const app = await startWithMail(t, { rateLimitAccountFailures: 100, signUp: 'open' })
    const change = (n: number) =>
      app.graphql(update, { email: `stranger${n}@example.org` }, { token: app.token })
    const signUp =
      'mutation ($u: String!, $p: String!, $e: String!) { signUp(username: $u, password: $p, email: $e) { id } }'
    t.match(await app.graphql(signUp, { u: 'eve', p: password, e: 'eve@example.org' }), { status: 200 })
    for (let n = 1; n < 20; n++) t.match((await change(n)).body, { data: { updateViewer: {} } })
    t.match(await change(20), {
      status: 429,
      body: { errors: [{ extensions: { code: 'RATE_LIMITED', reason: 'REQUESTS', retryAfter: 3600 } }] },
    })
    await idle(app)
    t.notOk(app.server.mails.some(({ recipients }) => recipients.includes('stranger20@example.org')))
    app.clock.now += hourMs
    const again = await app.graphql(
      'mutation ($p: String!) { confirmPassword(password: $p) { __typename } }',
      { p: password },
      { token: app.token },
    )
    t.equal(again.body.errors, undefined)
    t.match((await change(20)).body, { data: { updateViewer: { pendingEmail: 'stranger20@example.org' } } })
  },
)

t.test('a link to set a password dies with the address it was sent to', async (t) => {
  const app = await startWithMail(t)
  await app.graphql(ask, { u: 'ada' })
  const { token } = await app.server.next('ada@example.org')
  t.match(await app.graphql(update, { email: 'ada@EXAMPLE.org' }, { token: app.token }), {
    body: { data: { updateViewer: { user: { email: 'ada@EXAMPLE.org' } } } },
  })
  t.match(await app.graphql(reset, { token, newPassword }), refused)
  t.ok(await canSignIn(app, 'ada', password))
})

t.test('an address is verified with the link of a mail', async (t) => {
  const app = await startWithMail(t)
  const bearer = { token: app.token }
  t.match((await app.graphql(viewer, null, bearer)).body.data.viewer, { emailVerified: false })
  t.same((await app.graphql(askVerification, null, bearer)).body.data.requestEmailVerification, {
    requested: true,
  })
  const mail = await app.server.next('ada@example.org')
  t.match(mail.text, `http://localhost:4000/verify-email#token=${mail.token}`)
  t.match(await app.graphql(reset, { token: mail.token, newPassword }), refused, 'it sets no password')
  t.same((await app.graphql(verify, { token: mail.token })).body, {
    data: { verifyEmail: { email: 'ada@example.org' } },
  })
  t.match((await app.graphql(viewer, null, bearer)).body.data.viewer, { emailVerified: true })
  t.match(await app.graphql(verify, { token: mail.token }), refused)
  t.same((await app.graphql(askVerification, null, bearer)).body.data.requestEmailVerification, {
    requested: false,
  })
  const mute = await app.signIn(await app.createUser({ username: 'mute' }))
  t.match((await app.graphql(askVerification, null, { token: mute })).body.errors, [
    { extensions: { code: 'CONFLICT', reason: 'NO_EMAIL' } },
  ])
})

t.test('who signs up gets a mail to verify the address, without words of their own in it', async (t) => {
  const app = await startWithMail(t)
  await app.graphql(
    'mutation ($password: String!) { signUp(username: "Buy at spam.example", password: $password, email: "eve@example.org") { id } }',
    { password },
  )
  const mail = await app.server.next('eve@example.org')
  t.notMatch(mail.text, 'spam')
  app.clock.now += 24 * hourMs
  t.match(await app.graphql(verify, { token: mail.token }), refused, 'a day later it is too late')
})

t.test('another address is the user’s once it is confirmed, and the old one is told', async (t) => {
  const app = await startWithMail(t)
  const bearer = { token: app.token }
  t.same((await app.graphql(update, { email: 'new@example.org' }, bearer)).body.data.updateViewer, {
    user: { username: 'ada', email: 'ada@example.org', emailVerified: false },
    pendingEmail: 'new@example.org',
  })
  t.match(await app.server.next('ada@example.org'), {
    subject: 'Your email address is about to change',
    text: /to another one, at/,
  })
  const { token } = await app.server.next('new@example.org')
  t.same((await app.graphql(verify, { token })).body.data.verifyEmail, { email: 'new@example.org' })
  t.match(await app.server.next('ada@example.org'), { subject: 'Your email address was changed' })
  t.match((await app.graphql(viewer, null, bearer)).body.data.viewer, {
    email: 'new@example.org',
    emailVerified: true,
  })
  t.ok(await canSignIn(app, 'new@example.org', password))
  t.notOk(await canSignIn(app, 'ada@example.org', password))
  const same = (await app.graphql(update, { email: 'NEW@example.org' }, bearer)).body.data.updateViewer
  t.same(same, {
    user: { username: 'ada', email: 'NEW@example.org', emailVerified: true },
    pendingEmail: null,
  })
  await app.graphql(update, { email: 'other@example.org' }, bearer)
  t.match(
    await app.server.next('NEW@example.org'),
    { text: /to other@example\.org, at/ },
    'to an address that is verified',
  )
  const none = (await app.graphql(update, { email: null }, bearer)).body.data.updateViewer
  t.same(none, { user: { username: 'ada', email: null, emailVerified: false }, pendingEmail: null })
})

t.test('a change of address needs a recent proof of the password, and a new password stops it', async (t) => {
  const app = await startWithMail(t)
  const bearer = { token: app.token }
  await app.graphql(update, { email: 'thief@example.org' }, bearer)
  const { token } = await app.server.next('thief@example.org')
  await app.graphql(
    `mutation ($password: String!) { changePassword(currentPassword: $password, newPassword: "${newPassword}") { revokedTokens } }`,
    { password },
    bearer,
  )
  t.match(await app.graphql(verify, { token }), refused)
  app.clock.now += 600_000
  t.match(await app.graphql(update, { email: 'thief@example.org' }, bearer), {
    body: { errors: [{ extensions: { code: 'FORBIDDEN', reason: 'STALE_LOGIN' } }] },
  })
})

t.test('a verified address is told of a new username', async (t) => {
  const app = await startWithMail(t)
  const bearer = { token: app.token }
  const named = async (username: string) => {
    t.match((await app.graphql(update, { username }, bearer)).body.data.updateViewer, { user: { username } })
    await idle(app)
  }
  await named('not verified')
  t.equal(app.server.mails.length, 0)
  await app.graphql(askVerification, null, bearer)
  await app.graphql(verify, { token: (await app.server.next('ada@example.org')).token })
  await named('countess')
  const mail = app.server.mails.at(-1)
  t.match(mail, { subject: 'Your username was changed', recipients: ['ada@example.org'] })
  t.match(mail?.text, 'countess')
  const { length } = app.server.mails
  await named('Countess')
  t.equal(app.server.mails.length, length, 'the same name in other letters is no news')
})

t.test('an address that somebody else has is asked for like any other, and gets no mail', async (t) => {
  const app = await startWithMail(t)
  await app.createUser({ username: 'bob', email: 'bob@example.org' })
  const bearer = { token: app.token }
  t.match((await app.graphql(update, { email: 'bob@example.org' }, bearer)).body.data.updateViewer, {
    pendingEmail: 'bob@example.org',
  })
  await idle(app)
  t.notOk(app.server.mails.some(({ to }) => to === 'bob@example.org'))
  await app.graphql(update, { email: 'late@example.org' }, bearer)
  const { token } = await app.server.next('late@example.org')
  await app.createUser({ username: 'late', email: 'late@example.org' })
  t.match((await app.graphql(verify, { token })).body.errors, [
    { extensions: { code: 'CONFLICT', reason: 'TAKEN' } },
  ])
})

t.test('a username that is the address changes with it', async (t) => {
  const app = await startWithMail(t)
  const user = await app.createUser({ username: 'eve@example.org', email: 'eve@example.org' })
  const token = await app.signIn(user)
  const both = { email: 'new@example.org', username: 'new@example.org' }
  t.match((await app.graphql(update, both, { token })).body.data.updateViewer, {
    user: { username: 'eve@example.org' },
  })
  await app.graphql(verify, { token: (await app.server.next('new@example.org')).token })
  t.match((await app.graphql(viewer, null, { token })).body.data.viewer, both)
  t.match(
    (await app.graphql(update, { ...both, email: 'other@example.org', username: 'x@example.org' }, { token }))
      .body.errors,
    [{ extensions: { reason: 'NOT_YOUR_EMAIL' } }],
  )
})

t.test('a sign-in from a device that is new is told, and no other one', async (t) => {
  const app = await startWithMail(t)
  const signIn = (userAgent: string, device: object = {}) =>
    app.graphql(
      'mutation ($password: String!, $device: DeviceInput) { tokenAuth(username: "ada", password: $password, device: $device) { token } }',
      { password, device },
      { headers: { 'user-agent': userAgent } },
    )
  await signIn('lightMyRequest')
  await signIn('Phone', { id: 'p', name: "Ada's phone" })
  t.match(await app.server.next('ada@example.org'), { subject: 'A new device signed in', text: /not shown/ })
  await signIn('Phone')
  await signIn('Phone 2', { id: 'p' })
  await idle(app)
  t.same(app.server.mails, [])
  await app.graphql(askVerification, null, { token: app.token })
  await app.graphql(verify, { token: (await app.server.next('ada@example.org')).token })
  await signIn('Tablet', { name: '<b>Tablet' })
  const mail = await app.server.next('ada@example.org')
  t.match(mail.text, 'Device: <b>Tablet')
  t.match(mail.html, 'Device: &lt;b&gt;Tablet')
  t.match(mail.text, 'account ada')
})

t.test('a user deletes the account, and what is personal goes with it', async (t) => {
  const app = await startWithMail(t)
  const remove = 'mutation { deleteViewer { deleted } }'
  await app.graphql(ask, { u: 'ada' })
  const { token } = await app.server.next('ada@example.org')
  await app.server.vanish()
  await app.graphql(askVerification, null, { token: app.token })
  t.same((await app.graphql(remove, null, { token: app.token })).body, {
    data: { deleteViewer: { deleted: true } },
  })
  t.equal((await app.graphql(viewer, null, { token: app.token })).status, 401)
  t.match(await app.graphql(reset, { token, newPassword }), refused)
  t.notOk(await canSignIn(app, 'ada', password))
  const root = await app.createUser({ username: 'root', role: 'ADMIN' })
  const rootToken = await app.signIn(root)
  t.match((await app.graphql(remove, null, { token: rootToken })).body.errors, [
    { extensions: { code: 'FORBIDDEN', reason: 'LAST_ADMIN' } },
  ])
  await app.createUser({ username: 'root2', role: 'ADMIN' })
  app.clock.now += 600_000
  t.match((await app.graphql(remove, null, { token: rootToken })).body.errors, [
    { extensions: { code: 'FORBIDDEN', reason: 'STALE_LOGIN' } },
  ])
  const fresh = await app.signIn(root)
  t.match((await app.graphql(remove, null, { token: fresh })).body.data, { deleteViewer: { deleted: true } })
})

t.test('of fifty who use a link at once, one succeeds', async (t) => {
  const app = await startWithMail(t)
  await app.graphql(ask, { u: 'ada' })
  const { token } = await app.server.next('ada@example.org')
  const resets = await Promise.all(
    Array.from({ length: 50 }, (_, n) => app.graphql(reset, { token, newPassword: `${newPassword} ${n}` })),
  )
  t.equal(resets.filter(({ body }) => body.data.resetPassword !== null).length, 1)
  const bearer = {
    token: await app.signIn(await app.createUser({ username: 'eve', email: 'eve@example.org' })),
  }
  await app.graphql(askVerification, null, bearer)
  const { token: verifying } = await app.server.next('eve@example.org')
  const verifications = await Promise.all(
    Array.from({ length: 50 }, () => app.graphql(verify, { token: verifying })),
  )
  t.equal(verifications.filter(({ body }) => body.data.verifyEmail !== null).length, 1)
  await app.graphql(update, { email: 'new@example.org' }, bearer)
  const { token: changing } = await app.server.next('new@example.org')
  const changes = await Promise.all(
    Array.from({ length: 50 }, () => app.graphql(verify, { token: changing })),
  )
  t.equal(changes.filter(({ body }) => body.data.verifyEmail !== null).length, 1)
})

t.test('a request may use one link', async (t) => {
  const app = await startWithMail(t)
  const { body } = await app.graphql(
    'mutation { a: verifyEmail(token: "a") { email } b: verifyEmail(token: "b") { email } }',
  )
  t.match(body.errors, [{ extensions: { code: 'QUERY_TOO_COMPLEX', reason: 'CREDENTIAL_FIELDS' } }])
})

t.test('without mail, what needs it says so, and the rest goes on', async (t) => {
  const app = await startApp(t)
  const token = await app.signIn(await app.createUser({ username: 'ada', email: 'ada@example.org' }))
  t.match((await app.graphql('{ serverInfo { mail } }')).body.data, { serverInfo: { mail: false } })
  for (const query of [ask, askVerification]) {
    t.match((await app.graphql(query, { u: 'ada' }, { token })).body.errors, [
      { extensions: { code: 'FORBIDDEN', reason: 'DISABLED' } },
    ])
  }
  t.match((await app.graphql(update, { email: 'new@example.org' }, { token })).body.data.updateViewer, {
    user: { email: 'new@example.org' },
    pendingEmail: null,
  })
})

t.test(
  'the owner of a token that is reported as leaked is told, once, and not who reported it',
  async (t) => {
    const app = await startWithMail(t)
    await app.graphql(askVerification, null, { token: app.token })
    await app.graphql(verify, { token: (await app.server.next('ada@example.org')).token })
    const { body } = await app.graphql(
      'mutation { createToken(name: "backup job", scopes: []) { token } }',
      null,
      {
        token: app.token,
      },
    )
    const report = 'mutation ($token: String!) { reportLeakedToken(token: $token) { received } }'
    for (let n = 0; n < 2; n++) {
      await app.graphql(report, { token: body.data.createToken.token }, { address: '192.0.2.77' })
    }
    const mail = await app.server.next('ada@example.org')
    t.match(mail, { subject: 'A token of yours was made public', text: 'Token: backup job' })
    t.notMatch(mail.text, '192.0.2.77')
    const mute = await app.signIn(await app.createUser({ username: 'mute' }))
    t.match((await app.graphql(report, { token: mute })).body.data, { reportLeakedToken: { received: true } })
    await idle(app)
    t.same(app.server.mails, [])
  },
)

t.test('an address that only looks alike is another one, and is confirmed like any other', async (t) => {
  const app = await startWithMail(t)
  const { graphql, server } = app
  const eve = await app.createUser({ username: 'eve', email: 'eve@strasse.example' })
  const token = await app.signIn(eve)
  await graphql(askVerification, null, { token })
  const { token: link } = await server.next('eve@strasse.example')
  const { body } = await graphql(update, { email: 'eve@straße.example' }, { token })
  t.match(body.data.updateViewer, {
    user: { email: 'eve@strasse.example' },
    pendingEmail: 'eve@straße.example',
  })
  t.match((await graphql(update, { email: 'EVE@strasse.example' }, { token })).body.data.updateViewer, {
    user: { email: 'EVE@strasse.example' },
    pendingEmail: null,
  })
  t.match(await graphql(verify, { token: link }), refused, 'the address was written otherwise then')
})

t.test('an application is warned that no mail is sent, unless it wants none', async (t) => {
  const cases: [options: Parameters<typeof startHost>[1], warnings: number][] = [
    [{}, 1],
    [{ smtpUrl: undefined }, 1],
    [{ smtpUrl: 'off' }, 0],
    [{ smtpUrl: 'log' }, 0],
    [{ production: false }, 0],
  ]
  const count = () => logLines().filter((line) => /"level":40,.*Latchkey sends no mail: /.test(line)).length
  for (const [options, warnings] of cases) {
    const before = count()
    await startHost(t, options)
    t.equal(count() - before, warnings, JSON.stringify(options))
  }
})
