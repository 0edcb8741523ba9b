import { type ExpressionBuilder, type ExpressionWrapper, type Kysely, type SqlBool, sql } from 'kysely'
import { digestToBytes, uuidText, uuidToBytes } from './bytes.ts'
import { bytesAt, numberAt, rowsOfJson } from './engine-words.ts'
import type { Database, FindOne } from './open.ts'
import type { Tables } from './tables.ts'

/** A token as it is stored; times in milliseconds. The digest is written and looked up, never read. */
export interface TokenRow {
  id: string
  userId: string | null
  name: string
  deviceId: string | null
  deviceName: string | null
  devicePlatform: string | null
  userAgent: string | null
  createdAt: number
  expiresAt: number
  maxExpiresAt: number
  lastUsedAt: number | null
  lastUsedAddress: string | null
  revokedAt: number | null
  /** Null for one of a sign-in; only those go idle. */
  kind: number | null
  /** Parted by blanks; null for all. */
  scopes: string | null
  /** When the password was last proven with it: null for at its issue, 0 for never. */
  provenAt: number | null
}

/** A token with its user, as the request path needs them; the user's part is null once the user is deleted. */
export interface TokenWithUserRow extends TokenRow {
  username: string | null
  email: string | null
  role: 'USER' | 'ADMIN' | null
  active: number | null
  userCreatedAt: number | null
  lastSignInAt: number | null
  emailVerifiedAt: number | null
}

/** What tells a live token from an ended one: the clock, and the moment before which an unused token has gone idle. */
export interface LiveAt {
  now: number
  idleSince: number
}

/** What one token's use amounts to since the last flush. */
export interface TokenUse {
  id: string
  createdAt: number
  usedAt: number
  address: string
  /** The expiry that follows from it, */
  expiresAt: number
  /** and the stored one that it followed from: when that is shortened meanwhile, nothing moves it on. */
  renewedFrom: number
}

const tokenId = uuidText('latchkey_tokens.id')

/** What there is to select of a token. */
export const tokenColumns = [
  tokenId.as('id'),
  'latchkey_tokens.user_id as userId',
  'latchkey_tokens.name',
  'latchkey_tokens.device_id as deviceId',
  'latchkey_tokens.device_name as deviceName',
  'latchkey_tokens.device_platform as devicePlatform',
  sql<string | null>`(select text from latchkey_user_agents where id = latchkey_tokens.user_agent_id)`.as(
    'userAgent',
  ),
  'latchkey_tokens.created_at as createdAt',
  'latchkey_tokens.expires_at as expiresAt',
  'latchkey_tokens.max_expires_at as maxExpiresAt',
  'latchkey_tokens.last_used_at as lastUsedAt',
  'latchkey_tokens.last_used_address as lastUsedAddress',
  'latchkey_tokens.revoked_at as revokedAt',
  'latchkey_tokens.kind',
  'latchkey_tokens.scopes',
  'latchkey_tokens.proven_at as provenAt',
] as const

/** What there is to select of its user beside it. */
export const userColumns = [
  'latchkey_users.username',
  'latchkey_users.email',
  'latchkey_users.role',
  'latchkey_users.active',
  'latchkey_users.created_at as userCreatedAt',
  'latchkey_users.last_sign_in_at as lastSignInAt',
  'latchkey_users.email_verified_at as emailVerifiedAt',
] as const

/** The one look-up of the request path: a token's digest → the token joined with its user. */
export function prepareFindToken(database: Database): FindOne<TokenWithUserRow> {
  const findByBytes = database.prepareOne((db) =>
    db
      .selectFrom('latchkey_tokens')
      .leftJoin('latchkey_users', 'latchkey_users.id', 'latchkey_tokens.user_id')
      .select(tokenColumns)
      .select(userColumns)
      // Not `=`: with its table statistics SQLite would plan such a join anew for each value, at five times the cost.
      .where('latchkey_tokens.digest', 'in', [new Uint8Array()])
      .compile(),
  )
  return (digest) => findByBytes(digestToBytes(digest))
}

/** A token to be stored; without rights of its own it is one of a sign-in. */
export type NewTokenRow = Omit<TokenRow, Rights> & Partial<Pick<TokenRow, Rights>> & { digest: string }

type Rights = 'kind' | 'scopes' | 'provenAt'

