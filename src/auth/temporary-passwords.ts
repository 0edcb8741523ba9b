import { randomBytes } from 'node:crypto'
import type { UserRow } from '../db/users.ts'
import { badInput, LatchkeyError } from '../errors.ts'

/** A password that the server made for somebody, who has to replace it to sign in; `expiresAt` in milliseconds since 1970. */
export interface TemporaryPassword {
  password: string
  expiresAt: number
}

/** Crockford's base 32: no two of its characters look alike, and none needs a shift key. */
const alphabet = '0123456789abcdefghjkmnpqrstvwxyz'

/** A temporary password of 100 random bits, in four groups for people to type. */
export function makeTemporaryPassword(now: number, ttlMs: number): TemporaryPassword {
  const characters = [...randomBytes(20)].map((byte) => alphabet[byte % alphabet.length]).join('')
  return { password: characters.replace(/(.{5})(?=.)/g, '$1-'), expiresAt: now + ttlMs }
}

/**
 * Why a right password does not do, or null where it does: a temporary one works until it expires, and only to set another.
 * Only who has shown the password may be told.
 */
export function findMisuse(
  { passwordExpiresAt }: UserRow,
  { password, newPassword }: { password: string; newPassword?: string },
  now: number,
): LatchkeyError | null {
  if (passwordExpiresAt === null) return null
  if (passwordExpiresAt <= now) {
    return new LatchkeyError('UNAUTHENTICATED', 'This temporary password has expired. Ask for another.', {
      reason: 'PASSWORD_EXPIRED',
    })
  }
  if (newPassword === undefined) {
    return new LatchkeyError('FORBIDDEN', 'This password is temporary. Sign in with it and a new one.', {
      reason: 'PASSWORD_CHANGE_REQUIRED',
    })
  }
  if (newPassword.normalize('NFC') !== password.normalize('NFC')) return null
  return badInput('newPassword', 'UNCHANGED', 'This is the temporary password. Choose another.')
}
