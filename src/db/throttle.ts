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

/** Puts a counter in the place of what was found; false where that has changed meanwhile, or come into being. */
export async function replaceThrottle(
  db: Kysely<Tables>,
  key: string,
  found: ThrottleRow | undefined,
  row: ThrottleRow,
): Promise<boolean> {
  const values = { attempts: row.attempts, blocked_until: row.blockedUntil, expires_at: row.expiresAt }
  if (found === undefined) {
    const { numInsertedOrUpdatedRows } = await db
      .insertInto('latchkey_throttle')
      .values({ key, ...values })
      .onConflict((conflict) => conflict.column('key').doNothing())
      .executeTakeFirst()
    return numInsertedOrUpdatedRows === 1n
  }
  const { numUpdatedRows } = await db
    .updateTable('latchkey_throttle')
    .set(values)
    .where('key', '=', key)
    .where('attempts', '=', found.attempts)
    .where('blocked_until', '=', found.blockedUntil)
    .where('expires_at', '=', found.expiresAt)
    .executeTakeFirst()
  return numUpdatedRows > 0n
}

/** Counts one more, to be forgotten at `expiresAt`; returns how many that makes. */
export async function countUp(db: Kysely<Tables>, key: string, expiresAt: number): Promise<number> {
  const { attempts } = await db
    .insertInto('latchkey_throttle')
    .values({ key, attempts: 1, blocked_until: 0, expires_at: expiresAt })
    .onConflict((conflict) =>
      conflict.column('key').doUpdateSet((set) => ({
        attempts: set('latchkey_throttle.attempts', '+', 1),
        blocked_until: 0,
        expires_at: expiresAt,
      })),
    )
    .returning('attempts')
    .executeTakeFirstOrThrow()
  return attempts
}

/** Takes one attempt back, and with it the wait it has caused. In a transaction. */
export async function giveBackAttempt(db: Kysely<Tables>, key: string): Promise<void> {
  const { numUpdatedRows } = await db
    .updateTable('latchkey_throttle')
    .set((set) => ({ attempts: set('attempts', '-', 1), blocked_until: 0 }))
    .where('key', '=', key)
    .where('attempts', '>', 1)
    .executeTakeFirst()
  if (numUpdatedRows === 0n) await deleteThrottle(db, key)
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
