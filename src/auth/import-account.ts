import type { LatchkeyError } from '../errors.ts'
import { readDjangoDigest } from './django-digests.ts'
import { type CanonicalName, requireEmail, requireUsername } from './names.ts'

/** An account of another system, as far as it could be read; `id` is its key there as text, and times in milliseconds. */
export interface ForeignAccount {
  id: string
  username: string | null
  email: string | null
  password: string | null
  active: boolean
  superuser: boolean
  joinedAt: number | null
  lastSignInAt: number | null
  /** The newest tokens that have not expired, newest first. */
  tokens: readonly ForeignToken[]
  /** How many more there are, by why they were not read. */
  otherTokens: Readonly<Partial<Record<UnreadToken, number>>>
}

/** A token of Django REST Framework, which is stored as it is, or of Knox, of which there is a digest in hexadecimal digits. */
export interface ForeignToken {
  form: 'drf' | 'knox'
  /** The token or the digest. */
  stored: string
  /** Null for never. */
  expiresAt: number | null
}

/** Why tokens are not even read: they have ended, the user has too many, or each has a salt of its own. */
export type UnreadToken = 'EXPIRED' | 'LIMIT' | 'SALTED'

/** The names of an account in Latchkey's form, or why it cannot be one. */
export type ReadNames =
  | { refusal: null; username: CanonicalName; email: CanonicalName | null; isEmailRefused: boolean }
  | { refusal: NameRefusal }

/** Why a username is none of Latchkey's; `NOT_YOUR_EMAIL` for one that looks like an address, but not like the account's. */
export type NameRefusal = 'ID' | 'ILL_FORMED' | 'LENGTH' | 'CHARACTERS' | 'NOT_YOUR_EMAIL'

const idMaxLength = 255

/** What is stored in the place of a digest that nobody can check: it never matches, and a mail may set a new password. */
const unknownDigest = 'django$unknown'

/** Takes a username that looks like an address for the address as well, where there is no other. */
export function readNames({ id, username, email }: ForeignAccount): ReadNames {
  if (id.length > idMaxLength || !id.isWellFormed()) return { refusal: 'ID' }
  const name = username ?? ''
  const written = email?.trim() || (name.includes('@') ? name : '')
  const address = written === '' ? null : orRefusal(() => requireEmail(written, 'email'))
  const canonicalEmail = typeof address === 'string' ? null : address
  const canonical = orRefusal(() => requireUsername(name, 'username', canonicalEmail))
  if (typeof canonical === 'string') return { refusal: canonical as NameRefusal } // the reasons of names.ts
  return {
    refusal: null,
    username: canonical,
    email: canonicalEmail,
    isEmailRefused: typeof address === 'string',
  }
}

/** What to store for one of Django's passwords, and what it is: a hasher's name, `unusable` or `unknown`. */
export function readPassword(password: string | null): { digest: string | null; kind: string } {
  // Django writes a ! for a password that must not be usable, and sends no mail to set another.
  if (password === null || password.startsWith('!')) return { digest: null, kind: 'unusable' }
  if (readDjangoDigest(password) === null) return { digest: unknownDigest, kind: 'unknown' }
  return { digest: password, kind: password.slice(0, Math.max(password.indexOf('$'), 0)) || 'unsalted_md5' }
}

/** The value, or the reason for which it is refused. */
function orRefusal<T>(read: () => T): T | string {
  try {
    return read()
  } catch (error) {
    return String((error as LatchkeyError).details.reason) // names.ts throws nothing else
  }
}
