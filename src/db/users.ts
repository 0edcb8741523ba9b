import { type Kysely, sql } from 'kysely'
import type { Tables, UsersTable } from './tables.ts'

/** An account as it is stored; times in milliseconds, `active` 0 or 1. */
export interface UserRow {
  id: string
  username: string
  email: string | null
  passwordDigest: string | null
  /** When the password stops working, for one that is temporary. */
  passwordExpiresAt: number | null
  role: 'USER' | 'ADMIN'
  active: number
  createdAt: number
  lastSignInAt: number | null
  /** 1 for an account that is never to have a password, else null. */
  service: number | null
  emailVerifiedAt: number | null
}

/** What a new account starts with. */
export interface NewUser {
  id: string
  username: string
  usernameKey: string
  email: string | null
  emailKey: string | null
  passwordDigest: string | null
  passwordExpiresAt?: number | null
  role: 'USER' | 'ADMIN'
  createdAt: number
  service?: number | null
}

const columns = [
  'id',
  'username',
  'email',
  'password_digest as passwordDigest',
  'password_expires_at as passwordExpiresAt',
  'role',
  'active',
  'created_at as createdAt',
  'last_sign_in_at as lastSignInAt',
  'service',
  'email_verified_at as emailVerifiedAt',
] as const

export async function insertUser(db: Kysely<Tables>, user: NewUser): Promise<void> {
  await db
    .insertInto('latchkey_users')
    .values({
      id: user.id,
      username: user.username,
      username_key: user.usernameKey,
      email: user.email,
      email_key: user.emailKey,
      password_digest: user.passwordDigest,
      password_expires_at: user.passwordExpiresAt ?? null,
      role: user.role,
      active: 1,
      created_at: user.createdAt,
      last_sign_in_at: null,
      email_verified_at: null,
      service: user.service ?? null,
    })
    .execute()
}

export function findUserById(db: Kysely<Tables>, id: string): Promise<UserRow | undefined> {
  return db.selectFrom('latchkey_users').select(columns).where('id', '=', id).executeTakeFirst()
}

/** The users that there are of these, in no order. */
export function findUsersById(db: Kysely<Tables>, ids: readonly string[]): Promise<UserRow[]> {
  return db.selectFrom('latchkey_users').select(columns).where('id', 'in', ids).execute()
}

/** By the canonical form of a username or of an email address; a username comes first. */
export function findUserByName(db: Kysely<Tables>, key: string): Promise<UserRow | undefined> {
  return db
    .selectFrom('latchkey_users')
    .select(columns)
    .where((where) => where.or([where('username_key', '=', key), where('email_key', '=', key)]))
    .orderBy((order) => order.case().when('username_key', '=', key).then(0).else(1).end())
    .limit(1)
    .executeTakeFirst()
}

/** Whether a canonical form already names somebody else, as a username or as an email address. */
export async function isNameTaken(db: Kysely<Tables>, key: string, exceptId: string): Promise<boolean> {
  const row = await db
    .selectFrom('latchkey_users')
    .select('id')
    .where('id', '!=', exceptId)
    .where((where) => where.or([where('username_key', '=', key), where('email_key', '=', key)]))
    .limit(1)
    .executeTakeFirst()
  return row !== undefined
}

/** Whether there was such an account to change; `keepsAdmin` leaves the last active administrator as it is. */
export async function updateUser(
  db: Kysely<Tables>,
  id: string,
  change: Partial<Omit<UsersTable, 'id' | 'created_at'>>,
  { keepsAdmin = false } = {},
): Promise<boolean> {
  const query = db.updateTable('latchkey_users').set(change).where('id', '=', id)
  const { numUpdatedRows } = await (keepsAdmin ? query.where(isNotLastAdmin(id)) : query).executeTakeFirst()
  return numUpdatedRows > 0n
}

/** Replaces the password of an account that is active, with one that is not temporary, if it still is the one in force. */
export async function replacePassword(
  db: Kysely<Tables>,
  id: string,
  inForce: string | null,
  digest: string | null,
): Promise<void> {
  await db
    .updateTable('latchkey_users')
    .set({ password_digest: digest, password_expires_at: null })
    .where('id', '=', id)
    .where('active', '=', 1)
    .where('password_digest', 'is not distinct from', inForce)
    .execute()
}

export async function hasUsers(db: Kysely<Tables>): Promise<boolean> {
  return (await db.selectFrom('latchkey_users').select('id').limit(1).executeTakeFirst()) !== undefined
}

/** Whether there was such an account to delete; `keepsAdmin` leaves the last active administrator. */
export async function deleteUser(
  db: Kysely<Tables>,
  id: string,
  { keepsAdmin = false } = {},
): Promise<boolean> {
  const query = db.deleteFrom('latchkey_users').where('id', '=', id)
  const { numDeletedRows } = await (keepsAdmin ? query.where(isNotLastAdmin(id)) : query).executeTakeFirst()
  return numDeletedRows > 0n
}

/** What lists of accounts are read along, each in an order of its own: ids, or the keys of names that begin alike. */
export type UserPath = 'all' | 'admins' | { active: boolean } | { prefix: string; of: 'username' | 'email' }

/** A row with what it is placed by in its list. */
export interface PlacedUserRow extends UserRow {
  place: string
}

/** Up to `limit` accounts along an index, from behind a place, or from the start for null. */
export function listUsersAlong(
  db: Kysely<Tables>,
  path: UserPath,
  behind: string | null,
  limit: number,
): Promise<PlacedUserRow[]> {
  const query = db.selectFrom('latchkey_users').select(columns).limit(limit)
  if (typeof path === 'object' && 'prefix' in path) {
    const key = path.of === 'username' ? ('username_key' as const) : ('email_key' as const)
    // No name has the last character of Unicode in it.
    return query
      .select(sql<string>`${sql.ref(key)}`.as('place'))
      .where(key, behind === null ? '>=' : '>', behind ?? path.prefix)
      .where(key, '<', `${path.prefix}\u{10ffff}`)
      .orderBy(key)
      .execute()
  }
  const inOrder = query
    .select('id as place')
    .where('id', '>', behind ?? '')
    .orderBy('id')
  if (path === 'all') return inOrder.execute()
  // As it is written in the index: a parameter would not be seen to fit it.
  if (path === 'admins') return inOrder.where(sql<boolean>`role = 'ADMIN'`).execute()
  return inOrder.where('active', '=', path.active ? 1 : 0).execute()
}

/** That an account is no active administrator, or that another one remains. */
function isNotLastAdmin(id: string): ReturnType<typeof sql<boolean>> {
  return sql<boolean>`(role <> 'ADMIN' or active = 0 or exists (
    select 1 from latchkey_users as other
    where other.role = 'ADMIN' and other.active = 1 and other.id <> ${id}))`
}
