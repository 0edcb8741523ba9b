import fc from 'fast-check'
import t from 'tap'
import {
  requireEmail,
  requireLabel,
  requireNameKey,
  requireUsername,
  toNameKey,
} from '../../src/auth/names.ts'
import { openDomain, refusalOf } from '../support/domain.ts'

t.test('names that are the same to people are one account', async (t) => {
  const cases = [
    ['letter case', 'Ada', 'aDA'],
    ['blanks around', 'ada', '  ada\t'],
    ['sharp s', 'straße', 'STRASSE'],
    ['capital sharp s', 'STRAẞE', 'strasse'],
    ['Turkish İ and its decomposed form', 'İnci', 'i̇nci'],
    ['final sigma', 'ΟΔΥΣΣΕΥΣ', 'οδυσσευς'],
    ['final sigma and the other', 'οδυσσευς', 'οδυσσευσ'],
    ['full width', 'ａｄａ', 'ADA'],
    ['ligatures', 'ﬁnn', 'FINN'],
    ['composed and decomposed', 'zo\u00eb', 'zoe\u0308'],
    ['the Kelvin sign', '\u212aelvin', 'kelvin'],
  ] as const
  const { auth, createUser, signIn } = await openDomain(t)
  for (const [name, one, other] of cases) {
    t.equal(toNameKey(one), toNameKey(other), name)
    if (name === 'letter case') await createUser(one)
  }
  t.equal((await signIn('aDA')).user.username, 'Ada', 'shown as it was written')
  t.match(await refusalOf(createUser('ＡＤＡ')), { code: 'CONFLICT', reason: 'TAKEN', field: 'username' })
  t.equal((await auth.findUser('ａｄａ'))?.username, 'Ada')
})

t.test('names that differ stay apart', async (t) => {
  for (const [one, other] of [
    ['ada', 'adá'],
    ['İnci', 'inci'],
    ['а', 'a'],
    ['ada lovelace', 'adalovelace'],
  ] as const) {
    t.not(toNameKey(one), toNameKey(other), `${one} ${other}`)
  }
})

t.test('the canonical form of a canonical form, or of a name in another case, is the same', async (t) => {
  const holds = (text: string): boolean => {
    const key = toNameKey(text)
    return [key, text.toUpperCase(), text.toLowerCase(), text.normalize('NFD')].every(
      (form) => toNameKey(form) === key,
    )
  }
  const exceptions = []
  for (let code = 0; code <= 0x10ffff; code++) {
    if (code >= 0xd800 && code <= 0xdfff) continue
    if (!holds(String.fromCodePoint(code))) exceptions.push(code.toString(16))
  }
  t.same(exceptions, [])
})

t.test('a username has 1 to 150 code points', async (t) => {
  const refused = { reason: 'LENGTH', field: 'username' }
  t.equal(requireUsername('a'.repeat(150), 'username', null).key.length, 150)
  t.equal(requireUsername('𝒜'.repeat(150), 'username', null).text, 'A'.repeat(150))
  t.equal([...requireUsername('𐐀'.repeat(150), 'username', null).text].length, 150)
  for (const username of ['', '   ', 'a'.repeat(151), '𐐀'.repeat(151)]) {
    t.match(await refusalOf(Promise.resolve().then(() => requireUsername(username, 'username', null))), {
      code: 'BAD_USER_INPUT',
      ...refused,
    })
  }
})

const invisible: [string, string][] = [
  ['NUL', 'ad\0a'],
  ['a line break', 'ad\na'],
  ['DEL', 'ad\u007fa'],
  ['a zero-width space', 'ad\u200ba'],
  ['a zero-width joiner', 'ad\u200da'],
  ['a byte order mark', 'ad\ufeffa'],
  ['a soft hyphen', 'ad\u00ada'],
  ['a right-to-left override', 'ad\u202ea'],
  ['a bidirectional isolate', 'ad\u2066a'],
  ['a line separator', 'ad\u2028a'],
  ['a Hangul filler', '\u3164'],
  ['a variation selector', 'ada\ufe0f'],
  ['a private character', 'ad\ue000a'],
  ['a tag character', 'ada\u{e0061}'],
]

