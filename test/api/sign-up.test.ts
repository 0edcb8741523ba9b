import { join } from 'node:path'
import t from 'tap'
import { password, startApp, type TestApp } from '../support/app.ts'
import { freshDatabase, isOnPostgres } from '../support/database.ts'

const signUp =
  'mutation ($u: String!, $p: String!, $e: String) { signUp(username: $u, password: $p, email: $e) { id username } }'
const settings = { rateLimitAddressFailures: 1_000, rateLimitSignUps: 'off' }

/** Signs up and tells the username that was stored, or `code/reason/field`. */
async function outcome({ graphql }: TestApp, u: string, p = password, e?: string | null): Promise<string> {
  const { body } = await graphql(signUp, { u, p, e })
  if (body.errors === undefined) return body.data.signUp.username
  const { code, reason, field } = body.errors[0].extensions
  return [code, reason, field].join('/')
}

t.test('whoever signs up can sign in, and is a USER', async (t) => {
  const { graphql, signIn } = await startApp(t)
  const { status, body } = await graphql(signUp, { u: 'Ada', p: password, e: 'ada@example.org' })
  t.equal(status, 200)
  t.match(body, { data: { signUp: { username: 'Ada', id: /^[0-9a-f-]{36}$/ } } })
  const token = await signIn({ username: 'ada', password })
  const viewer = await graphql('{ viewer { id username email role createdAt lastSignInAt } }', null, {
    token,
  })
  t.strictSame(viewer.body.data.viewer, {
    id: body.data.signUp.id,
    username: 'Ada',
    email: 'ada@example.org',
    role: 'USER',
    createdAt: '2026-11-23T09:00:00.000Z',
    lastSignInAt: '2026-11-23T09:00:00.000Z',
  })
})

t.test('SIGN_UP=closed refuses everybody, whatever is sent', async (t) => {
  const app = await startApp(t, { signUp: 'closed' })
  const existing = await app.createUser({ email: 'taken@example.org' })
  for (const [u, p, e] of [
    ['grace', password, null],
    [existing.username, password, null],
    ['grace', 'x', 'no address'],
    ['', '', 'taken@example.org'],
  ] as const) {
    t.match(await app.graphql(signUp, { u, p, e }), {
      status: 403,
      body: { data: { signUp: null }, errors: [{ extensions: { code: 'FORBIDDEN', reason: 'DISABLED' } }] },
    })
  }
  t.equal((await app.graphql('{ serverInfo { signUp } }')).body.data.serverInfo.signUp, 'CLOSED')
})

t.test('a name is taken in each of its forms, as a username and as an email address', async (t) => {
  const app = await startApp(t, settings)
  t.equal(await outcome(app, 'Ada Lovelace', password, 'Ada@Example.org'), 'Ada Lovelace')
  t.equal(await outcome(app, 'straße'), 'straße')
  t.equal(await outcome(app, 'grace@example.org', password, 'grace@example.org'), 'grace@example.org')
  const rows: [username: string, email: string | undefined, taken: string][] = [
    ['Ada Lovelace', undefined, 'username'],
    ['ada lovelace', undefined, 'username'],
    ['ADA LOVELACE', undefined, 'username'],
    ['  Ada Lovelace ', undefined, 'username'],
    ['Ａｄａ　Ｌｏｖｅｌａｃｅ', undefined, 'username'],
    ['STRASSE', undefined, 'username'],
    ['strasse', undefined, 'username'],
    ['STRAẞE', undefined, 'username'],
    ['somebody', 'ada@example.org', 'email'],
    ['somebody', 'ADA@EXAMPLE.ORG', 'email'],
    ['somebody', ' ada@example.org ', 'email'],
    ['somebody', 'grace@example.org', 'email'],
    ['ada@example.org', 'ada@example.org', 'username'],
  ]
  for (const [username, email, taken] of rows) {
    t.equal(await outcome(app, username, password, email), `CONFLICT/TAKEN/${taken}`, `${username}, ${email}`)
  }
})

