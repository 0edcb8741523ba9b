import SqliteDatabase from 'better-sqlite3'
import { Kysely, SqliteDialect } from 'kysely'
import t, { type Test } from 'tap'
import type { SettingsInput } from '../../src/config.ts'
import { startApp } from '../support/app.ts'
import { jsonHeaders, type RawAnswer, rawPost, sendRaw } from './raw.ts'

const query = JSON.stringify({ query: '{ viewer { username } }' })
const missing = 'Authentication credentials were not provided.'
const unknown = 'lk_0000000000000000000000000000000000000000000000000'

/** An app that listens, with a user's token and a way to ask who one is with any header lines. */
async function startServer(t: Test, settings: SettingsInput = {}) {
  const server = await startApp(t, { listen: true, ...settings })
  const user = await server.createUser()
  async function ask(...lines: string[]): Promise<RawAnswer & { json: ReturnType<typeof JSON.parse> }> {
    const [head, body] = rawPost([...lines, ...jsonHeaders(query)], query)
    const answer = await sendRaw(server.url, Buffer.from(head, 'latin1'), body)
    return { ...answer, json: answer.body.startsWith('{') ? JSON.parse(answer.body) : null }
  }
  return { ...server, user, ask, refused: (...lines: string[]) => ask(...lines).then(toRefusal) }
}

/** What a protected field told, for one comparison per row. */
function toRefusal({ status, headers, json }: Awaited<ReturnType<typeof Object>>): unknown[] {
  const [error] = json?.errors ?? []
  return [status, error?.extensions?.reason, error?.message, headers['www-authenticate']]
}

const challenges: Record<string, string> = {
  MISSING: 'Token realm="latchkey"',
  MALFORMED: 'Token realm="latchkey", error="invalid_request"',
  INVALID: 'Token realm="latchkey", error="invalid_token"',
  EXPIRED: 'Token realm="latchkey", error="invalid_token"',
  REVOKED: 'Token realm="latchkey", error="invalid_token"',
  INACTIVE: 'Token realm="latchkey", error="invalid_token"',
}

const malformed = 'Invalid token header.'
const withoutToken = 'Invalid token header. No credentials provided.'
const withBlanks = 'Invalid token header. Token string should not contain spaces.'
const withOddBytes = 'Invalid token header. Token string should not contain invalid characters.'
const expected = 'send "Authorization: Token <token>".'

