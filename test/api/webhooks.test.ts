import { randomBytes } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { Webhook } from 'standardwebhooks'
import t from 'tap'
import { password, startApp } from '../support/app.ts'
import { secret } from '../support/log.ts'
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