t.test('a username has 1 to 150 characters that can be seen', async (t) => {
  const app = await startApp(t, settings)
  const rows: [name: string, username: string, expected: string][] = [
    ['one letter', 'a', 'a'],
    ['150 letters', 'b'.repeat(150), 'b'.repeat(150)],
    ['151 letters', 'b'.repeat(151), 'BAD_USER_INPUT/LENGTH/username'],
    ['150 characters of two code units', '𝔸'.repeat(150), 'A'.repeat(150)],
    ['what is longer than 150 once it is compatible', '㎏'.repeat(76), 'BAD_USER_INPUT/LENGTH/username'],
    ['very many', 'c'.repeat(50_000), 'BAD_USER_INPUT/ILL_FORMED/username'],
    ['nothing', '', 'BAD_USER_INPUT/LENGTH/username'],
    ['blanks', ' \u3000 ', 'BAD_USER_INPUT/LENGTH/username'],
    ['blanks around', '  dora ', 'dora'],
    ['a blank inside', 'eve adams', 'eve adams'],
    ['letters of other scripts', 'Đorđe Ђорђевић 山田', 'Đorđe Ђорђевић 山田'],
    ['a ligature, which is its letters', 'ﬁona', 'fiona'],
    ['full-width letters, which are letters', 'Ｆｒｉｄａ', 'Frida'],
    ['a decomposed accent, which is composed', 'Ame\u0301lie', 'Am\u00e9lie'],
    ['emoji', '🦊', '🦊'],
    ['quotes and semicolons', `o'brien"; drop table users; --`, `o'brien"; drop table users; --`],
    ['a prototype name', '__proto__', '__proto__'],
    ['a lone surrogate', 'a\ud800', 'BAD_USER_INPUT/ILL_FORMED/username'],
    ['the wrong half of a pair first', '\udc00\ud800', 'BAD_USER_INPUT/ILL_FORMED/username'],
    ['NUL', 'a\0b', 'BAD_USER_INPUT/CHARACTERS/username'],
    ['a line break', 'a\nb', 'BAD_USER_INPUT/CHARACTERS/username'],
    ['a tab', 'a\tb', 'BAD_USER_INPUT/CHARACTERS/username'],
    ['an escape', 'a\u001b[2Jb', 'BAD_USER_INPUT/CHARACTERS/username'],
    ['a C1 control', 'a\u0085b', 'BAD_USER_INPUT/CHARACTERS/username'],
    ['a zero-width space', 'a\u200bb', 'BAD_USER_INPUT/CHARACTERS/username'],
    ['a zero-width joiner', 'a\u200db', 'BAD_USER_INPUT/CHARACTERS/username'],
    ['a byte order mark', 'a\ufeffb', 'BAD_USER_INPUT/CHARACTERS/username'],
    ['a soft hyphen', 'a\u00adb', 'BAD_USER_INPUT/CHARACTERS/username'],
    ['text turned round', 'a\u202eb', 'BAD_USER_INPUT/CHARACTERS/username'],
    ['text turned round, isolated', 'a\u2066b', 'BAD_USER_INPUT/CHARACTERS/username'],
    ['a line separator', 'a\u2028b', 'BAD_USER_INPUT/CHARACTERS/username'],
    ['a private character', 'a\ue000b', 'BAD_USER_INPUT/CHARACTERS/username'],
    ['an unassigned character', 'a\u0378b', 'BAD_USER_INPUT/CHARACTERS/username'],
  ]
  for (const [name, username, expected] of rows) t.equal(await outcome(app, username), expected, name)
})

t.test('a username with an @ is the account’s own email address, or refused', async (t) => {
  const app = await startApp(t, settings)
  const refused = 'BAD_USER_INPUT/NOT_YOUR_EMAIL/username'
  const rows: [username: string, email: string | undefined, expected: string][] = [
    ['a@example.org', undefined, refused],
    ['a@example.org', 'b@example.org', refused],
    ['@', undefined, refused],
    ['a＠example.org', undefined, refused],
    ['a﹫example.org', undefined, refused],
    ['a@example.org', 'a@example.org', 'a@example.org'],
    ['B@Example.org', 'b@example.ORG', 'B@Example.org'],
    ['c＠example.org', 'c@example.org', 'c@example.org'],
  ]
  for (const [username, email, expected] of rows) {
    t.equal(await outcome(app, username, password, email), expected, `${username}, ${email}`)
  }
})

