import { hash } from 'node:crypto'

const drfLength = 40 // 20 random bytes
const knoxLength = 64 // 32 random bytes
const knoxPrefixMaxLength = 10 // of Knox's setting TOKEN_PREFIX

/** Whose token a text may be: of Django REST Framework or of Knox, its add-on. */
export type DjangoTokenForm = 'drf' | 'knox'

/**
 * Reads the form of a token that was issued under Django: 40 lower-case hexadecimal digits, or 64 of them behind up to ten
 * characters of a prefix. Null for anything else; no token of Latchkey's own has such a form, for their underscore stands
 * where digits would be.
 */
export function readDjangoTokenForm(token: string): DjangoTokenForm | null {
  if (token.length === drfLength) return isHex(token, 0) ? 'drf' : null
  const prefixLength = token.length - knoxLength
  if (prefixLength < 0 || prefixLength > knoxPrefixMaxLength) return null
  return isHex(token, prefixLength) && isVisible(token, prefixLength) ? 'knox' : null
}

/**
 * Under which digests a token of Knox may be stored, in base64url: SHA-512 of its text since Knox 5.0, and before that, as
 * long as there were no prefixes, of the bytes that the digits stand for (`knox/crypto.py`).
 */
export function digestKnoxToken(token: string): [digest: string] | [digest: string, older: string] {
  const digest = hash('sha512', token, 'base64url')
  return token.length > knoxLength
    ? [digest]
    : [digest, hash('sha512', Buffer.from(token, 'hex'), 'base64url')]
}

function isHex(token: string, start: number): boolean {
  for (let index = start; index < token.length; index++) {
    const code = token.charCodeAt(index)
    if (!((code >= 48 && code <= 57) || (code >= 97 && code <= 102))) return false // 0–9, a–f
  }
  return true
}

/** Whether what stands before `end` is visible ASCII, as it has to be within a header. */
function isVisible(token: string, end: number): boolean {
  for (let index = 0; index < end; index++) {
    const code = token.charCodeAt(index)
    if (code <= 32 || code >= 127) return false
  }
  return true
}
