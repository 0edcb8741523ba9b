import type { Kysely } from 'kysely'
import type { Tables, UsersTable } from './tables.ts'

/** An account as it is stored; times in milliseconds, `active` 0 or 1. */
export interface UserRow {
  id: string
  username: string
  email: string | null
  passwordDigest: string | null
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
  role: 'USER' | 'ADMIN'
  createdAt: number
  service?: number | null
}

const columns = [
  'id',
  'username',
  'email',
  'password_digest as passwordDigest',
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

/** Whether there was such an account to change. */
export async function updateUser(
  db: Kysely<Tables>,
  id: string,
  change: Partial<Omit<UsersTable, 'id' | 'created_at'>>,
): Promise<boolean> {
  const { numUpdatedRows } = await db
    .updateTable('latchkey_users')
    .set(change)
    .where('id', '=', id)
    .executeTakeFirst()
  return numUpdatedRows > 0n
}

/** In the order of sign-up, from behind the id `after`. */
export function listUsers(db: Kysely<Tables>, limit: number, after = ''): Promise<UserRow[]> {
  return db
    .selectFrom('latchkey_users')
    .select(columns)
    .where('id', '>', after)
    .orderBy('id')
    .limit(limit)
    .execute()
}

export async function hasUsers(db: Kysely<Tables>): Promise<boolean> {
  return (await db.selectFrom('latchkey_users').select('id').limit(1).executeTakeFirst()) !== undefined
}

/** Whether there was such an account to delete. */
export async function deleteUser(db: Kysely<Tables>, id: string): Promise<boolean> {
  const { numDeletedRows } = await db.deleteFrom('latchkey_users').where('id', '=', id).executeTakeFirst()
  return numDeletedRows > 0n
}

/** Whether anybody else who is active has the role ADMIN. */
export async function hasOtherAdmin(db: Kysely<Tables>, exceptId: string): Promise<boolean> {
  const row = await db
    .selectFrom('latchkey_users')
    .select('id')
    .where('role', '=', 'ADMIN')
    .where('active', '=', 1)
    .where('id', '!=', exceptId)
    .limit(1)
    .executeTakeFirst()
  return row !== undefined
}
