import { join } from 'node:path'
import SqliteDatabase from 'better-sqlite3'
import t, { type Test } from 'tap'
import { generateToken } from '../../src/auth/token-format.ts'
import type { AuthEventName } from '../../src/index.ts'
import { password, startApp } from '../support/app.ts'
import { findSecrets, secret } from '../support/log.ts'
import { startMailServer } from '../support/mail.ts'

type Field = 'user' | 'actor' | 'token' | 'place' | 'count' | 'detail'

/** What each record of an event says at least; a place is the address, the `User-Agent` and the request. */
const expected: Record<AuthEventName, readonly Field[]> = {
  authn_login_success: ['user', 'token', 'place'],
  authn_login_successafterfail: ['user', 'token', 'place'],
  authn_login_fail: ['user', 'place', 'count'],
  authn_login_fail_max: ['place'],
  authn_login_lock: ['user', 'place'],
  authn_password_change: ['user', 'place'],
  authn_password_change_fail: ['user', 'token', 'place'],
  authn_password_confirmed: ['user', 'token', 'place'],
  authn_password_reset_requested: ['user', 'place'],
  authn_password_reset: ['user', 'place', 'count'],
  authn_password_reset_fail: ['place'],
  authn_token_created: ['user', 'token', 'place'],
  authn_token_renewed: ['user', 'token', 'place'],
  authn_token_rotated: ['user', 'token', 'place'],
  authn_token_reuse: ['user', 'token', 'place'],
  authn_token_revoked: ['user', 'token', 'place'],
  authn_token_expired: ['user', 'token', 'place'],
  token_reported: ['user', 'token', 'place'],
  authz_fail: ['user', 'token', 'place', 'detail'],
  excess_rate_limit_exceeded: ['place'],
  email_verification_requested: ['user', 'token', 'place'],
  email_verified: ['user', 'place'],
  email_change_requested: ['user', 'token', 'place'],
  email_changed: ['user', 'place'],
  mail_sent: ['user', 'detail'],
  mail_failed: ['user', 'detail'],
  user_created: ['user', 'place'],
  user_updated: ['user', 'token', 'place'],
  user_disabled: ['user', 'actor', 'place'],
  user_enabled: ['user', 'actor', 'place'],
  user_role_changed: ['user', 'actor', 'place', 'detail'],
  user_deleted: ['user', 'actor', 'place'],
  users_imported: ['count'],
  tokens_imported: ['count'],
  sys_password_digest_unreadable: ['user', 'place'],
  sys_audit_lost: ['count'],
}

const minuteMs = 60_000
const dayMs = 86_400_000
const place = { address: '192.0.2.7', headers: { 'user-agent': 'a browser' } }
const another = 'another good password'

async function start(t: Test) {
  const mail = await startMailServer(t, {
    onRcptTo: ({ address }, _session, done) =>
      done(address.startsWith('nobody') ? Object.assign(new Error('no'), { responseCode: 550 }) : null),
  })
  const file = join(t.testdir(), 'latchkey.db')
  const app = await startApp(t, {
    ...mail.settings,
    databaseUrl: `sqlite:${file}`,
    rateLimitAccountFailures: 3,
    rateLimitLockAfter: 10,
    rateLimitBadTokens: 1,
    rateLimitAddressFailures: 1_000,
    tokenRenew: true,
    tokenTtl: '7d',
    tokenIdleTtl: 'off',
  })
  const { auth } = app.app.latchkey
  const root = await app.createUser({ username: 'root', role: 'ADMIN' })
  await auth.audit.flush()
  new SqliteDatabase(file).exec('delete from latchkey_audit_events').close() // what has no request
  const ask = async (query: string, variables: object = {}, token?: string) => {
    const { body } = await app.graphql(query, variables, { ...place, ...(token ? { token } : {}) })
    return body.data
  }
  const signIn = async (u: string, p = password): Promise<string> => {
    const query = 'mutation ($u: String!, $p: String!) { tokenAuth(username: $u, password: $p) { token } }'
    return secret((await ask(query, { u, p })).tokenAuth?.token ?? '')
  }
  /** The token of the next mail to an address that has a link. */
  const linkTo = async (email: string): Promise<string> => {
    const { token } = await mail.next(email)
    return token === '' ? linkTo(email) : token
  }
  return { ...app, auth, root, ask, signIn, linkTo, file }
}

