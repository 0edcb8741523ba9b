import { mkdirSync } from 'node:fs'
import { dirname } from 'node:path'
import SqliteDatabase from 'better-sqlite3'
import { type Generated, Kysely, SqliteDialect } from 'kysely'

/** The application's own table; Latchkey's stand beside it and begin with `latchkey_`. */
export interface Tables {
  notes: { id: Generated<number>; user_id: string; text: string }
}

/** Opens the application's database and creates its table. */
export async function openDatabase(file: string): Promise<Kysely<Tables>> {
  mkdirSync(dirname(file), { recursive: true })
  const connection = new SqliteDatabase(file)
  connection.pragma('journal_mode = WAL')
  // A revocation that was answered survives a power cut.
  connection.pragma('synchronous = FULL')
  // SQLite's wait for a lock holds up every request, so it is short. Latchkey goes on waiting without that.
  connection.pragma('busy_timeout = 50')
  const db = new Kysely<Tables>({ dialect: new SqliteDialect({ database: connection }) })
  await db.schema
    .createTable('notes')
    .ifNotExists()
    .addColumn('id', 'integer', (column) => column.primaryKey())
    .addColumn('user_id', 'text', (column) => column.notNull())
    .addColumn('text', 'text', (column) => column.notNull())
    .execute()
  return db
}
