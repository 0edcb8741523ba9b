import { type Kysely, sql } from 'kysely'
import { isOnPostgres } from './engine-words.ts'
import type { Tables } from './tables.ts'

/** A part of a limit for whoever asks, and the milliseconds until the window ends. */
export interface GrantedRow {
  granted: number
  ttl: number
}

/**
 * Grants up to `wanted` of what is left under `key`; a window of `windowMs` begins with the first. One statement, by the
 * clock of the server: of all who ask at once each gets a part of its own. On PostgreSQL alone.
 */
export async function grantLease(
  db: Kysely<Tables>,
  { key, wanted, max, windowMs }: { key: string; wanted: number; max: number; windowMs: number },
): Promise<GrantedRow> {
  const now = sql`cast(extract(epoch from clock_timestamp()) * 1000 as bigint)`
  const first = sql`least(cast(${wanted} as integer), cast(${max} as integer))`
  const isOver = sql`lease.ends_at <= ${now}`
  const next = sql`greatest(0, least(cast(${wanted} as integer), cast(${max} as integer) - lease.used))`
  const { rows } = await sql<GrantedRow>`
    insert into latchkey_leases as lease (key, used, granted, ends_at)
    values (${key}, ${first}, ${first}, ${now} + cast(${windowMs} as bigint))
    on conflict (key) do update set
      used = case when ${isOver} then excluded.used else lease.used + ${next} end,
      granted = case when ${isOver} then excluded.granted else ${next} end,
      ends_at = case when ${isOver} then excluded.ends_at else lease.ends_at end
    returning granted, greatest(ends_at - ${now}, 0) as ttl`.execute(db)
  const [row] = rows as [GrantedRow] // it is inserted or updated
  return row
}

/** Deletes up to `limit` of windows that are over; returns how many. */
export async function deleteOldLeases(db: Kysely<Tables>, limit: number): Promise<number> {
  if (!isOnPostgres(db)) return 0
  const { numAffectedRows = 0n } = await sql`
    delete from latchkey_leases where key in (
      select key from latchkey_leases
      where ends_at <= extract(epoch from now()) * 1000 limit ${limit} for update skip locked)`.execute(db)
  return Number(numAffectedRows)
}