t.test('each kind of event is recorded with who, where and what, and without a secret', async (t) => {
  const { auth, root, ask, signIn, linkTo, file, clock, graphql } = await start(t)
  const signUp =
    'mutation ($u: String!, $e: String, $p: String!) { signUp(username: $u, email: $e, password: $p) { id } }'
  const verify = 'mutation ($t: String!) { verifyEmail(token: $t) { email } }'
  const update =
    'mutation ($e: String, $u: String) { updateViewer(email: $e, username: $u) { pendingEmail } }'
  const change =
    'mutation ($c: String!, $n: String!) { changePassword(currentPassword: $c, newPassword: $n) { revokedTokens } }'
  const viewer = '{ viewer { id } }'

  const startedAt = clock.now

  // Mails and passwords.
  const { id } = (await ask(signUp, { u: 'ada', e: 'ada@example.org', p: password })).signUp
  let token = await signIn('ada')
  await ask('mutation { requestEmailVerification { requested } }', {}, token)
  await linkTo('ada@example.org') // of the sign-up, which the second one voids
  await ask(verify, { t: await linkTo('ada@example.org') })
  await ask(update, { e: 'countess@example.org' }, token)
  await ask(verify, { t: await linkTo('countess@example.org') })
  await ask(update, { u: 'countess' }, token)
  await ask('mutation ($p: String!) { confirmPassword(password: $p) { __typename } }', { p: password }, token)
  await ask(change, { c: 'not this one', n: another }, token)
  await ask(change, { c: password, n: another }, token)
  const reset =
    'mutation ($t: String!, $p: String!) { resetPassword(token: $t, newPassword: $p) { __typename } }'
  await ask('mutation { requestPasswordReset(username: "countess") { requested } }')
  await ask(reset, { t: await linkTo('countess@example.org'), p: password })
  await ask(reset, { t: 'not this one', p: password })
  await ask(signUp, { u: 'bob', e: 'nobody@example.org', p: password })

  // Tokens.
  token = await signIn('countess')
  const personal = await ask('mutation { createToken(name: "a script", scopes: []) { token } }', {}, token)
  const report = 'mutation ($t: String!) { reportLeakedToken(token: $t) { received } }'
  await ask(report, { t: secret(personal.createToken.token) })
  for (let day = 0; day < 8; day++) {
    clock.now += dayMs
    await ask(viewer, {}, token)
  }
  await ask('mutation { rotateToken { token } }', {}, token)
  clock.now += minuteMs
  await ask(viewer, {}, token)
  const idle = await signIn('countess')
  await ask('{ users { nodes { id } } }', {}, idle)
  clock.now += 8 * dayMs
  await ask(viewer, {}, idle)
  const unknown = generateToken('lk_')
  for (let count = 0; count < 3; count++) await graphql(viewer, null, { ...place, token: unknown })

  // Sign-ins that fail.
  await signIn('bob', 'not this one')
  await signIn('bob')
  for (let count = 0; count < 10; count++) {
    await signIn('bob', 'not this one')
    await signIn('bob', 'not this one')
    clock.now += 20 * minuteMs
  }
  new SqliteDatabase(file)
    .exec("update latchkey_users set password_digest = 'damaged' where username = 'bob'")
    .close()
  await signIn('bob')

  // Administration.
  const admin = await signIn(root.username)
  const made = await ask('mutation { createUser(username: "eve") { user { id } } }', {}, admin)
  for (const mutation of [
    'setUserActive(id: $id, active: false) { revokedTokens }',
    'setUserActive(id: $id, active: true) { revokedTokens }',
    'setUserRole(id: $id, role: ADMIN) { user { id } }',
    'deleteUser(id: $id) { deleted }',
  ])
    await ask(`mutation ($id: ID!) { ${mutation} }`, { id: made.createUser.user.id }, admin)

  // What no request does.
  const account = { id: '1', username: 'carl', email: null, password: null, active: true, superuser: false }
  const foreign = [
    { form: 'drf' as const, stored: '9944b09199c62bcf9418ad846dd0e4bbdfc6ee4b', expiresAt: null },
  ]
  const { take, finish } = auth.startImport({ dryRun: false, admins: false })
  await take([{ ...account, joinedAt: 0, lastSignInAt: null, tokens: foreign, otherTokens: {} }])
  finish()
  auth.report({ event: 'sys_audit_lost', count: 3 })
  await auth.outbox.deliverDue()

  await auth.audit.finish()
  const nodes = []
  for (let after: string | null = null; ; ) {
    const query = `query ($after: String) { auditEvents(first: 100, after: $after) {
      nodes { at event userId actorId tokenId address userAgent requestId count detail } pageInfo { hasNextPage endCursor } } }`
    const { auditEvents } = await ask(query, { after }, admin)
    nodes.push(...auditEvents.nodes)
    after = auditEvents.pageInfo.endCursor
    if (!auditEvents.pageInfo.hasNextPage) break
  }
  t.strictSame([...new Set(nodes.map(({ event }) => event))].sort(), Object.keys(expected).sort())
  t.ok(nodes.some(({ event, userId }) => event === 'authn_token_reuse' && userId === id))
  for (const node of nodes) {
    const says: Record<Field, boolean> = {
      user: node.userId !== null,
      actor: node.actorId === root.id,
      token: node.tokenId !== null,
      place: node.address === '192.0.2.7' && node.userAgent === 'a browser' && node.requestId !== null,
      count: node.count !== null,
      detail: node.detail !== null,
    }
    const missing = expected[node.event as AuthEventName].filter((field) => !says[field])
    t.strictSame(missing, [], node.event)
    const at = Date.parse(node.at)
    t.ok(at >= startedAt && at <= clock.now)
  }
  t.strictSame(findSecrets([JSON.stringify(nodes)]), [])
})
