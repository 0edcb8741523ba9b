import { hash, hkdfSync, randomBytes } from 'node:crypto'
import { crc32 } from 'node:zlib'
import { digestKnoxToken, readDjangoTokenForm } from './django-tokens.ts'

const alphabet = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'
const secretLength = 43 // the least number of base62 characters that hold 256 bits
const checksumLength = 6 // the least that hold a CRC-32
const tailLength = secretLength + checksumLength
const prefixMaxLength = 20

/** What a token prefix may look like: letters and digits, closed by `_` so that a double click selects the whole token. */
export const tokenPrefixPattern = /^[A-Za-z0-9]{1,19}_$/

/** A new token: prefix, 43 base62 characters (256 random bits) and 6 of CRC-32 over all that precedes. */
export function generateToken(prefix: string): string {
  return formToken(prefix, randomBytes(32))
}

/**
 * The token that follows one at its rotation, with the same prefix where that one has our form. Whoever has the one before
 * can be given it again; the nonce alone says nothing (HKDF, RFC 5869).
 */
export function deriveToken(prefix: string, token: string, nonce: Uint8Array): string {
  const secret = Buffer.from(hkdfSync('sha256', token, nonce, 'latchkey token rotation', 32))
  return formToken(hasTokenForm(token) ? token.slice(0, -tailLength) : prefix, secret)
}

function formToken(prefix: string, secret: Buffer): string {
  const body = prefix + toBase62(BigInt(`0x${secret.toString('hex')}`), secretLength)
  return body + toBase62(BigInt(crc32(body)), checksumLength)
}

/** Whether the form and the checksum are right, whatever the prefix: tokens outlive a change of the prefix. */
export function isWellFormedToken(token: string): boolean {
  return hasTokenForm(token) && hasRightChecksum(token)
}

/** Whether a text may be a token that works here, imported ones included, with the right checksum where there is one. */
export function mayBeToken(text: string): boolean {
  return isWellFormedToken(text) || readDjangoTokenForm(text) !== null
}

/** Whether a token's last characters are the checksum of those before; for one that has the form. */
export function hasRightChecksum(token: string): boolean {
  let rest = crc32(token.slice(0, -checksumLength))
  for (let index = token.length - 1; index >= token.length - checksumLength; index--) {
    if (token[index] !== alphabet[rest % 62]) return false
    rest = Math.floor(rest / 62)
  }
  return true
}

/** Whether prefix, length and characters are those of a token, whatever the checksum. */
export function hasTokenForm(token: string): boolean {
  const prefixLength = token.length - tailLength
  if (prefixLength < 2 || prefixLength > prefixMaxLength) return false
  for (let index = 0; index < token.length; index++) {
    if (index === prefixLength - 1) {
      if (token.charCodeAt(index) !== 95) return false // _
    } else if (!isAlphanumeric(token.charCodeAt(index))) {
      return false
    }
  }
  return true
}

/** What is stored for a token and looked up: SHA-256 in base64url. The 256 random bits need no salt and no stretching. */
export function digestToken(token: string): string {
  return hash('sha256', token, 'base64url')
}

/** Under which digests any text may be stored as a token, Latchkey's own or an imported one: one, or two to be tried in turn. */
export function digestsOfToken(token: string): [digest: string] | [digest: string, other: string] {
  return readDjangoTokenForm(token) === 'knox' ? digestKnoxToken(token) : [digestToken(token)]
}

function toBase62(value: bigint, length: number): string {
  let rest = value
  let text = ''
  while (text.length < length) {
    text = alphabet[Number(rest % 62n)] + text
    rest /= 62n
  }
  return text
}

function isAlphanumeric(code: number): boolean {
  return (code >= 48 && code <= 57) || (code >= 65 && code <= 90) || (code >= 97 && code <= 122)
}
