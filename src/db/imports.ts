import { type Kysely, sql } from 'kysely'
import type { ImportsTable, Tables } from './tables.ts'

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
    .where(sql<boolean>`foreign_id in (select value from json_each(${JSON.stringify(foreignIds)}))`)
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
  await sql`
    insert or ignore into latchkey_imports (source, foreign_id, user_id, imported_at)
    select ${source}, value ->> 0, value ->> 1, value ->> 2 from json_each(${JSON.stringify(values)})`.execute(
    db,
  )
}
