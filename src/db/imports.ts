import { type Kysely, sql } from 'kysely'
import { digestToBytes, uuidToBytes } from './bytes.ts'
import { byEngine, rowsOfJson, textsOfJson } from './engine-words.ts'
import type { ImportsTable, Tables } from './tables.ts'
import type { NewUser } from './users.ts'

/** What ids are of: users of Django, tokens of Django REST Framework and of Knox. */
export type ImportSource = ImportsTable['source']

/** What was imported from one source; `foreignId` is what names it there, and `importedAt` in milliseconds. */
export interface ImportedRow {
  foreignId: string
  userId: string
  importedAt: number
}

/** Which of these ids were imported before, with the users they became or belong to, who may be gone by now. */
export async function findImported(
  db: Kysely<Tables>,
  source: ImportSource,
  foreignIds: readonly string[],
): Promise<Map<string, string>> {
  const rows = await db
    .selectFrom('latchkey_imports')
    .select(['foreign_id', 'user_id'])
    .where('source', '=', source)
    // One parameter for any number of ids: it is prepared once.
    .where(sql<boolean>`foreign_id in (select value from ${textsOfJson(JSON.stringify(foreignIds))})`)
    .execute()
  return new Map(rows.map((row) => [row.foreign_id, row.user_id]))
}

/** Notes what was imported, for ever. What is noted already stays as it is. */
export async function insertImported(
  db: Kysely<Tables>,
  source: ImportSource,
  rows: readonly ImportedRow[],
): Promise<void> {
  const values = rows.map((row) => [row.foreignId, row.userId, row.importedAt])
  const importedAt = byEngine({ sqlite: sql`value ->> 2`, postgres: sql`cast(value ->> 2 as bigint)` })
  await sql`
    insert into latchkey_imports (source, foreign_id, user_id, imported_at)
    select ${source}, value ->> 0, value ->> 1, ${importedAt} from ${rowsOfJson(JSON.stringify(values))} where true
    on conflict do nothing`.execute(db)
}

/** Which of these canonical forms name somebody, as a username or as an email address. */
export async function findTakenNames(db: Kysely<Tables>, keys: readonly string[]): Promise<Set<string>> {
  const wanted = sql`select value from ${textsOfJson(JSON.stringify(keys))}`
  const { rows } = await sql<{ key: string }>`
    select username_key as key from latchkey_users where username_key in (${wanted})
    union all select email_key from latchkey_users where email_key in (${wanted})`.execute(db)
  return new Set(rows.map(({ key }) => key))
}

/** An account from elsewhere, which may have been disabled, and used, there. */
export interface ImportedUser extends NewUser {
  active: boolean
  lastSignInAt: number | null
}

export async function insertImportedUsers(db: Kysely<Tables>, users: readonly ImportedUser[]): Promise<void> {
  if (users.length === 0) return
  const rows = users.map((user) => ({
    id: user.id,
    username: user.username,
    username_key: user.usernameKey,
    email: user.email,
    email_key: user.emailKey,
    password_digest: user.passwordDigest,
    role: user.role,
    active: user.active ? 1 : 0,
    created_at: user.createdAt,
    last_sign_in_at: user.lastSignInAt,
  }))
  await db.insertInto('latchkey_users').values(rows).execute()
}

/** A token from elsewhere: a device's, with which no password was proven; the digest is base64url. */
export interface ImportedToken {
  id: string
  userId: string
  digest: string
  name: string
  createdAt: number
  expiresAt: number
  maxExpiresAt: number
}

/** Stores tokens; a digest that is there already stays whose it is. */
export async function insertImportedTokens(
  db: Kysely<Tables>,
  tokens: readonly ImportedToken[],
): Promise<void> {
  if (tokens.length === 0) return
  const rows = tokens.map((token) => ({
    id: uuidToBytes(token.id),
    user_id: token.userId,
    digest: digestToBytes(token.digest),
    name: token.name,
    device_name: token.name,
    created_at: token.createdAt,
    expires_at: token.expiresAt,
    max_expires_at: token.maxExpiresAt,
    proven_at: 0,
  }))
  await db
    .insertInto('latchkey_tokens')
    .values(rows)
    .onConflict((conflict) => conflict.column('digest').doNothing())
    .execute()
}
