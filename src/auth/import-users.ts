import type { Kysely } from 'kysely'
import { v7 as uuidv7 } from 'uuid'
import { findImported, findTakenNames, type ImportedUser } from '../db/imports.ts'
import type { Tables } from '../db/tables.ts'
import { findUsersById, type UserRow } from '../db/users.ts'
import { type ForeignAccount, readNames, readPassword } from './import-account.ts'
import { type ImportSummary, leaveOut } from './import-summary.ts'
import { type CanonicalName, toNameKey } from './names.ts'

/** Whose an imported account is here, or null where it is gone; `isNew` for one that is imported now. */
export type Owner = { id: string; active: boolean; isNew: boolean } | null

type KnownOwner = (NonNullable<Owner> & { row: UserRow }) | null

/** A new account with its key in the other system. */
export type NewImportedUser = ImportedUser & { foreignId: string }

/**
 * Decides which accounts are imported, and counts the others with the reason. Owners are by their keys in the other
 * system: of those that are imported now and of those that were before. `given` are names to be taken for taken.
 */
export async function settleUsers(
  db: Kysely<Tables>,
  accounts: readonly ForeignAccount[],
  options: { now: number; admins: boolean; given: ReadonlySet<string> },
  summary: ImportSummary['users'],
): Promise<{ users: NewImportedUser[]; owners: Map<string, Owner> }> {
  const known = await findOwners(db, accounts)
  const fresh = accounts
    .filter(({ id }) => !known.has(id))
    .map((account) => ({ account, names: readNames(account) }))
  const owners = new Map<string, Owner>()
  for (const account of accounts) {
    const owner = known.get(account.id)
    if (owner === undefined) continue
    if (owner === null || isSameAccount(account, owner.row)) {
      summary.importedBefore++
      owners.set(account.id, owner)
    } else {
      leaveOut(summary.skipped, 'OTHER_ACCOUNT', account) // without an owner: its tokens must not become another's
    }
  }
  const keys = fresh.flatMap(({ names }) =>
    names.refusal === null ? keysOf(names.username, names.email) : [],
  )
  const taken = await findTakenNames(db, keys)
  const isTaken = (key: string): boolean => taken.has(key) || options.given.has(key)
  const users: NewImportedUser[] = []

  for (const { account, names } of fresh) {
    if (names.refusal !== null) {
      leaveOut(summary.skipped, names.refusal, account)
      continue
    }
    const { username } = names
    // The key comes twice where a table has no order of its own; who came first has it.
    if (isTaken(username.key) || owners.has(account.id)) {
      leaveOut(summary.skipped, 'TAKEN', account)
      continue
    }
    const isEmailTaken = names.email !== null && isTaken(names.email.key)
    const email = isEmailTaken ? null : names.email
    if (names.isEmailRefused) leaveOut(summary.withoutEmail, 'INVALID', account)
    if (isEmailTaken) leaveOut(summary.withoutEmail, 'TAKEN', account)
    for (const key of keysOf(username, email)) taken.add(key)
    const user = toUser(account, username, email, { ...options, sequence: users.length }, summary)
    users.push(user)
    owners.set(account.id, { id: user.id, active: user.active, isNew: true })
  }
  return { users, owners }
}

/** The accounts that were imported before. */
async function findOwners(
  db: Kysely<Tables>,
  accounts: readonly ForeignAccount[],
): Promise<Map<string, KnownOwner>> {
  const foreignIds = accounts.map(({ id }) => id)
  const known = await findImported(db, 'django:user', foreignIds)
  const rows = known.size === 0 ? [] : await findUsersById(db, [...known.values()])
  const rowOf = new Map(rows.map((row) => [row.id, row]))
  return new Map(
    [...known].map(([foreignId, id]): [string, KnownOwner] => {
      const row = rowOf.get(id)
      return [foreignId, row === undefined ? null : { id, active: row.active === 1, isNew: false, row }]
    }),
  )
}

/**
 * Whether what was imported under a key was this account: another project has the same keys for others. When somebody
 * joined is kept here; where that is not known, one of the names has to be the same.
 */
function isSameAccount(account: ForeignAccount, row: UserRow): boolean {
  if (account.joinedAt !== null) return row.createdAt === account.joinedAt
  const names = [row.username, row.email].flatMap((name) => (name === null ? [] : [toNameKey(name)]))
  return [account.username, account.email].some((name) => name !== null && names.includes(toNameKey(name)))
}

function toUser(
  account: ForeignAccount,
  username: CanonicalName,
  email: CanonicalName | null,
  { now, admins, sequence }: { now: number; admins: boolean; sequence: number },
  summary: ImportSummary['users'],
): NewImportedUser {
  const { digest, kind } = readPassword(account.password)
  summary.imported++
  summary.passwords[kind] = (summary.passwords[kind] ?? 0) + 1
  if (account.superuser) summary.superusers++
  if (!account.active) summary.inactive++
  const createdAt = account.joinedAt ?? now
  return {
    foreignId: account.id,
    id: uuidv7({ msecs: createdAt, seq: sequence }), // lists are in the order of ids, and shall be in that of sign-ups
    username: username.text,
    usernameKey: username.key,
    email: email?.text ?? null,
    emailKey: email?.key ?? null,
    passwordDigest: digest,
    role: admins && account.superuser ? 'ADMIN' : 'USER',
    active: account.active,
    createdAt,
    lastSignInAt: account.lastSignInAt,
  }
}

function keysOf(username: CanonicalName, email: CanonicalName | null): string[] {
  return email === null ? [username.key] : [username.key, email.key]
}
