import { randomBytes } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { Webhook } from 'standardwebhooks'
import t, { type Test } from 'tap'
import type { WebhookOptions } from '../../src/auth/webhooks.ts'
import { password } from '../support/app.ts'
import { dayMs, openDomain, origin, refusalOf } from '../support/domain.ts'
import { secret } from '../support/log.ts'
import { type Received, startReceiver } from '../support/receiver.ts'

const newSecret = (): string => secret(`whsec_${randomBytes(32).toString('base64')}`)

async function openWithWebhook(t: Test, webhook: Partial<WebhookOptions> & { url: string }) {
  const secrets = [newSecret()]
  const events: WebhookOptions['events'] = ['user_created', 'authn_token_revoked']
  return {
    secrets,
    ...(await openDomain(t, {
      clock: { now: Date.now() }, // receivers refuse what is old
      webhook: { secrets, events, timeoutMs: 200, ...webhook },
    })),
  }
}

const verify = ({ headers, body }: Received, by: string) => new Webhook(by).verify(body, headers)

t.test('an event is posted signed, with ids and no names', async (t) => {
  const receiver = await startReceiver(t)
  const secrets = [newSecret(), newSecret()]
  const { auth, clock } = await openWithWebhook(t, { url: receiver.url, secrets, timeoutMs: 10_000 })
  const email = 'lovelace@example.org'
  const { id } = await auth.signUp({ username: 'lovelace', email, password }, origin('192.0.2.77'))
  await auth.outbox.deliverDue()
  t.equal(receiver.received.length, 1)
  const [request] = receiver.received as [Received]
  const expected = {
    type: 'user_created',
    timestamp: new Date(clock.now).toISOString(),
    data: { userId: id, requestId: 'test' },
  }
  for (const by of secrets) t.strictSame(verify(request, by), expected)
  t.throws(() => verify(request, newSecret()))
  t.throws(() =>
    verify({ ...request, body: request.body.replace('created', 'deleted') }, secrets[0] as string),
  )
  t.match(request.headers, { 'content-type': 'application/json', 'user-agent': 'Latchkey' })
  t.notMatch(JSON.stringify(request), /lovelace|192\.0\.2\.77/)
})

t.test('only the events asked for are posted, together with what they tell of', async (t) => {
  const receiver = await startReceiver(t)
  const { auth, database, secrets } = await openWithWebhook(t, {
    url: receiver.url,
    events: ['authn_token_revoked'],
  })
  const { id } = await auth.createUser({ username: 'ada', password })
  const request = { username: 'ada', password }
  await auth.tokenAuth(request, origin(), { kind: 'anonymous', reason: 'MISSING', message: '' })
  await auth.tokenAuth(request, origin(), { kind: 'anonymous', reason: 'MISSING', message: '' })
  const countWaiting = async () =>
    (await database.kysely.selectFrom('latchkey_outbox').selectAll().execute()).length
  t.equal(await countWaiting(), 0)
  await auth.endTokens(id)
  t.equal(await countWaiting(), 2, 'they are stored when the use case has ended')
  await auth.outbox.deliverDue()
  t.equal(await countWaiting(), 0)
  const bodies = receiver.received.map((one) => verify(one, secrets[0] as string))
  t.match(bodies, [
    { type: 'authn_token_revoked', data: { userId: id, tokenId: String } },
    { type: 'authn_token_revoked', data: { userId: id, tokenId: String } },
  ])
})

t.test('what is done with a token or a password is stored to be posted', async (t) => {
  const receiver = await startReceiver(t)
  const events: WebhookOptions['events'] = [
    'authn_token_created',
    'authn_password_confirmed',
    'authn_token_rotated',
    'authn_token_reuse',
    'token_reported',
    'user_role_changed',
  ]
  const { auth, clock, createUser, database, signIn, userOf } = await openWithWebhook(t, {
    url: receiver.url,
    events,
  })
  const id = await createUser('ada')
  const { token } = await signIn('ada')
  const ada = await userOf(token)
  const stored = new Set<string>()
  async function takeStored(): Promise<string[]> {
    const rows = await database.kysely.selectFrom('latchkey_outbox').select('payload').execute()
    const fresh = rows.map(({ payload }) => JSON.parse(payload).type).filter((type) => !stored.has(type))
    for (const type of fresh) stored.add(type)
    return fresh
  }
  const personal = await auth.createPersonalToken(ada, { name: 'backup', scopes: [] }, origin())
  t.strictSame(await takeStored(), ['authn_token_created'])
  await auth.confirmPassword(ada, password, origin())
  t.strictSame(await takeStored(), ['authn_password_confirmed'])
  await auth.rotateToken(ada, token, origin())
  t.strictSame(await takeStored(), ['authn_token_rotated'])
  clock.now += 60_000
  t.match(await refusalOf(auth.rotateToken(ada, token, origin())), { reason: 'REVOKED' })
  t.strictSame(await takeStored(), ['authn_token_reuse'])
  await auth.reportLeakedToken(personal.token, origin())
  t.strictSame(await takeStored(), ['token_reported'])
  await auth.setRole(id, 'ADMIN')
  t.strictSame(await takeStored(), ['user_role_changed'])
})

