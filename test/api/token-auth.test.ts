import t from 'tap'
import { password, startApp, type TestApp } from '../support/app.ts'

const tokenAuth = `mutation ($u: String!, $p: String!, $d: DeviceInput, $e: String) {
  tokenAuth(username: $u, password: $p, device: $d, expiresIn: $e) {
    token
    tokenInfo { id name device { id name platform } createdAt lastUsedAt lastUsedAddress userAgent expiresAt current }
    user { id username }
  }
}`
const whoAmI = '{ viewer { username } }'

async function isLive({ graphql }: TestApp, token: string): Promise<boolean> {
  return (await graphql(whoAmI, null, { token })).status === 200
}

t.test('signing in issues a token and tells what is known about it', async (t) => {
  const { createUser, graphql } = await startApp(t)
  const user = await createUser({ username: 'Ada' })
  const device = { id: 'phone-1', name: "Ada's phone", platform: 'ios' }
  const { status, body } = await graphql(
    tokenAuth,
    { u: 'Ada', p: password, d: device },
    { headers: { 'user-agent': 'Example/1.0 (\x07bell)' }, address: '192.0.2.1' },
  )
  t.equal(status, 200)
  t.match(body.data.tokenAuth.token, /^lk_[0-9A-Za-z]{49}$/)
  t.strictSame(body.data.tokenAuth.user, { id: user.id, username: 'Ada' })
  const { id, ...rest } = body.data.tokenAuth.tokenInfo
  t.match(id, /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-/)
  t.strictSame(rest, {
    name: "Ada's phone",
    device,
    createdAt: '2026-11-23T09:00:00.000Z',
    lastUsedAt: null,
    lastUsedAddress: '192.0.2.1',
    userAgent: 'Example/1.0 (?bell)',
    expiresAt: '2026-12-23T09:00:00.000Z',
    current: false,
  })
})

t.test('what is left out of the device is null, and the name is what is known', async (t) => {
  const { createUser, graphql } = await startApp(t)
  await createUser({ username: 'ada' })
  const nothing = { id: null, name: null, platform: null }
  const rows: [device: object | null | undefined, name: string, stored: object][] = [
    [undefined, 'Unnamed device', nothing],
    [null, 'Unnamed device', nothing],
    [{}, 'Unnamed device', nothing],
    [{ id: null, name: null, platform: null }, 'Unnamed device', nothing],
    [{ platform: 'ios' }, 'ios', { ...nothing, platform: 'ios' }],
    [{ name: ' Phone ' }, 'Phone', { ...nothing, name: 'Phone' }],
    [{ name: '👩‍💻 laptop' }, '👩‍💻 laptop', { ...nothing, name: '👩‍💻 laptop' }],
    [{ id: 'a'.repeat(100) }, 'Unnamed device', { ...nothing, id: 'a'.repeat(100) }],
  ]
  for (const [device, name, stored] of rows) {
    const { body } = await graphql(tokenAuth, { u: 'ada', p: password, d: device })
    t.match(body.data?.tokenAuth.tokenInfo, { name, device: stored }, JSON.stringify(device))
  }
})

t.test('a device that cannot be shown is refused, and costs no attempt', async (t) => {
  const { createUser, graphql } = await startApp(t, { rateLimitAccountFailures: 1 })
  await createUser({ username: 'ada' })
  const rows: [device: object, field: string, reason: string][] = [
    [{ id: '' }, 'device.id', 'LENGTH'],
    [{ id: 'a'.repeat(101) }, 'device.id', 'LENGTH'],
    [{ name: '' }, 'device.name', 'LENGTH'],
    [{ name: '   ' }, 'device.name', 'LENGTH'],
    [{ name: 'a'.repeat(101) }, 'device.name', 'LENGTH'],
    [{ name: 'a'.repeat(50_000) }, 'device.name', 'CHARACTERS'],
    [{ name: 'a\nb' }, 'device.name', 'CHARACTERS'],
    [{ name: 'a\u202eb' }, 'device.name', 'CHARACTERS'],
    [{ name: '\ud800' }, 'device.name', 'CHARACTERS'],
    [{ platform: '' }, 'device.platform', 'LENGTH'],
    [{ platform: 'a'.repeat(51) }, 'device.platform', 'LENGTH'],
    [{ platform: '\0' }, 'device.platform', 'CHARACTERS'],
  ]
  for (const [device, field, reason] of rows) {
    const { body } = await graphql(tokenAuth, { u: 'ada', p: 'wrong', d: device })
    t.match(
      body.errors,
      [{ extensions: { code: 'BAD_USER_INPUT', field, reason } }],
      JSON.stringify(device).slice(0, 50),
    )
  }
  t.match((await graphql(tokenAuth, { u: 'ada', p: password })).body, {
    data: { tokenAuth: { token: String } },
  })
})

