import type { Kysely } from 'kysely'

/** Counters of failed sign-ins, by account and by address. `key` holds a digest of what was submitted, not the text. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable('latchkey_throttle')
    .ifNotExists()
    .addColumn('key', 'text', (column) => column.primaryKey().notNull())
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
