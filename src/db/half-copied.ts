import { type Kysely, sql } from 'kysely'
import { byEngine } from './engine-words.ts'
import type { Tables } from './tables.ts'

/** It stands in a database into which another one is being copied, and says which: nobody else is to use it yet. */
const markerTable = 'latchkey_copy'

/** Whether a database has a table of this name. */
export async function hasTable(db: Kysely<Tables>, name: string): Promise<boolean> {
  const { rows } = await byEngine<unknown>({
    sqlite: sql`select 1 from sqlite_master where name = ${name}`,
    postgres: sql`select 1 where to_regclass(${name}) is not null`,
  }).execute(db)
  return rows.length > 0
}

/** From where a database is being copied into this one; null for all others. */
export async function findCopySource(db: Kysely<Tables>): Promise<string | null> {
  if (!(await hasTable(db, markerTable))) return null
  const marks = await sql<{ source: string }>`select source from ${sql.table(markerTable)}`.execute(db)
  const [mark] = marks.rows as [{ source: string }] // it was written with the table
  return mark.source
}

/** Marks a database as the target of a copy. */
export async function markAsCopy(db: Kysely<Tables>, source: string): Promise<void> {
  await sql`create table ${sql.table(markerTable)} (source text not null)`.execute(db)
  await sql`insert into ${sql.table(markerTable)} (source) values (${source})`.execute(db)
}

/** Says that all was copied. */
export async function unmarkAsCopy(db: Kysely<Tables>): Promise<void> {
  await sql`drop table ${sql.table(markerTable)}`.execute(db)
}

/** Throws where a database is not whole yet. */
export async function refuseHalfCopied(db: Kysely<Tables>): Promise<void> {
  const source = await findCopySource(db)
  if (source !== null)
    throw new Error(
      `Another database (${source}) is being copied into this one. Stop what uses that one, and finish with latchkey db copy, without --ahead.`,
    )
}