t.test('an email address has one @ with something on both sides, and a dot behind it', async (t) => {
  const app = await startApp(t, settings)
  let count = 0
  for (const email of [
    'a@b.c',
    'first.last+tag@sub.example.org',
    'ünïcode@exämple.org',
    `${'a'.repeat(64)}@example.org`,
    ' blanks.around@example.org ',
  ]) {
    t.equal(await outcome(app, `ok${++count}`, password, email), `ok${count}`, email)
  }
  for (const email of [
    '',
    'a',
    '@',
    'a@',
    '@b.c',
    'a@b',
    'a@b.',
    'a@.b',
    'a@b..c',
    'a@@b.c',
    'a@b@c.d',
    'a b@c.d',
    'a@b c.d',
    'a@b.c\n',
    '"quoted"@example.org',
    '<a@b.c>',
    'a\0@b.c',
    'a\u200b@b.c',
    'a\u202e@b.c',
    'a\ud800@b.c',
    `${'a'.repeat(65)}@example.org`,
    `a@${'b'.repeat(251)}.c`,
    `a@${'b.'.repeat(40_000)}c`,
  ]) {
    const expected = email === 'a@b.c\n' ? 'CONFLICT/TAKEN/email' : 'BAD_USER_INPUT/EMAIL/email'
    t.equal(await outcome(app, 'somebody', password, email), expected, JSON.stringify(email).slice(0, 40))
  }
  t.equal(await outcome(app, 'without', password, null), 'without')
  t.equal(await outcome(app, 'without too'), 'without too')
})

t.test('a password is long enough, not a common one, and does not hold the name', async (t) => {
  const app = await startApp(t, settings)
  let count = 0
  const ask = (p: string, u?: string, e?: string): Promise<string> =>
    outcome(app, u ?? `name${++count}`, p, e)
  const tooShort = 'BAD_USER_INPUT/TOO_SHORT/password'
  const tooLong = 'BAD_USER_INPUT/TOO_LONG/password'
  const tooCommon = 'BAD_USER_INPUT/TOO_COMMON/password'
  const withName = 'BAD_USER_INPUT/CONTAINS_NAME/password'
  const rows: [
    name: string,
    password: string,
    expected: string | RegExp,
    username?: string,
    email?: string,
  ][] = [
    ['nothing', '', tooShort],
    ['7 characters', 'zq7!xvb', tooShort],
    ['8 characters', 'zq7!xvbm', /^name/],
    ['7 characters of two code units', '🦊'.repeat(7), tooShort],
    ['8 characters of two code units', '🦊🐻🐼🐨🐯🦁🐮🐷', /^name/],
    ['7 characters once composed', 'zq7!xve\u0301', tooShort],
    ['1,024 characters', `${'x1!'.repeat(341)}y`, /^name/],
    ['1,025 characters', `${'x1!'.repeat(341)}yz`, tooLong],
    ['1,024 characters of four bytes', `${'🦊'.repeat(1_023)}🐻`, /^name/],
    ['1,025 characters of four bytes', '🦊'.repeat(1_025), tooLong],
    ['blanks, which count', '  zq7!xv  ', /^name/],
    ['NUL, which counts', 'zq7!xvb\0', /^name/],
    ['a lone surrogate', 'zq7!xvbm\ud800', 'BAD_USER_INPUT/ILL_FORMED/password'],
    ['a common one', 'password', tooCommon],
    ['a common one in capitals', 'PASSWORD', tooCommon],
    ['another common one', '12345678', tooCommon],
    ['the username', 'grace hopper', withName, 'grace hopper'],
    ['the username inside, in other letters', 'xxGRACE HOPPERxx', withName, 'grace hopper'],
    ['the username in its compatible form', 'xxfionaxx', withName, 'ﬁona'],
    ['the local part of the email address', 'xxcobolxx', withName, 'grace', 'Cobol@example.org'],
    ['the service’s name', 'my LatchKey 1', withName],
    ['a name of two letters, which does not count', 'xxalxx zq7', 'al', 'al'],
  ]
  for (const [name, given, expected, username, email] of rows) {
    const found = await ask(given, username, email)
    if (typeof expected === 'string') t.equal(found, expected, name)
    else t.match(found, expected, name)
  }
})

t.test('PASSWORD_MIN_LENGTH sets the least length', async (t) => {
  const app = await startApp(t, { ...settings, passwordMinLength: 15 })
  t.equal(await outcome(app, 'grace', 'zq7!xvbmzq7!xv'), 'BAD_USER_INPUT/TOO_SHORT/password')
  t.equal(await outcome(app, 'grace', 'zq7!xvbmzq7!xvb'), 'grace')
  t.equal(
    (await app.graphql('{ serverInfo { passwordMinLength } }')).body.data.serverInfo.passwordMinLength,
    15,
  )
})

t.test('a refused sign-up leaves no account behind', async (t) => {
  const app = await startApp(t, settings)
  t.equal(await outcome(app, 'grace', 'short'), 'BAD_USER_INPUT/TOO_SHORT/password')
  t.equal(await outcome(app, 'grace', password, 'no address'), 'BAD_USER_INPUT/EMAIL/email')
  t.equal(await outcome(app, 'ada', password, 'ada@example.org'), 'ada')
  t.equal(await outcome(app, 'grace', password, 'ada@example.org'), 'CONFLICT/TAKEN/email')
  t.equal(await app.app.latchkey.auth.findUser('grace'), undefined)
  t.equal(await outcome(app, 'grace'), 'grace')
})

