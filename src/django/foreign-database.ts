import type { Kysely, RawBuilder } from 'kysely'

/** A database of somebody else's, which is read and never written. */
export interface ForeignDatabase {
  /** For raw queries: what tables there are is not known. Whole numbers may come as bigint or as text. */
  readonly kysely: Kysely<unknown>
  /** The columns of a table or view, by the name under which queries reach it; null where there is none. */
  findTable(name: string): Promise<ForeignTable | null>
  /** Names of tables with a column `password` and one `last_login`, as all of Django's tables of users have. */
  listUserTables(): Promise<string[]>
  close(): Promise<void>
}

export interface ForeignTable {
  name: string
  /** What columns that refer to this table have as `references`. */
  id: string
  /** For queries, quoted. */
  identifier: RawBuilder<unknown>
  columns: ForeignColumn[]
}

export interface ForeignColumn {
  name: string
  isPrimaryKey: boolean
  /** The `id` of the table that a foreign key of this column alone refers to; null for none. */
  references: string | null
}

/** What cannot be read, in a sentence for the operator; `cause` may hold the address with its password. */
export class ForeignDatabaseError extends Error {
  override readonly name = 'ForeignDatabaseError'
}