export async function insertToken(db: Kysely<Tables>, token: NewTokenRow): Promise<void> {
  const { userAgent } = token
  if (userAgent !== null) {
    await db
      .insertInto('latchkey_user_agents')
      .values({ text: userAgent })
      .onConflict((conflict) => conflict.column('text').doNothing())
      .execute()
  }
  await db
    .insertInto('latchkey_tokens')
    .values({
      id: uuidToBytes(token.id),
      user_id: token.userId,
      digest: digestToBytes(token.digest),
      name: token.name,
      device_id: token.deviceId,
      device_name: token.deviceName,
      device_platform: token.devicePlatform,
      user_agent_id: (from) =>
        from
          .selectFrom('latchkey_user_agents')
          .select('latchkey_user_agents.id')
          .where('text', '=', userAgent),
      created_at: token.createdAt,
      expires_at: token.expiresAt,
      max_expires_at: token.maxExpiresAt,
      last_used_at: token.lastUsedAt,
      last_used_address: token.lastUsedAddress,
      revoked_at: token.revokedAt,
      kind: token.kind ?? null,
      scopes: token.scopes ?? null,
      proven_at: token.provenAt ?? null,
    })
    .execute()
}

/** The live tokens of a user of one kind with the time of their last use, or else of their issue. */
export function listLiveTokenUses(
  db: Kysely<Tables>,
  userId: string,
  at: LiveAt,
  kind: number | null,
): Promise<{ id: string; usedAt: number }[]> {
  return db
    .selectFrom('latchkey_tokens')
    .select([tokenId.as('id'), sql<number>`coalesce(last_used_at, created_at)`.as('usedAt')])
    .where('user_id', '=', userId)
    .where('kind', 'is not distinct from', kind)
    .where((where) => isLive(where, at))
    .orderBy('latchkey_tokens.id')
    .execute()
}

/** The live tokens of a user, newest first, from behind the id `after`. */
export function listLiveTokens(
  db: Kysely<Tables>,
  userId: string,
  at: LiveAt,
  limit: number,
  after: string | null,
): Promise<TokenRow[]> {
  return db
    .selectFrom('latchkey_tokens')
    .select(tokenColumns)
    .where('user_id', '=', userId)
    .where((where) => isLive(where, at))
    .$if(after !== null, (query) => query.where('latchkey_tokens.id', '<', uuidToBytes(after as string)))
    .orderBy('latchkey_tokens.id', 'desc')
    .limit(limit)
    .execute()
}

export async function countLiveTokens(db: Kysely<Tables>, userId: string, at: LiveAt): Promise<number> {
  const row = await db
    .selectFrom('latchkey_tokens')
    .select((select) => select.fn.countAll<number>().as('count'))
    .where('user_id', '=', userId)
    .where((where) => isLive(where, at))
    .executeTakeFirstOrThrow()
  return Number(row.count)
}

/** A live token of this user, or undefined. */
export function findLiveToken(
  db: Kysely<Tables>,
  userId: string,
  id: string,
  at: LiveAt,
): Promise<TokenRow | undefined> {
  return db
    .selectFrom('latchkey_tokens')
    .select(tokenColumns)
    .where('latchkey_tokens.id', '=', uuidToBytes(id))
    .where('user_id', '=', userId)
    .where((where) => isLive(where, at))
    .executeTakeFirst()
}

/** Any token by its id. */
export function findToken(db: Kysely<Tables>, id: string): Promise<TokenRow | undefined> {
  return db
    .selectFrom('latchkey_tokens')
    .select(tokenColumns)
    .where('latchkey_tokens.id', '=', uuidToBytes(id))
    .executeTakeFirst()
}

/**
 * Ends tokens that are not revoked yet; returns the ids of those that were live. One past its stored expiry is marked as
 * well: a process that has its renewal in memory may be about to write it.
 */
export async function markTokensRevoked(
  db: Kysely<Tables>,
  which:
    | { ids: readonly string[]; userId?: string }
    | { userId: string; exceptId?: string; deviceId?: string },
  now: number,
): Promise<string[]> {
  let query = db
    .updateTable('latchkey_tokens')
    .set({ revoked_at: now })
    .where('revoked_at', 'is', null)
    .returning([tokenId.as('id'), 'expires_at'])
  if ('ids' in which) query = query.where('latchkey_tokens.id', 'in', which.ids.map(uuidToBytes))
  if (which.userId !== undefined) query = query.where('user_id', '=', which.userId)
  if ('exceptId' in which && which.exceptId !== undefined)
    query = query.where('latchkey_tokens.id', '!=', uuidToBytes(which.exceptId))
  if ('deviceId' in which && which.deviceId !== undefined)
    query = query.where('device_id', '=', which.deviceId)
  const rows = await query.execute()
  return rows.filter((row) => row.expires_at > now).map((row) => row.id)
}