t.test('each row of the header table has its reason, its message and its challenge', async (t) => {
  const { refused, signIn, user } = await startServer(t)
  const token = await signIn(user)
  const wrongChecksum = token.slice(0, -1) + (token.endsWith('0') ? '1' : '0')
  const rows: [string, string[], string, string][] = [
    ['no header', [], 'MISSING', missing],
    ['an empty header', ['Authorization:'], 'MISSING', missing],
    ['blanks alone', ['Authorization:  \t '], 'MISSING', missing],
    [
      'another scheme',
      ['Authorization: Bearer abc'],
      'MISSING',
      `${missing} The header has the scheme Bearer; ${expected}`,
    ],
    [
      'another scheme in other letters',
      ['Authorization: bASIC dXNlcjpwYXNzd29yZA=='],
      'MISSING',
      `${missing} The header has the scheme Basic; ${expected}`,
    ],
    [
      'a scheme that nobody knows',
      ['Authorization: Tokens abc'],
      'MISSING',
      `${missing} The header has another scheme; ${expected}`,
    ],
    [
      'a token without its scheme',
      [`Authorization: ${token}`],
      'MISSING',
      `${missing} The header has another scheme; ${expected}`,
    ],
    [
      'the scheme glued to the token',
      [`Authorization: Token:${token}`],
      'MISSING',
      `${missing} The header has another scheme; ${expected}`,
    ],
    [
      'a no-break space for a blank',
      [`Authorization: Token\xa0${token}`],
      'MISSING',
      `${missing} The header has another scheme; ${expected}`,
    ],
    [
      'the same header twice',
      [`Authorization: Token ${token}`, `Authorization: Token ${token}`],
      'MALFORMED',
      malformed,
    ],
    [
      'two headers in other letters',
      [`Authorization: Token ${token}`, `aUTHORIZATION: Token ${unknown}`],
      'MALFORMED',
      malformed,
    ],
    [
      'two headers of which the first is empty',
      ['Authorization:', `Authorization: Token ${token}`],
      'MALFORMED',
      malformed,
    ],
    [
      'two headers of which the first has another scheme',
      ['Authorization: Basic abc', `Authorization: Token ${token}`],
      'MALFORMED',
      malformed,
    ],
    ['513 bytes', [`Authorization: Token ${'a'.repeat(507)}`], 'MALFORMED', malformed],
    ['513 bytes of another scheme', [`Authorization: Basic ${'a'.repeat(507)}`], 'MALFORMED', malformed],
    ['8 KiB', [`Authorization: Token ${'a'.repeat(8_192)}`], 'MALFORMED', malformed],
    ['512 bytes', [`Authorization: Token ${'a'.repeat(506)}`], 'INVALID', 'Invalid token.'],
    ['the scheme alone', ['Authorization: Token'], 'MALFORMED', withoutToken],
    ['the scheme alone, in other letters', ['Authorization: tOKEN'], 'MALFORMED', withoutToken],
    ['the scheme and a blank', ['Authorization: Token '], 'MALFORMED', withoutToken],
    ['the scheme and a tab', ['Authorization: Token\t'], 'MALFORMED', withoutToken],
    ['a blank inside the token', ['Authorization: Token a b'], 'MALFORMED', withBlanks],
    ['a tab inside the token', ['Authorization: Token a\tb'], 'MALFORMED', withBlanks],
    ['a token and a word', [`Authorization: Token ${token} x`], 'MALFORMED', withBlanks],
    ['UTF-8 in the token', ['Authorization: Token \xc3\xa9'], 'MALFORMED', withOddBytes],
    ['byte 0x80 in the token', ['Authorization: Token a\x80b'], 'MALFORMED', withOddBytes],
    ['byte 0xff in the token', ['Authorization: Token \xff'], 'MALFORMED', withOddBytes],
    ['a no-break space in the token', ['Authorization: Token a\xa0b'], 'MALFORMED', withOddBytes],
    ['a word', ['Authorization: Token hello'], 'INVALID', 'Invalid token.'],
    ['two tokens with a comma', [`Authorization: Token ${token},${token}`], 'INVALID', 'Invalid token.'],
    ['a token in quotes', [`Authorization: Token "${token}"`], 'INVALID', 'Invalid token.'],
    ['a token without its prefix', [`Authorization: Token ${token.slice(3)}`], 'INVALID', 'Invalid token.'],
    ['a token with a wrong checksum', [`Authorization: Token ${wrongChecksum}`], 'INVALID', 'Invalid token.'],
    [
      'a token one character short',
      [`Authorization: Token ${token.slice(0, -1)}`],
      'INVALID',
      'Invalid token.',
    ],
    ['a token one character long', [`Authorization: Token ${token}0`], 'INVALID', 'Invalid token.'],
    ['a token in upper case', [`Authorization: Token ${token.toUpperCase()}`], 'INVALID', 'Invalid token.'],
  ]
  for (const [name, lines, reason, message] of rows) {
    t.strictSame(await refused(...lines), [401, reason, message, challenges[reason]], name)
  }
})

t.test('a token that its bearer holds whole says why it ended', async (t) => {
  const { app, clock, createUser, refused, signIn, graphql } = await startServer(t, {
    tokenIdleTtl: '2h',
    tokenTtl: '3h',
  })
  const ask = (token: string): Promise<unknown[]> => refused(`Authorization: Token ${token}`)

  const [ada, bob, eve] = [await createUser(), await createUser(), await createUser()]
  const revoked = await signIn(ada)
  await graphql('mutation { revokeToken { revoked } }', null, { token: revoked })
  t.strictSame(await ask(revoked), [401, 'REVOKED', 'Token has been revoked.', challenges.REVOKED])

  const ofDisabled = await signIn(bob)
  await app.latchkey.auth.setActive(bob.id, false)
  t.strictSame(await ask(ofDisabled), [401, 'INACTIVE', 'User inactive or deleted.', challenges.INACTIVE])

  const ofDeleted = await signIn(eve)
  await app.latchkey.auth.deleteUser(eve.id)
  t.strictSame(await ask(ofDeleted), [401, 'INACTIVE', 'User inactive or deleted.', challenges.INACTIVE])

  const [idle, busy] = [await signIn(ada, { id: 'idle' }), await signIn(ada, { id: 'busy' })]
  clock.now += 3_600_000
  t.equal((await ask(busy))[0], 200)
  clock.now += 3_600_000
  t.strictSame(await ask(idle), [401, 'EXPIRED', 'Token has expired.', challenges.EXPIRED], 'idle')
  t.equal((await ask(busy))[0], 200)
  clock.now += 3_600_000
  t.strictSame(await ask(busy), [401, 'EXPIRED', 'Token has expired.', challenges.EXPIRED], 'past its expiry')
})

