import type { Kysely } from 'kysely'
import type { Tables } from '../db/tables.ts'
import { isNameTaken, type UserRow, updateUser } from '../db/users.ts'
import { LatchkeyError } from '../errors.ts'
import type { Mails } from './mails.ts'
import { type CanonicalName, requireEmail, requireUsername, toNameKey } from './names.ts'

/** What is to change of a profile; what is undefined stays. */
export interface ProfileChange {
  username?: string | undefined
  email?: string | null | undefined
}

/** Username and email as they are to be; a pending address changes nothing yet. */
export async function changeProfile(
  db: Kysely<Tables>,
  mails: Pick<Mails, 'notify'>,
  current: UserRow,
  change: ProfileChange,
  pending: CanonicalName | null,
): Promise<UserRow> {
  const kept = current.email === null ? null : { text: current.email, key: toNameKey(current.email) }
  const given = typeof change.email === 'string' ? requireEmail(change.email, 'email') : null
  const email = pending !== null || change.email === undefined ? kept : given
  // A username that is the address follows it when that is confirmed.
  const follows = pending !== null && toNameKey(current.username) === email?.key
  const wanted = change.username ?? current.username
  const usernameText = follows && toNameKey(wanted) === pending?.key ? current.username : wanted
  // Also where it stays: a username that is the email address has to change with it.
  const username = requireUsername(usernameText, 'username', email)
  await requireFree(db, username, email, current.id)
  const isSameEmail = email !== null && isSameMailbox(email.text, current.email)
  const emailVerifiedAt = isSameEmail ? current.emailVerifiedAt : null
  const changed = { username: username.text, email: email?.text ?? null }
  await updateUser(db, current.id, {
    ...changed,
    username_key: username.key,
    email_key: email?.key ?? null,
    email_verified_at: emailVerifiedAt,
  })
  // A name that only follows the address is told of with that.
  if (current.emailVerifiedAt !== null && isSameEmail && username.key !== toNameKey(current.username)) {
    await mails.notify(db, { ...current, username: username.text }, 'username-changed')
  }
  if (current.email !== null && !isSameEmail) {
    await mails.notify(db, current, 'email-changed', { email: email?.text ?? 'none' })
  }
  return { ...current, ...changed, emailVerifiedAt }
}

/** A username and an email address are one kind of name: whoever signs in with either must be the only one it can mean. */
export async function requireFree(
  db: Kysely<Tables>,
  username: CanonicalName,
  email: CanonicalName | null,
  userId: string,
): Promise<void> {
  if (await isNameTaken(db, username.key, userId)) {
    throw new LatchkeyError('CONFLICT', 'This username is taken.', { reason: 'TAKEN', field: 'username' })
  }
  if (email !== null && (await isNameTaken(db, email.key, userId))) {
    throw new LatchkeyError('CONFLICT', 'This email address is taken.', { reason: 'TAKEN', field: 'email' })
  }
}

/** Names are folded further than mailboxes are: `ß` and `ss` are two domains, and the letter case of ASCII is none. */
export function isSameMailbox(one: string, other: string | null): boolean {
  const fold = (text: string): string => text.replace(/[A-Z]/g, (letter) => letter.toLowerCase())
  return other !== null && fold(one) === fold(other)
}