/** Notes that the password was proven with a token; whether it was still in force. */
export async function markTokenProven(db: Kysely<Tables>, id: string, now: number): Promise<boolean> {
  const { numUpdatedRows } = await db
    .updateTable('latchkey_tokens')
    .set({ proven_at: now })
    .where('latchkey_tokens.id', '=', uuidToBytes(id))
    .where('revoked_at', 'is', null)
    .executeTakeFirst()
  return numUpdatedRows > 0n
}

export async function renameToken(
  db: Kysely<Tables>,
  userId: string,
  id: string,
  name: string,
): Promise<void> {
  await db
    .updateTable('latchkey_tokens')
    .set({ name })
    .where('latchkey_tokens.id', '=', uuidToBytes(id))
    .where('user_id', '=', userId)
    .execute()
}

/** Takes what tells about a person out of the tokens of a user who is about to be deleted. */
export async function eraseTokenDetails(db: Kysely<Tables>, userId: string): Promise<void> {
  await db
    .updateTable('latchkey_tokens')
    .set({
      name: '',
      device_id: null,
      device_name: null,
      device_platform: null,
      user_agent_id: null,
      last_used_address: null,
    })
    .where('user_id', '=', userId)
    .execute()
}

/** Writes uses of tokens. A late flush never turns the clock back, nor revives what was ended or shortened meanwhile. */
export async function recordTokenUses(db: Kysely<Tables>, uses: readonly TokenUse[]): Promise<void> {
  const rows = uses.map((use) => [use.id, use.usedAt, use.address, use.expiresAt, use.renewedFrom])
  await sql`
    update latchkey_tokens set
      last_used_at = used.at,
      last_used_address = used.address,
      expires_at = case when expires_at between used.renewed_from and used.renewed then used.renewed else expires_at end
    from (
      select ${bytesAt(0)} as token_id, ${numberAt(1)} as at, value ->> 2 as address,
        ${numberAt(3)} as renewed, ${numberAt(4)} as renewed_from
      from ${rowsOfJson(JSON.stringify(rows))}
    ) as used
    where latchkey_tokens.id = used.token_id and revoked_at is null
      and (last_used_at is null or last_used_at <= used.at)`.execute(db)
}

/**
 * Deletes up to `limit` rows, from behind the id `after`, of which those stay that ended at `endedBefore` or later.
 * Returns how many went and where to go on, or null at the end: ids are in the order of creation, and what was created
 * later than `endedBefore` has not ended before.
 */
export async function deleteEndedTokens(
  db: Kysely<Tables>,
  at: { endedBefore: number; idleBefore: number },
  limit: number,
  after: string,
): Promise<{ deleted: number; next: string | null }> {
  const page = await db
    .selectFrom('latchkey_tokens')
    .select([tokenId.as('id'), 'created_at'])
    .where('latchkey_tokens.id', '>', uuidToBytes(after))
    .orderBy('latchkey_tokens.id')
    .limit(limit)
    .execute()
  const last = page.at(-1)
  if (last === undefined) return { deleted: 0, next: null }
  const { numDeletedRows } = await db
    .deleteFrom('latchkey_tokens')
    .where('latchkey_tokens.id', '>', uuidToBytes(after))
    .where('latchkey_tokens.id', '<=', uuidToBytes(last.id))
    .where((where) =>
      where.or([
        where('expires_at', '<=', at.endedBefore),
        where('revoked_at', '<=', at.endedBefore),
        where.and([
          where('kind', 'is', null),
          where(sql<number>`coalesce(last_used_at, created_at)`, '<=', at.idleBefore),
        ]),
      ]),
    )
    .executeTakeFirst()
  return {
    deleted: Number(numDeletedRows),
    next: page.length < limit || last.created_at > at.endedBefore ? null : last.id,
  }
}

function isLive(
  where: ExpressionBuilder<Tables, 'latchkey_tokens'>,
  at: LiveAt,
): ExpressionWrapper<Tables, 'latchkey_tokens', SqlBool> {
  return where.and([
    where('revoked_at', 'is', null),
    where('expires_at', '>', at.now),
    where.or([
      where('kind', 'is not', null),
      where(sql<number>`coalesce(last_used_at, created_at)`, '>', at.idleSince),
    ]),
  ])
}