t.test('the username and the email address sign in, in any form', async (t) => {
  const { createUser, graphql } = await startApp(t)
  const { id } = await createUser({ username: 'Ada Straße', email: 'Ada@Example.org' })
  for (const name of [
    'Ada Straße',
    'ada straße',
    'ADA STRASSE',
    ' Ada Straße ',
    'Ａｄａ Ｓｔｒａｓｓｅ',
    'Ada@Example.org',
    'ada@example.org',
    'ADA@EXAMPLE.ORG',
    'ada＠example.org',
  ]) {
    const { body } = await graphql(tokenAuth, { u: name, p: password })
    t.equal(body.data.tokenAuth?.user.id, id, name)
  }
})

t.test('a password counts whole: its case, its blanks, its end; but not how it is composed', async (t) => {
  const settings = { rateLimitAccountFailures: 100, rateLimitAddressFailures: 100 }
  const { createUser, graphql } = await startApp(t, settings)
  const right = `  Zürich ${'x'.repeat(80)}\0 end `
  await createUser({ username: 'ada', password: right })
  const rows: [name: string, given: string, accepted: boolean][] = [
    ['as it is', right, true],
    ['decomposed', right.normalize('NFD'), true],
    ['trimmed', right.trim(), false],
    ['in other letters', right.toLowerCase(), false],
    ['up to the NUL', right.slice(0, right.indexOf('\0')), false],
    ['the first 72 characters', right.slice(0, 72), false],
    ['with something behind it', `${right}x`, false],
    ['full-width', right.replace('Z', 'Ｚ'), false],
  ]
  for (const [name, given, accepted] of rows) {
    t.equal((await graphql(tokenAuth, { u: 'ada', p: given })).body.data.tokenAuth !== null, accepted, name)
  }
})

t.test('unknown user, wrong password, disabled and password-less account get one answer', async (t) => {
  const { app, createUser, graphql } = await startApp(t)
  await createUser({ username: 'ada' })
  const disabled = await createUser({ username: 'bob' })
  await app.latchkey.auth.setActive(disabled.id, false)
  await app.latchkey.auth.createUser({ username: 'carol', password: null })
  const answers: string[] = []
  for (const [u, p] of [
    ['nobody', password],
    ['ada', 'wrong'],
    ['ada', ''],
    ['bob', password],
    ['bob', 'wrong'],
    ['carol', password],
    ['carol', ''],
  ]) {
    const answer = await graphql(tokenAuth, { u, p })
    const { 'x-request-id': _id, date: _date, ...headers } = answer.headers
    answers.push(JSON.stringify({ status: answer.status, headers, body: answer.body }))
  }
  t.equal(new Set(answers).size, 1)
  t.match(JSON.parse(answers[0] ?? ''), {
    status: 401,
    headers: { 'www-authenticate': 'Token realm="latchkey"' },
    body: {
      data: { tokenAuth: null },
      errors: [
        {
          message: 'Wrong username or password.',
          path: ['tokenAuth'],
          extensions: { code: 'UNAUTHENTICATED', reason: 'CREDENTIALS' },
        },
      ],
    },
  })
})

t.test('a device that signs in again gives up its former token, and no other one', async (t) => {
  const app = await startApp(t)
  const [ada, bob] = [await app.createUser(), await app.createUser()]
  const first = await app.signIn(ada, { id: 'phone' })
  const others = [
    await app.signIn(ada, { id: 'laptop' }),
    await app.signIn(ada, { id: 'Phone' }),
    await app.signIn(ada, { name: 'phone' }),
    await app.signIn(ada),
    await app.signIn(bob, { id: 'phone' }),
  ]
  const second = await app.signIn(ada, { id: 'phone' })
  t.match(await app.graphql(whoAmI, null, { token: first }), {
    body: { errors: [{ extensions: { reason: 'REVOKED' } }] },
  })
  for (const token of [second, ...others]) t.ok(await isLive(app, token))
  await app.graphql(tokenAuth, { u: ada.username, p: 'wrong', d: { id: 'phone' } })
  t.ok(await isLive(app, second), 'a failed sign-in ends nothing')
})