t.test('the scheme is read in any letter case, behind it any number of blanks and tabs', async (t) => {
  const { ask, signIn, user } = await startServer(t)
  const token = await signIn(user)
  for (const line of [
    `Authorization: Token ${token}`,
    `authorization: token ${token}`,
    `AUTHORIZATION: TOKEN ${token}`,
    `Authorization: tOkEn ${token}`,
    `Authorization: Token    ${token}`,
    `Authorization: Token\t${token}`,
    `Authorization: Token \t \t${token}`,
    `Authorization:Token ${token}`,
    `Authorization: \t Token ${token} \t `,
  ]) {
    const { status, json, headers } = await ask(line)
    t.strictSame(
      [status, json.data, headers['www-authenticate']],
      [200, { viewer: { username: user.username } }, undefined],
      JSON.stringify(line.replace(token, '<token>')),
    )
  }
})

t.test('TOKEN_SCHEMES accepts several, and names the first', async (t) => {
  const { ask, refused, signIn, user, graphql } = await startServer(t, { tokenSchemes: 'JWT,Bearer' })
  const token = await signIn(user)
  for (const scheme of ['JWT', 'jwt', 'Bearer', 'bearer']) {
    t.equal((await ask(`Authorization: ${scheme} ${token}`)).status, 200, scheme)
  }
  const challenge = 'JWT realm="latchkey"'
  t.strictSame(await refused('Authorization: Bearer'), [
    401,
    'MALFORMED',
    withoutToken,
    `${challenge}, error="invalid_request"`,
  ])
  t.strictSame(await refused(`Authorization: Token ${token}`), [
    401,
    'MISSING',
    `${missing} The header has the scheme Token; send "Authorization: JWT <token>".`,
    challenge,
  ])
  t.strictSame((await graphql('{ serverInfo { tokenScheme tokenHeader } }')).body.data.serverInfo, {
    tokenScheme: 'JWT',
    tokenHeader: 'Authorization',
  })
})

t.test('TOKEN_HEADER names another header, by the same rules', async (t) => {
  const { ask, refused, signIn, user, graphql } = await startServer(t, { tokenHeader: 'X-Api-Token' })
  const token = await signIn(user)
  const send = 'send "X-Api-Token: Token <token>".'
  t.equal((await ask(`X-Api-Token: Token ${token}`)).status, 200)
  t.equal((await ask(`x-api-token: token ${token}`, 'Authorization: Basic abc')).status, 200)
  const rows: [string, string[], string, string][] = [
    ['the usual header', [`Authorization: Token ${token}`], 'MISSING', missing],
    ['an empty header', ['X-Api-Token:'], 'MISSING', missing],
    ['two headers', [`X-Api-Token: Token ${token}`, `X-Api-Token: Token ${token}`], 'MALFORMED', malformed],
    [
      'two headers of which the first is empty',
      ['X-Api-Token:', `X-Api-Token: Token ${token}`],
      'MALFORMED',
      malformed,
    ],
    ['two empty headers', ['X-Api-Token:', 'X-Api-Token:'], 'MALFORMED', malformed],
    [
      'another scheme',
      ['X-Api-Token: Bearer abc'],
      'MISSING',
      `${missing} The header has the scheme Bearer; ${send}`,
    ],
    [
      'the token alone',
      [`X-Api-Token: ${token}`],
      'MISSING',
      `${missing} The header has another scheme; ${send}`,
    ],
  ]
  for (const [name, lines, reason, message] of rows) {
    t.strictSame(await refused(...lines), [401, reason, message, challenges[reason]], name)
  }
  t.equal((await graphql('{ serverInfo { tokenHeader } }')).body.data.serverInfo.tokenHeader, 'X-Api-Token')
})

