import t from 'tap'
import { digestKnoxToken, readDjangoTokenForm } from '../../src/auth/django-tokens.ts'
import { digestsOfToken, generateToken, hasTokenForm, mayBeToken } from '../../src/auth/token-format.ts'
import { foreignTokens } from '../support/imported.ts'

const [drf, knox, prefixed] = foreignTokens.map(({ token }) => token) as [string, string, string]

t.test('each form is told from the others', async (t) => {
  for (const { what, token, form } of foreignTokens) {
    t.equal(readDjangoTokenForm(token), form, what)
    t.notOk(hasTokenForm(token), what)
    t.ok(mayBeToken(token), what)
  }
  for (const prefix of ['lk_', 'a_', `${'a'.repeat(9)}_`, `${'a'.repeat(15)}_`, `${'a'.repeat(19)}_`]) {
    const token = generateToken(prefix)
    t.equal(readDjangoTokenForm(token), null, prefix)
    t.ok(mayBeToken(token), prefix)
    t.equal(digestsOfToken(token).length, 1)
  }
})

t.test('each way of not having such a form is refused', async (t) => {
  const cases: [what: string, text: string][] = [
    ['nothing', ''],
    ['a digit less than Django REST Framework has', drf.slice(1)],
    ['a digit more', `${drf}0`],
    ['in upper case', drf.toUpperCase()],
    ['a letter past f', drf.replace('b', 'g')],
    ['a character before 0', drf.replace('9', '/')],
    ['a character between 9 and a', drf.replace('9', ':')],
    ['a blank at the end', `${drf.slice(1)} `],
    ['a digit less than Knox has', knox.slice(1)],
    ['of Knox, in upper case', knox.toUpperCase()],
    ['with a prefix of eleven', `x${prefixed}`],
    ['with a blank in the prefix', ` ${knox}`],
    ['with a line break in the prefix', `\n${knox}`],
    ['with a control character in the prefix', `\x7f${knox}`],
    ['with a letter beyond ASCII in the prefix', `é${knox}`],
    ['with something behind it', `${knox}_`],
    ['in digits of full width', '９'.repeat(40)],
  ]
  for (const [what, text] of cases) {
    t.equal(readDjangoTokenForm(text), null, what)
    t.notOk(mayBeToken(text), what)
  }
})

t.test('the digests are those that Django has', async (t) => {
  for (const { what, token, digest } of foreignTokens) {
    const digests = digestsOfToken(token).map((text) =>
      Buffer.from(text as string, 'base64url').toString('hex'),
    )
    t.ok(digests.includes(digest), what)
  }
  t.equal(digestKnoxToken(knox).length, 2)
  t.equal(digestKnoxToken(prefixed).length, 1, 'prefixes came with the newer digest')
})