t.test('a token of the same user that is sent along is replaced; another user’s is not', async (t) => {
  const app = await startApp(t)
  const [ada, bob] = [await app.createUser(), await app.createUser()]
  const [old, other, bobs] = [await app.signIn(ada), await app.signIn(ada), await app.signIn(bob)]
  const signIn = (token: string): ReturnType<TestApp['graphql']> =>
    app.graphql(tokenAuth, { u: ada.username, p: password }, { token })
  const { body } = await signIn(old)
  t.notOk(await isLive(app, old))
  t.ok(await isLive(app, body.data.tokenAuth.token))
  t.ok(await isLive(app, other))
  t.equal((await signIn(bobs)).status, 200)
  t.ok(await isLive(app, bobs))
  t.equal((await app.graphql(tokenAuth, { u: ada.username, p: 'wrong' }, { token: other })).status, 401)
  t.ok(await isLive(app, other), 'a failed sign-in ends nothing')
})

t.test('expiresIn only shortens the life of the token', async (t) => {
  const app = await startApp(t, { tokenTtl: '12h' })
  await app.createUser({ username: 'ada' })
  const rows: [expiresIn: string | null, expiresAt: string][] = [
    [null, '2026-11-23T21:00:00.000Z'],
    ['1s', '2026-11-23T09:00:01.000Z'],
    ['90s', '2026-11-23T09:01:30.000Z'],
    ['15m', '2026-11-23T09:15:00.000Z'],
    ['1h', '2026-11-23T10:00:00.000Z'],
    ['12h', '2026-11-23T21:00:00.000Z'],
    ['13h', '2026-11-23T21:00:00.000Z'],
    ['30d', '2026-11-23T21:00:00.000Z'],
    ['999999999d', '2026-11-23T21:00:00.000Z'],
  ]
  for (const [e, expiresAt] of rows) {
    const { body } = await app.graphql(tokenAuth, { u: 'ada', p: password, e })
    t.equal(body.data.tokenAuth.tokenInfo.expiresAt, expiresAt, String(e))
  }
  for (const e of [
    '',
    '0s',
    '0',
    '10',
    '-1h',
    '1.5h',
    '1w',
    '1H',
    ' 1h',
    '1h ',
    '999ms',
    'forever',
    '9999999999d',
    '1h\0',
  ]) {
    const { body } = await app.graphql(tokenAuth, { u: 'ada', p: 'wrong', e })
    t.match(
      body.errors,
      [{ extensions: { code: 'BAD_USER_INPUT', field: 'expiresIn', reason: 'DURATION' } }],
      JSON.stringify(e),
    )
  }
})

t.test('a token works up to the millisecond before its expiry', async (t) => {
  const app = await startApp(t)
  await app.createUser({ username: 'ada' })
  const { body } = await app.graphql(tokenAuth, { u: 'ada', p: password, e: '15m' })
  const { token } = body.data.tokenAuth
  app.clock.now += 15 * 60_000 - 1
  t.ok(await isLive(app, token))
  app.clock.now += 1
  t.match(await app.graphql(whoAmI, null, { token }), {
    body: { errors: [{ extensions: { reason: 'EXPIRED' } }] },
  })
})

t.test('TOKEN_LIMIT ends the least recently used token, or denies one more', async (t) => {
  const evicting = await startApp(t, { tokenLimit: 2 })
  const user = await evicting.createUser()
  const [one, two] = [await evicting.signIn(user), await evicting.signIn(user)]
  evicting.clock.now += 1_000
  t.ok(await isLive(evicting, one))
  await evicting.app.latchkey.auth.flush()
  const three = await evicting.signIn(user)
  t.ok(await isLive(evicting, one))
  t.notOk(await isLive(evicting, two))
  t.ok(await isLive(evicting, three))

  const denying = await startApp(t, { tokenLimit: 1, tokenLimitPolicy: 'deny' })
  const other = await denying.createUser()
  const only = await denying.signIn(other, { id: 'phone' })
  t.match(await denying.graphql(tokenAuth, { u: other.username, p: password }), {
    status: 200,
    body: { errors: [{ extensions: { code: 'CONFLICT', reason: 'TOKEN_LIMIT' } }] },
  })
  t.ok(await isLive(denying, only))
  t.ok(await denying.signIn(other, { id: 'phone' }), 'the same device may sign in again')
})