t.test('what a receiver does not take is posted again, under the same id', async (t) => {
  const elsewhere = await startReceiver(t)
  const failures: [
    what: string,
    answer: (response: ServerResponse, request: IncomingMessage) => void,
    error: RegExp,
  ][] = [
    ['refuses', (response) => response.writeHead(500).end('no'), /answered 500/],
    ['has no such path', (response) => response.writeHead(404).end(), /answered 404/],
    ['redirects', (response) => response.writeHead(307, { location: elsewhere.url }).end(), /answered 307/],
    ['hangs', () => {}, /timeout/],
    ['hangs in its answer', (response) => response.writeHead(500).write('so'), /answered 500/],
    ['vanishes', (_response, request) => request.socket.destroy(), /fetch failed/],
  ]
  for (const [what, fail, error] of failures) {
    const receiver = await startReceiver(t, (response, count, request) =>
      count <= 2 ? fail(response, request) : response.writeHead(200).end('thanks'),
    )
    const { auth, clock, troubles, secrets } = await openWithWebhook(t, { url: receiver.url })
    await auth.createUser({ username: 'ada', password })
    for (let attempt = 1; attempt <= 3; attempt++) {
      await auth.outbox.deliverDue()
      t.equal(receiver.received.length, attempt, what)
      await auth.outbox.deliverDue()
      t.equal(receiver.received.length, attempt, `${what}: not before its time`)
      clock.now += 60_000
    }
    t.match(
      troubles.map((trouble) => ({ message: String(trouble.error), givenUp: trouble.delivery?.givenUp })),
      [
        { message: error, givenUp: false },
        { message: error, givenUp: false },
      ],
      what,
    )
    const { received } = receiver
    t.equal(new Set(received.map(({ headers }) => headers['webhook-id'])).size, 1, what)
    t.equal(new Set(received.map(({ headers }) => headers['webhook-timestamp'])).size, 3, what)
    t.equal(new Set(received.map((one) => JSON.stringify(verify(one, secrets[0] as string)))).size, 1, what)
  }
  t.strictSame(elsewhere.received, [], 'nobody else got it')
})

t.test('a receiver that is not there is tried for a day', async (t) => {
  const receiver = await startReceiver(t)
  receiver.server.close()
  const { auth, clock, troubles } = await openWithWebhook(t, { url: receiver.url })
  await auth.createUser({ username: 'ada', password })
  await auth.outbox.deliverDue()
  clock.now += dayMs
  await auth.outbox.deliverDue()
  clock.now += dayMs
  await auth.outbox.deliverDue()
  t.match(
    troubles.map(({ delivery }) => delivery?.givenUp),
    [false, true],
  )
})

t.test('a receiver that says it is gone is not asked again', async (t) => {
  const receiver = await startReceiver(t, (response) => response.writeHead(410).end())
  const { auth, clock, troubles } = await openWithWebhook(t, { url: receiver.url })
  await auth.createUser({ username: 'ada', password })
  await auth.outbox.deliverDue()
  clock.now += dayMs
  await auth.outbox.deliverDue()
  t.equal(receiver.received.length, 1)
  t.match(troubles, [{ delivery: { kind: 'webhook', attempt: 1, givenUp: true } }])
})

t.test('an event that cannot be stored fails nothing, and is told of', async (t) => {
  const { auth, database, troubles } = await openWithWebhook(t, { url: 'http://127.0.0.1:9/' })
  await database.kysely.schema.alterTable('latchkey_outbox').renameTo('away').execute()
  t.match(await auth.createUser({ username: 'ada', password }), { username: 'ada' })
  t.match(troubles, [{ error: Error, delivery: undefined }])
})