t.test('blanks behind the scheme are no token, even where the server has kept them', async (t) => {
  const { graphql } = await startApp(t)
  for (const authorization of ['Token ', 'Token \t ']) {
    const { body } = await graphql('{ viewer { id } }', null, { headers: { authorization } })
    t.match(body.errors, [{ message: withoutToken, extensions: { reason: 'MALFORMED' } }])
  }
})

t.test('a header that Node reads as a list is malformed', async (t) => {
  const { refused } = await startServer(t, { tokenHeader: 'Set-Cookie' })
  t.strictSame(await refused('Set-Cookie: Token abc'), [401, 'MALFORMED', malformed, challenges.MALFORMED])
})

t.test('nothing of what the header holds is ever said back', async (t) => {
  const { ask, signIn, user } = await startServer(t)
  const token = await signIn(user)
  for (const value of [
    token,
    `Bearer ${token}`,
    `Basic ${token}`,
    `X${token} x`,
    `Token ${token} ${token}`,
    `Token ${token}\xe9`,
    `Token ${token}${token}`,
  ]) {
    const { text } = await ask(`Authorization: ${value}`)
    t.match(text, 'UNAUTHENTICATED')
    t.notMatch(text, token.slice(3, 40))
  }
})

t.test('a token counts only in its header', async (t) => {
  const { app, signIn, createUser } = await startApp(t)
  const token = await signIn(await createUser())
  const search = new URLSearchParams({
    query: '{ viewer { id } }',
    token,
    access_token: token,
    authorization: `Token ${token}`,
    extensions: JSON.stringify({ authorization: `Token ${token}` }),
  })
  const response = await app.inject({
    url: `/graphql?${search}`,
    headers: {
      accept: 'application/graphql-response+json',
      cookie: `token=${token}; authorization=Token ${token}`,
      'x-api-token': `Token ${token}`,
      'proxy-authorization': `Token ${token}`,
    },
  })
  t.equal(response.statusCode, 401)
  t.equal(response.json().errors[0].extensions.reason, 'MISSING')
})

t.test('a header of 1 MB is refused as too large, and the service goes on', async (t) => {
  const { ask, url } = await startServer(t)
  for (const line of [
    `Authorization: Token ${'a'.repeat(1_048_576)}`,
    `X-Anything: ${'a'.repeat(1_048_576)}`,
  ]) {
    t.match(await ask(line), { status: 431 })
  }
  t.equal((await fetch(`${url}/healthz`)).status, 200)
})

t.test('only a token with the right form and checksum is looked up in the database', async (t) => {
  let queries = 0
  const database = new Kysely<never>({
    dialect: new SqliteDialect({ database: new SqliteDatabase(':memory:') }),
    log: () => {
      queries++
    },
  })
  t.teardown(() => database.destroy())
  const { graphql, signIn, createUser } = await startApp(t, { plugin: { database, databaseUrl: undefined } })
  const token = await signIn(await createUser())
  async function count(authorization: string, source: string): Promise<number> {
    const before = queries
    await graphql(source, null, { headers: { authorization } })
    return queries - before
  }
  for (const authorization of [
    `Token ${token.slice(0, -1)}${token.endsWith('0') ? '1' : '0'}`,
    `Token ${token.slice(1)}`,
    'Token x',
    `Token ${'a'.repeat(1_000)}`,
    `Token ${token} x`,
    `Bearer ${token}`,
    '',
  ]) {
    t.equal(await count(authorization, '{ viewer { id } }'), 0, authorization.slice(0, 10))
  }
  const wellFormed = `lk_${'1'.repeat(43)}`
  t.equal(
    await count(`Token ${wellFormed}${await checksumOf(wellFormed)}`, '{ viewer { id } }'),
    2,
    'among tokens, and among those that were rotated',
  )
  t.equal(
    await count(`Token ${token}`, '{ a: viewer { id } b: viewer { id username email } viewer { role } }'),
    1,
    'one look-up, however many fields need it',
  )
})

/** The six base62 characters of CRC-32 that a token ends with, computed on their own here. */
async function checksumOf(body: string): Promise<string> {
  const { crc32 } = await import('node:zlib')
  const digits = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'
  let rest = crc32(body)
  let text = ''
  for (let index = 0; index < 6; index++) {
    text = digits[rest % 62] + text
    rest = Math.floor(rest / 62)
  }
  return text
}
