import { type Kysely, type SelectQueryBuilder, sql } from 'kysely'
import { bytesAt, numberAt, rowsOfJson } from './engine-words.ts'
import type { AuditEventsTable, Tables } from './tables.ts'

/** One record of what happened; `times` is how often, for what was repeated within a minute. */
export interface AuditRow {
  /** A UUIDv7 of the moment. */
  id: string
  /** In milliseconds since 1970. */
  at: number
  event: string
  userId: string | null
  /** The administrator who did it, where it was not the user. */
  actorId: string | null
  tokenId: string | null
  address: string | null
  userAgent: string | null
  requestId: string | null
  count: number | null
  times: number
  detail: string | null
}

/** By which index a list is read; the records of all of them are newest first. */
export type AuditPath = { userId: string } | { address: string } | { event: string } | 'all'

/** The records between two ids, neither of them included. */
export interface AuditRange {
  behind: string
  before: string
}

/**
 * Adds records. Those that are there already stay as they are, so that writing again what may have been written is safe.
 * Of a user who has been deleted meanwhile, by whichever process, it is not kept where they were.
 */
export async function insertAuditEvents(db: Kysely<Tables>, rows: readonly AuditRow[]): Promise<void> {
  const values = rows.map((row) => [
    row.id,
    row.at,
    row.event,
    row.userId,
    row.actorId,
    row.tokenId,
    row.address,
    row.userAgent,
    row.requestId,
    row.count,
    row.times,
    row.detail,
  ])
  const [id, userId, actorId, tokenId] = [0, 3, 4, 5].map(bytesAt)
  const [at, count, times] = [1, 9, 10].map(numberAt)
  const isErased = sql`value ->> 3 is not null and coalesce(value ->> 4, value ->> 3) = value ->> 3
    and not exists (select 1 from latchkey_users where latchkey_users.id = value ->> 3)`
  // One statement for any number of rows: it is prepared once.
  await sql`
    insert into latchkey_audit_events
      (id, at, event, user_id, actor_id, token_id, address, user_agent, request_id, count, times, detail)
    select ${id}, ${at}, value ->> 2, ${userId}, ${actorId}, ${tokenId},
      case when ${isErased} then null else value ->> 6 end, case when ${isErased} then null else value ->> 7 end,
      value ->> 8, ${count}, ${times}, value ->> 11
    from ${rowsOfJson(JSON.stringify(values))} where true
    on conflict do nothing`.execute(db)
}

/** Up to `limit` records of a range as they are stored, newest first: most of those that are looked through are shown to nobody. */
export function listAuditEvents(
  db: Kysely<Tables>,
  path: AuditPath,
  { behind, before }: AuditRange,
  limit: number,
): Promise<AuditEventsTable[]> {
  return along(db.selectFrom('latchkey_audit_events').selectAll(), path)
    .where('id', '>', toBytes(behind))
    .where('id', '<', toBytes(before))
    .orderBy('id', 'desc')
    .limit(limit)
    .execute()
}

/** What a record has to have; null for anything. */
export interface AuditMatch {
  events: readonly string[] | null
  address: string | null
}

/**
 * The records that match among the next `limit` of a range, newest first, and the id of the last one that was looked at;
 * null where there are no more. What is looked through stays in the database.
 */
export async function findAuditEvents(
  db: Kysely<Tables>,
  path: AuditPath,
  { behind, before }: AuditRange,
  { events, address }: AuditMatch,
  limit: number,
): Promise<{ rows: AuditEventsTable[]; end: string | null }> {
  const looked = along(db.selectFrom('latchkey_audit_events').select('id'), path)
    .where('id', '>', toBytes(behind))
    .where('id', '<', toBytes(before))
    .orderBy('id', 'desc')
  const last = await looked
    .offset(limit - 1)
    .limit(1)
    .executeTakeFirst()
  // Down to that one, though a newer one may have been added meanwhile.
  const seen = last === undefined ? looked : looked.where('id', '>=', last.id)
  let query = db
    .selectFrom('latchkey_audit_events')
    .selectAll()
    .where('id', 'in', (from) => from.selectFrom(seen.as('looked')).select('looked.id'))
    .orderBy('id', 'desc')
  if (events !== null) query = query.where('event', 'in', events)
  if (address !== null) query = query.where('address', '=', address)
  const rows = await query.execute()
  return { rows, end: last === undefined ? null : toId(last.id) }
}

/** Takes out of the records of a user from where they were made, but for what an administrator did to the user. */
export async function eraseAuditDetails(db: Kysely<Tables>, userId: string): Promise<void> {
  await db
    .updateTable('latchkey_audit_events')
    .set({ address: null, user_agent: null })
    .where('user_id', '=', toBytes(userId))
    .where((where) => where.or([where('actor_id', 'is', null), where('actor_id', '=', toBytes(userId))]))
    .execute()
}

/** Deletes up to `limit` records from before a moment, the oldest first; returns how many. */
export async function deleteOldAuditEvents(
  db: Kysely<Tables>,
  before: number,
  limit: number,
): Promise<number> {
  const { numDeletedRows } = await db
    .deleteFrom('latchkey_audit_events')
    .where('id', 'in', (from) =>
      from
        .selectFrom('latchkey_audit_events')
        .select('id')
        .where('id', '<', toBytes(firstIdAt(before)))
        .orderBy('id')
        .limit(limit),
    )
    .executeTakeFirst()
  return Number(numDeletedRows)
}

/** An id that comes before every UUIDv7 of this moment, and after those of the moment before. */
export function firstIdAt(ms: number): string {
  const hex = Math.min(Math.max(Math.trunc(ms), 0), 2 ** 48 - 1)
    .toString(16)
    .padStart(12, '0')
  return toId(Buffer.from(`${hex}${'0'.repeat(20)}`, 'hex'))
}

type Query<Row> = SelectQueryBuilder<Tables, 'latchkey_audit_events', Row>

function along<Row>(query: Query<Row>, path: AuditPath): Query<Row> {
  if (path === 'all') return query
  if ('userId' in path) return query.where('user_id', '=', toBytes(path.userId))
  if ('address' in path) return query.where('address', '=', path.address)
  return query.where('event', '=', path.event)
}

/** A record with its ids as text. */
export function toAuditRow(row: AuditEventsTable): AuditRow {
  const { id, at, event, address, count, times, detail } = row
  return {
    id: toId(id),
    at,
    event,
    userId: row.user_id && toId(row.user_id),
    actorId: row.actor_id && toId(row.actor_id),
    tokenId: row.token_id && toId(row.token_id),
    address,
    userAgent: row.user_agent,
    requestId: row.request_id,
    count,
    times,
    detail,
  }
}

function toBytes(id: string): Buffer {
  return Buffer.from(id.replaceAll('-', ''), 'hex')
}

/** A UUID as text. */
export function toId(bytes: Buffer): string {
  return bytes.toString('hex').replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-')
}
