import Fastify from 'fastify'
import t, { type Test } from 'tap'
import latchkey, { requireUser } from '../../src/index.ts'
import { password } from '../support/app.ts'
import { dayMs } from '../support/domain.ts'
import { collectLog, noteSecrets, secret } from '../support/log.ts'
import { startMailServer } from '../support/mail.ts'

const email = 'ada@example.org'
const graceMs = 30_000

/** An application with a route of its own beside the API, and the same for both. */
async function startApplication(t: Test, tokenCache: string) {
  const clock = { now: Date.parse('2026-11-23T09:00:00.000Z') }
  const app = Fastify({ logger: { level: 'trace', stream: collectLog() } })
  t.teardown(() => app.close())
  // A file: in memory there is no cache.
  const databaseUrl = `sqlite:${t.testdir()}/app.db`
  const mail = await startMailServer(t)
  await app.register(latchkey, {
    ...mail.settings,
    databaseUrl,
    tokenCache,
    tokenTtl: '7d',
    tokenIdleTtl: '5d',
    tokenLimit: 3,
    clock: () => clock.now,
  })
  app.get('/me', { preHandler: app.latchkey.preHandler }, (request) => requireUser(request).user.username)
  await app.ready()

  async function graphql(query: string, variables: object, token?: string) {
    noteSecrets({ query, variables, authorization: token })
    const headers = token === undefined ? {} : { authorization: `Token ${token}` }
    const response = await app.inject({
      method: 'POST',
      url: '/graphql',
      headers,
      payload: { query, variables },
    })
    const { data, errors } = response.json()
    return { data, reason: errors?.[0].extensions.reason ?? null }
  }
  async function signIn(device = {}): Promise<string> {
    const mutation =
      'mutation ($password: String!, $device: DeviceInput) { tokenAuth(username: "ada", password: $password, device: $device) { token } }'
    return secret((await graphql(mutation, { password, device })).data.tokenAuth.token)
  }
  async function rotate(token: string): Promise<string> {
    return secret((await graphql('mutation { rotateToken { token } }', {}, token)).data.rotateToken.token)
  }
  /** What both paths say of a token; null for its user. */
  async function judge(token: string) {
    const route = await app.inject({ url: '/me', headers: { authorization: `Token ${token}` } })
    const { reason } = await graphql('{ viewer { username } }', {}, token)
    return { field: reason, route: route.statusCode === 200 ? null : route.json().message }
  }
  const { id } = await app.latchkey.auth.createUser({ username: 'ada', email, password })
  return { auth: app.latchkey.auth, clock, id, mail, graphql, signIn, rotate, judge }
}

type Application = Awaited<ReturnType<typeof startApplication>>

const live = { field: null, route: null }
const revoked = { field: 'REVOKED', route: 'Token has been revoked.' }
const expired = { field: 'EXPIRED', route: 'Token has expired.' }
const inactive = { field: 'INACTIVE', route: 'User inactive or deleted.' }

const ends: [what: string, end: (app: Application, token: string) => Promise<unknown>, after: object][] = [
  [
    'revoked by its owner',
    ({ graphql }, token) => graphql('mutation { revokeToken { revoked } }', {}, token),
    revoked,
  ],
  [
    'revoked with all others',
    async ({ graphql, signIn }) => graphql('mutation { revokeOtherTokens { count } }', {}, await signIn()),
    revoked,
  ],
  ['revoked by the operator', ({ auth, id }) => auth.endTokens(id), revoked],
  [
    'reported as leaked',
    ({ graphql }, token) =>
      graphql('mutation ($token: String!) { reportLeakedToken(token: $token) { received } }', { token }),
    revoked,
  ],
  ['replaced on its device', ({ signIn }) => signIn({ id: 'phone' }), revoked],
  [
    'evicted by the limit',
    async ({ signIn, clock }) => {
      for (let count = 0; count < 3; count++) {
        clock.now += 60_000
        await signIn()
      }
    },
    revoked,
  ],
  [
    'ended by a change of the password',
    async ({ graphql, signIn }) => {
      const change =
        'mutation ($old: String!, $new: String!) { changePassword(currentPassword: $old, newPassword: $new) { revokedTokens } }'
      const passwords = { old: password, new: secret('another good password') }
      t.match(await graphql(change, passwords, await signIn()), { reason: null })
    },
    revoked,
  ],
  [
    'ended by a password of the operator',
    async ({ auth }) =>
      auth.setPassword((await auth.findUser('ada')) as never, secret('another good password')),
    revoked,
  ],
  [
    'ended by a password set with a mail',
    async ({ graphql, mail }) => {
      const ask = 'mutation ($email: String!) { requestPasswordReset(username: $email) { requested } }'
      t.match(await graphql(ask, { email }), { reason: null })
      const { token } = await mail.next(email)
      const reset =
        'mutation ($token: String!, $new: String!) { resetPassword(token: $token, newPassword: $new) { revokedTokens } }'
      const { data } = await graphql(reset, { token, new: secret('another good password') })
      t.strictSame(data, { resetPassword: { revokedTokens: 1 } })
    },
    revoked,
  ],
  [
    'rotated, past the grace of that',
    async ({ rotate, judge, clock }, token) => {
      const next = await rotate(token)
      clock.now += graceMs - 1
      t.strictSame(await judge(token), live)
      t.strictSame(await judge(next), live)
      clock.now += 1
    },
    revoked,
  ],
  [
    'rotated twice and shown again, which ends what followed',
    async ({ rotate, judge, clock }, token) => {
      const newest = await rotate(await rotate(token))
      clock.now += graceMs
      t.strictSame(await judge(newest), live)
      t.strictSame(await judge(token), revoked)
      t.strictSame(await judge(newest), revoked)
    },
    revoked,
  ],
  [
    'past its expiry, though it was used',
    async ({ clock, judge }, token) => {
      clock.now += 4 * dayMs
      t.strictSame(await judge(token), live)
      clock.now += 3 * dayMs
    },
    expired,
  ],
  [
    'idle',
    async ({ clock }) => {
      clock.now += 5 * dayMs
    },
    expired,
  ],
  ['of a disabled account', ({ auth, id }) => auth.setActive(id, false), inactive],
  [
    'of an account that is enabled again',
    async ({ auth, id }) => {
      await auth.setActive(id, false)
      await auth.setActive(id, true)
    },
    revoked,
  ],
  ['of a deleted account', ({ auth, id }) => auth.deleteUser(id), inactive],
]

for (const [cache, tokenCache] of [
  ['out of memory', '100'],
  ['by a look-up each time', 'off'],
] as const) {
  for (const [what, end, after] of ends) {
    t.test(`a token is refused on every path once it is ${what}, ${cache}`, async (t) => {
      const app = await startApplication(t, tokenCache)
      const token = await app.signIn({ id: 'phone' })
      t.strictSame(await app.judge(token), live)
      t.strictSame(await app.judge(token), live, 'the second time out of memory, if there is one')
      await end(app, token)
      t.strictSame(await app.judge(token), after)
      t.strictSame(await app.judge(token), after)
    })
  }
}