t.test('of many sign-ups at once for one name, one succeeds', async (t) => {
  const app = await startApp(t, settings)
  const outcomes = await Promise.all(
    ['grace', 'Grace', 'GRACE', 'ｇｒａｃｅ', ' grace'].map((name) => outcome(app, name)),
  )
  t.equal(outcomes.filter((one) => /^grace$/i.test(one)).length, 1)
  t.equal(outcomes.filter((one) => one === 'CONFLICT/TAKEN/username').length, 4)
})

t.test('whoever tries names out runs into the limit of the address', async (t) => {
  const app = await startApp(t, { rateLimitAddressFailures: 3 })
  t.equal(await outcome(app, 'ada'), 'ada')
  for (let time = 0; time < 3; time++) t.equal(await outcome(app, 'ada'), 'CONFLICT/TAKEN/username')
  t.match(await app.graphql(signUp, { u: 'ada', p: password }), {
    status: 429,
    headers: { 'retry-after': /^\d+$/ },
    body: { errors: [{ extensions: { code: 'RATE_LIMITED', reason: 'CREDENTIALS' } }] },
  })
  const eve = await app.createUser({ email: 'eve@example.org' })
  app.clock.now += 60_000
  const token = await app.signIn(eve)
  const update =
    'mutation ($u: String, $e: String) { updateViewer(username: $u, email: $e) { user { email } } }'
  for (let time = 0; time < 3; time++) await app.graphql(update, { u: 'ada' }, { token })
  t.match(await app.graphql(update, { u: 'ada' }, { token }), { status: 429 })
  t.match((await app.graphql(update, { e: null }, { token })).body.data, {
    updateViewer: { user: { email: null } },
  })
})

t.test(
  'an address makes so many accounts an hour, however many ask at once, and on any process',
  async (t) => {
    const databaseUrl = isOnPostgres ? await freshDatabase(t) : `sqlite:${join(t.testdir(), 'shared.db')}`
    const options = { rateLimitAddressFailures: 1_000, rateLimitSignUps: 3, databaseUrl }
    const [one, two] = [await startApp(t, options), await startApp(t, options)]
    const from = (app: TestApp, u: string, address: string, p = password) =>
      app.graphql(signUp, { u, p }, { address })
    const home = '2001:db8:1:2::'
    // What makes no account counts as none.
    t.match(await from(one, 'ada', `${home}1`, 'short'), { body: { data: { signUp: null } } })
    t.match(await from(one, 'ada', `${home}1`), { body: { data: { signUp: { username: 'ada' } } } })
    t.match(await from(two, 'ada', `${home}2`), { body: { errors: [{ extensions: { code: 'CONFLICT' } }] } })
    one.clock.now += 60_000
    two.clock.now += 60_000
    const crowd = await Promise.all(
      Array.from({ length: 10 }, (_, n) => from(n % 2 === 0 ? one : two, `user-${n}`, `${home}${n}`)),
    )
    t.equal(crowd.filter(({ status }) => status === 200).length, 2)
    const refused = { code: 'RATE_LIMITED', reason: 'REQUESTS', retryAfter: 3_540 }
    for (const answer of crowd.filter(({ status }) => status !== 200)) {
      t.match(answer, {
        status: 429,
        headers: { 'retry-after': '3540' },
        body: { errors: [{ extensions: refused }] },
      })
    }
    t.match(await from(two, 'neighbour', '2001:db8:1:3::1'), { status: 200 }, 'another /64')
    await one.createUser({ username: 'of the operator' })
    one.clock.now += 59 * 60_000
    t.match(await from(one, 'later', `${home}1`), { status: 200 })
  },
)

t.test('what administrators create is no sign-up', async (t) => {
  const { graphql, createUser, signIn } = await startApp(t, { rateLimitSignUps: 1 })
  const token = await signIn(await createUser({ role: 'ADMIN' }))
  for (const u of ['ada', 'grace', 'eve']) {
    const create = 'mutation ($u: String!) { createUser(username: $u) { user { username } } }'
    t.match((await graphql(create, { u }, { token })).body.data, { createUser: { user: { username: u } } })
  }
  t.match(await graphql(signUp, { u: 'first', p: password }), { status: 200 })
  t.match(await graphql(signUp, { u: 'second', p: password }), { status: 429 })
})
