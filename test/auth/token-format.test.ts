import { readFileSync } from 'node:fs'
import { crc32 } from 'node:zlib'
import fc from 'fast-check'
import t from 'tap'
import {
  digestToken,
  generateToken,
  isWellFormedToken,
  tokenPrefixPattern,
} from '../../src/auth/token-format.ts'

/** What the README gives to secret scanners. */
const readme = readFileSync(new URL('../../README.md', import.meta.url), 'utf8')
const publishable = new RegExp(/For secret scanners: `(.+?)`/.exec(readme)?.[1] ?? '(?!)')

t.test('a token is the prefix, 43 base62 characters and 6 of checksum', async (t) => {
  const token = generateToken('lk_')
  t.match(token, /^lk_[0-9A-Za-z]{43}[0-9A-Za-z]{6}$/)
  t.match(`TOKEN=${token};`, publishable, 'the pattern in the README finds it')
  t.notMatch(`${token}0`, publishable)
  t.ok(isWellFormedToken(token))
})

t.test('the checksum is the CRC-32 of all that precedes, in base62', async (t) => {
  const digits = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'
  const token = generateToken('lk_')
  let number = 0
  for (const digit of token.slice(-6)) number = number * 62 + digits.indexOf(digit)
  t.equal(number, crc32(token.slice(0, -6)))
})

t.test('every change of a single character is refused', async (t) => {
  const token = generateToken('lk_')
  const characters = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_-.= \0é'
  let accepted = 0
  for (let index = 0; index < token.length; index++) {
    for (const character of characters) {
      if (character === token[index]) continue
      if (isWellFormedToken(token.slice(0, index) + character + token.slice(index + 1))) accepted++
    }
  }
  t.equal(accepted, 0)
})

t.test('each way of not having the form of a token is refused', async (t) => {
  const token = generateToken('lk_')
  const body = token.slice(3)
  const cases: [string, string][] = [
    ['nothing', ''],
    ['the prefix alone', 'lk_'],
    ['no prefix', body],
    ['one character less', token.slice(0, -1)],
    ['one character more', `${token}0`],
    ['a blank before', ` ${token}`],
    ['a line break behind', `${token}\n`],
    ['another prefix under the same checksum', `xx_${body}`],
    ['a prefix without its underscore', `lkx${body}`],
    ['two underscores', `l__${body}`],
    ['a prefix of 21 characters', generateToken(`${'a'.repeat(20)}_`)],
    ['an underscore alone for a prefix', generateToken('_')],
    ['a megabyte', 'lk_'.padEnd(1_000_000, 'a')],
  ]
  for (const [name, text] of cases) t.notOk(isWellFormedToken(text), name)
})

t.test('tokens with another prefix keep their form: a change of the prefix ends none', async (t) => {
  for (const prefix of ['lk_', 'a_', 'acme1_', `${'a'.repeat(19)}_`]) {
    t.match(prefix, tokenPrefixPattern)
    const token = generateToken(prefix)
    t.ok(isWellFormedToken(token), prefix)
  }
})

t.test('10,000 tokens differ, and so do their digests', async (t) => {
  const tokens = Array.from({ length: 10_000 }, () => generateToken('lk_'))
  t.equal(new Set(tokens).size, 10_000)
  t.equal(new Set(tokens.map(digestToken)).size, 10_000)
})

t.test('the digest is SHA-256 in base64url', async (t) => {
  t.equal(digestToken('abc'), 'ungWv48Bz-pBQUDeXa4iI7ADYaOWF3qctBD_YfIAFa0')
})

t.test('no text but a token has the form of one, and none makes the check throw', async (t) => {
  const text = fc.string({ unit: 'binary', maxLength: 80 })
  const found = fc.check(fc.property(text, (text) => !isWellFormedToken(text)))
  t.equal(found.failed, false, JSON.stringify(found.counterexample))
})