t.test(
  'a username without visible letters, or with hidden ones, is refused, and so is signing in with it',
  async (t) => {
    const { auth, createUser, signIn, events } = await openDomain(t)
    for (const [name, username] of invisible) {
      t.match(
        await refusalOf(createUser(username)),
        { code: 'BAD_USER_INPUT', reason: 'CHARACTERS', field: 'username' },
        name,
      )
      t.match(
        await refusalOf(signIn(username)),
        { code: 'BAD_USER_INPUT', reason: 'ILL_FORMED', field: 'username' },
        name,
      )
    }
    for (const username of ['\ud800', 'ada\udfff', 'a'.repeat(5_000)]) {
      t.match(await refusalOf(createUser(username)), { code: 'BAD_USER_INPUT', reason: 'ILL_FORMED' })
      t.match(await refusalOf(signIn(username)), { code: 'BAD_USER_INPUT', reason: 'ILL_FORMED' })
      t.throws(() => auth.findUser(username))
    }
    t.same(events, [])
  },
)

t.test('a username with an @, in whatever form, is the own email address or none', async (t) => {
  const { createUser, auth, signIn } = await openDomain(t)
  for (const username of ['ada@example.org', 'ada\uff20example.org', 'ada\ufe6bexample.org', '@']) {
    t.match(await refusalOf(createUser(username)), { reason: 'NOT_YOUR_EMAIL', field: 'username' })
    t.match(await refusalOf(createUser(username, 'eve@example.org')), { reason: 'NOT_YOUR_EMAIL' })
  }
  await createUser('Ada@Example.org', 'ada@example.ORG')
  t.equal((await signIn('ADA@example.org')).user.username, 'Ada@Example.org')
  t.match(await refusalOf(createUser('eve', 'ADA@EXAMPLE.ORG')), { code: 'CONFLICT', field: 'email' })
  t.equal(await auth.findUser('eve'), undefined)
})

t.test('an email address is kept as written and compared without regard to case', async (t) => {
  t.same(requireEmail(' Ada.L@Example.ORG ', 'email'), {
    text: 'Ada.L@Example.ORG',
    key: 'ada.l@example.org',
  })
  const cases = [
    '',
    'ada',
    '@example.org',
    'ada@',
    'ada@example',
    'ada@@example.org',
    'a da@example.org',
    'ada@.org',
  ]
  const more = [
    'ada@example.org\0',
    'a\u200bda@example.org',
    '\ud800@example.org',
    '<a@b.c>',
    'ada@[127.0.0.1]',
    '"ada"@example.org',
    'ceo(x)@example.org',
    'ada,eve@example.org',
    `${'a'.repeat(65)}@example.org`,
  ]
  for (const email of [...cases, ...more, `ada@${'a.'.repeat(130)}org`, 'a'.repeat(1_000_000)]) {
    t.match(await refusalOf(Promise.resolve().then(() => requireEmail(email, 'email'))), {
      code: 'BAD_USER_INPUT',
      reason: 'EMAIL',
      field: 'email',
    })
  }
})

t.test('what can be signed up with can be signed in with', async (t) => {
  const found = fc.check(
    fc.property(fc.string({ unit: 'grapheme', maxLength: 160 }), (text) => {
      try {
        const { key } = requireUsername(text, 'username', null)
        return requireNameKey(text, 'username') === key && toNameKey(key) === key
      } catch {
        return true
      }
    }),
  )
  t.equal(found.failed, false, JSON.stringify(found.counterexample))
})

t.test('a label is short visible text, or nothing', async (t) => {
  t.equal(requireLabel(null, 'device.name', 100), null)
  t.equal(requireLabel(undefined, 'device.name', 100), null)
  t.equal(requireLabel('  Ada’s phone 👩‍💻 ', 'device.name', 100), 'Ada’s phone 👩‍💻')
  t.equal(requireLabel('e\u0301', 'device.name', 100), 'é')
  t.equal(requireLabel('𐐀'.repeat(100), 'device.name', 100), '𐐀'.repeat(100))
  for (const [text, reason] of [
    ['', 'LENGTH'],
    ['  ', 'LENGTH'],
    ['\u200b', 'LENGTH'],
    ['\ufe0f\u3164', 'LENGTH'],
    ['a'.repeat(101), 'LENGTH'],
    ['a'.repeat(1_000), 'CHARACTERS'],
    ['a\0', 'CHARACTERS'],
    ['\u001b[31mred', 'CHARACTERS'],
    ['a\u202eb', 'CHARACTERS'],
    ['\udc00', 'CHARACTERS'],
  ] as const) {
    t.match(await refusalOf(Promise.resolve().then(() => requireLabel(text, 'device.name', 100))), {
      code: 'BAD_USER_INPUT',
      reason,
      field: 'device.name',
    })
  }
})
