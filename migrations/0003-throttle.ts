import { type Kysely, PostgresAdapter, type RawBuilder, sql } from 'kysely'

/** Counters of failed sign-ins, by account and by address. `key` holds a digest of what was submitted, not the text. */
export async function up(db: Kysely<unknown>): Promise<void> {
  const text = textOf(db)
  await db.schema
    .createTable('latchkey_throttle')
    .ifNotExists()
    .addColumn('key', text, (column) => column.primaryKey().notNull())
    .addColumn('attempts', 'integer', (column) => column.notNull())
    .addColumn('blocked_until', 'bigint', (column) => column.notNull())
    .addColumn('expires_at', 'bigint', (column) => column.notNull())
    .execute()
  await db.schema
    .createIndex('latchkey_throttle_expires')
    .ifNotExists()
    .on('latchkey_throttle')
    .column('expires_at')
    .execute()
}

export async function down(db: Kysely<unknown>): Promise<void> {
  await db.schema.dropTable('latchkey_throttle').execute()
}

/** PostgreSQL would compare texts by the rules of a language; keys and ids are compared by their characters. */
function textOf(db: Kysely<unknown>): 'text' | RawBuilder<unknown> {
  return db.getExecutor().adapter instanceof PostgresAdapter ? sql`text collate "C"` : 'text'
}
