import { randomBytes } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { Webhook } from 'standardwebhooks'
import t from 'tap'
import { password, startApp } from '../support/app.ts'
import { secret } from '../support/log.ts'
import { startMailServer } from '../support/mail.ts'
import { startReceiver } from '../support/receiver.ts'

t.test(
  'the service posts what happens to accounts and tokens, and answers without waiting for it',
  async (t) => {
    const open = Promise.withResolvers<void>()
    const receiver = await startReceiver(t, (response) => void open.promise.then(() => response.end()))
    const webhookSecret = secret(`whsec_${randomBytes(32).toString('base64')}`)
    const { graphql, signIn } = await startApp(t, {
      webhookUrl: receiver.url,
      webhookSecret,
      plugin: { clock: Date.now },
    })
    const signUp = 'mutation ($password: String!) { signUp(username: "ada", password: $password) { id } }'
    const { id } = (await graphql(signUp, { password })).body.data.signUp
    const token = await signIn({ username: 'ada', password })
    t.match((await graphql('mutation { revokeToken { revoked } }', null, { token })).body, { data: Object })
    const wrong = 'mutation { tokenAuth(username: "ada", password: "a wrong password") { token } }'
    t.match((await graphql(wrong)).body.errors, [Object])
    open.resolve()
    while (receiver.received.length < 3) await sleep(5)
    const bodies = receiver.received.map(
      ({ headers, body }) =>
        new Webhook(webhookSecret).verify(body, headers) as { type: string; data: { userId: string } },
    )
    t.strictSame(
      bodies.map(({ type, data }) => [type, data.userId]).sort(),
      [
        ['authn_login_success', id],
        ['authn_token_revoked', id],
        ['user_created', id],
      ],
      'but not what anybody could cause in any number',
    )
    t.notMatch(JSON.stringify(receiver.received), token)
  },
)

t.test('hooks and receivers hear what the owner of an address does', async (t) => {
  const receiver = await startReceiver(t)
  const mail = await startMailServer(t)
  const changed: string[] = []
  const { app, createUser, graphql, signIn } = await startApp(t, {
    ...mail.settings,
    webhookUrl: receiver.url,
    webhookSecret: secret(`whsec_${randomBytes(32).toString('base64')}`),
    webhookEvents: 'authn_password_reset,email_verified,email_changed',
    plugin: {
      clock: Date.now,
      hooks: { afterPasswordChange: ({ event, userId = '' }) => void changed.push(event, userId) },
    },
  })
  const ada = await createUser({ username: 'ada', email: 'ada@example.org' })
  const take = async (email: string) => {
    const { token } = await mail.next(email)
    const verify = 'mutation ($token: String!) { verifyEmail(token: $token) { email } }'
    t.match((await graphql(verify, { token })).body, { data: { verifyEmail: { email } } })
  }
  const token = await signIn(ada)
  await graphql('mutation { requestEmailVerification { requested } }', null, { token })
  await take('ada@example.org')
  const update = 'mutation { updateViewer(email: "countess@example.org") { pendingEmail } }'
  t.match((await graphql(update, null, { token })).body, { data: Object })
  await take('countess@example.org')
  t.strictSame(changed, [])
  await graphql('mutation { requestPasswordReset(username: "ada") { requested } }')
  const sent = await mail.next('countess@example.org')
  const reset =
    'mutation ($token: String!, $new: String!) { resetPassword(token: $token, newPassword: $new) { revokedTokens } }'
  const request = { token: sent.token, new: secret('another good password') }
  t.match((await graphql(reset, request)).body, { data: { resetPassword: { revokedTokens: 1 } } })
  t.strictSame(changed, ['authn_password_reset', ada.id], 'before the answer')
  while (receiver.received.length < 3) await sleep(5)
  await app.latchkey.auth.outbox.deliverDue()
  const types = receiver.received.map(({ body }) => JSON.parse(body).type)
  t.strictSame(types.sort(), ['authn_password_reset', 'email_changed', 'email_verified'])
})
