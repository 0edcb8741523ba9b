import type { Kysely } from 'kysely'
import type { Tables } from '../db/tables.ts'
import { findThrottle, replaceThrottle } from '../db/throttle.ts'

export const hourMs = 3_600_000

/**
 * Counts one more under a key, up to `limit` in an hour from the first on. Returns the milliseconds to wait where it was as
 * many already, or else 0. Of all who count at once, each is counted.
 */
export async function countInHour(
  db: Kysely<Tables>,
  key: string,
  limit: number,
  clock: () => number,
): Promise<number> {
  for (;;) {
    const now = clock()
    const found = await findThrottle(db, key)
    // One that lasts longer than an hour was written before the clock was set back: it is void.
    const isOn = found !== undefined && found.expiresAt > now && found.expiresAt <= now + hourMs
    const counter = isOn ? found : { attempts: 0, blockedUntil: 0, expiresAt: now + hourMs }
    if (counter.attempts >= limit) return counter.expiresAt - now
    if (await replaceThrottle(db, key, found, { ...counter, attempts: counter.attempts + 1 })) return 0
  }
}
