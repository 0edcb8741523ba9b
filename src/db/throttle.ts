import type { Kysely } from 'kysely'
import type { Tables } from './tables.ts'

/** One counter; times in milliseconds. */
export interface ThrottleRow {
  attempts: number
  blockedUntil: number
  expiresAt: number
}

export function findThrottle(db: Kysely<Tables>, key: string): Promise<ThrottleRow | undefined> {
  return db
    .selectFrom('latchkey_throttle')
    .select(['attempts', 'blocked_until as blockedUntil', 'expires_at as expiresAt'])
    .where('key', '=', key)
    .executeTakeFirst()
}

export async function saveThrottle(db: Kysely<Tables>, key: string, row: ThrottleRow): Promise<void> {
  const values = { attempts: row.attempts, blocked_until: row.blockedUntil, expires_at: row.expiresAt }
  await db
    .insertInto('latchkey_throttle')
    .values({ key, ...values })
    .onConflict((conflict) => conflict.column('key').doUpdateSet(values))
    .execute()
}

export async function deleteThrottle(db: Kysely<Tables>, key: string): Promise<void> {
  await db.deleteFrom('latchkey_throttle').where('key', '=', key).execute()
}

/** Deletes up to `limit` counters that no longer say anything; returns how many. */
export async function deleteStaleThrottles(db: Kysely<Tables>, now: number, limit: number): Promise<number> {
  const { numDeletedRows } = await db
    .deleteFrom('latchkey_throttle')
    .where('key', 'in', (from) =>
      from.selectFrom('latchkey_throttle').select('key').where('expires_at', '<=', now).limit(limit),
    )
    .executeTakeFirst()
  return Number(numDeletedRows)
}
