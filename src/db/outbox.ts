import { type Kysely, sql } from 'kysely'
import { byEngine } from './engine-words.ts'
import type { Tables } from './tables.ts'

/** Something to be delivered; times in milliseconds, `payload` JSON text. */
export interface OutboxRow {
  id: string
  kind: string
  payload: string
  attempts: number
  createdAt: number
}

export async function insertOutbox(
  db: Kysely<Tables>,
  row: Omit<OutboxRow, 'attempts'> & { owner: string | null },
): Promise<void> {
  await db
    .insertInto('latchkey_outbox')
    .values({
      id: row.id,
      kind: row.kind,
      payload: row.payload,
      user_id: row.owner,
      attempts: 0,
      created_at: row.createdAt,
      due_at: row.createdAt,
      claim: null,
    })
    .execute()
}

/** More than this are not counted one by one: whoever asks must not hold up others. */
const countedRows = 100_000

/** How many wait, by their kind. */
export function countOutbox(db: Kysely<Tables>): Promise<{ kind: string; count: number }[]> {
  return db
    .selectFrom((from) => from.selectFrom('latchkey_outbox').select('kind').limit(countedRows).as('waiting'))
    .select(['kind', (select) => select.fn.countAll<number>().as('count')])
    .groupBy('kind')
    .execute()
}

/** When the first of a kind is due, claimed ones included; undefined where there is none. */
export async function findNextDue(db: Kysely<Tables>, kind: string): Promise<number | undefined> {
  const row = await db
    .selectFrom('latchkey_outbox')
    .select('due_at')
    .where('kind', '=', kind)
    .orderBy('due_at')
    .limit(1)
    .executeTakeFirst()
  return row?.due_at
}

/** Where others may look at the same time, what they are taking is none of this look's business. */
const notTakenByOthers = byEngine({ sqlite: sql``, postgres: sql`for update skip locked` })

/** Takes what is due, the oldest first, so that nobody else takes it before `until`. */
export function claimOutbox(
  db: Kysely<Tables>,
  {
    kind,
    now,
    until,
    claim,
    limit,
  }: { kind: string; now: number; until: number; claim: string; limit: number },
): Promise<OutboxRow[]> {
  return db
    .updateTable('latchkey_outbox')
    .set((set) => ({ claim, due_at: until, attempts: set('attempts', '+', 1) }))
    .where('id', 'in', (from) =>
      from
        .selectFrom('latchkey_outbox')
        .select('id')
        .where('kind', '=', kind)
        .where('due_at', '<=', now)
        .orderBy('due_at')
        .orderBy('id')
        .limit(limit)
        .modifyEnd(notTakenByOthers),
    )
    .returning(['id', 'kind', 'payload', 'attempts', 'created_at as createdAt'])
    .execute()
}

/** Gives a claim back, to be tried again at `dueAt`; nothing where somebody else has claimed it since. */
export async function postponeOutbox(
  db: Kysely<Tables>,
  id: string,
  claim: string,
  dueAt: number,
): Promise<void> {
  await db
    .updateTable('latchkey_outbox')
    .set({ claim: null, due_at: dueAt })
    .where('id', '=', id)
    .where('claim', '=', claim)
    .execute()
}

/** Whether it was still there. What was delivered goes whoever has claimed it since. */
export async function deleteOutbox(db: Kysely<Tables>, id: string, claim?: string): Promise<boolean> {
  const { numDeletedRows } = await db
    .deleteFrom('latchkey_outbox')
    .where('id', '=', id)
    .$if(claim !== undefined, (query) => query.where('claim', '=', claim as string))
    .executeTakeFirst()
  return numDeletedRows > 0n
}

/** Takes what belongs to a user who is about to be deleted, by id and by the names that messages may have. */
export async function deleteOutboxOf(db: Kysely<Tables>, owners: readonly string[]): Promise<void> {
  await db.deleteFrom('latchkey_outbox').where('user_id', 'in', owners).execute()
}

/** Deletes up to `limit` that nobody has delivered for long, as happens where their kind was switched off; returns how many. */
export async function deleteOldOutbox(
  db: Kysely<Tables>,
  createdBefore: number,
  limit: number,
): Promise<number> {
  const { numDeletedRows } = await db
    .deleteFrom('latchkey_outbox')
    .where('id', 'in', (from) =>
      from
        .selectFrom('latchkey_outbox')
        .select('id')
        .where('created_at', '<=', createdBefore)
        .orderBy('id')
        .limit(limit),
    )
    .executeTakeFirst()
  return Number(numDeletedRows)
}
