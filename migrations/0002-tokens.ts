import { type Kysely, PostgresAdapter, type RawBuilder, sql } from 'kysely'

/** Per-device tokens: the SHA-256 digest, never the token. A token outlives its user as a tombstone until it is pruned. */
export async function up(db: Kysely<unknown>): Promise<void> {
  const text = textOf(db)
  await db.schema
    .createTable('latchkey_tokens')
    .ifNotExists()
    .addColumn('id', text, (column) => column.primaryKey().notNull())
    .addColumn('user_id', text, (column) => column.references('latchkey_users.id').onDelete('set null'))
    .addColumn('digest', text, (column) => column.notNull())
    .addColumn('name', text, (column) => column.notNull())
    .addColumn('device_id', text)
    .addColumn('device_name', text)
    .addColumn('device_platform', text)
    .addColumn('user_agent', text)
    .addColumn('created_at', 'bigint', (column) => column.notNull())
    .addColumn('expires_at', 'bigint', (column) => column.notNull())
    .addColumn('max_expires_at', 'bigint', (column) => column.notNull())
    .addColumn('last_used_at', 'bigint')
    .addColumn('last_used_address', text)
    .addColumn('revoked_at', 'bigint')
    .execute()
  await db.schema
    .createIndex('latchkey_tokens_digest')
    .ifNotExists()
    .unique()
    .on('latchkey_tokens')
    .column('digest')
    .execute()
  await db.schema
    .createIndex('latchkey_tokens_user')
    .ifNotExists()
    .on('latchkey_tokens')
    .column('user_id')
    .execute()
}

export async function down(db: Kysely<unknown>): Promise<void> {
  await db.schema.dropTable('latchkey_tokens').execute()
}

/** PostgreSQL would compare texts by the rules of a language; keys and ids are compared by their characters. */
function textOf(db: Kysely<unknown>): 'text' | RawBuilder<unknown> {
  return db.getExecutor().adapter instanceof PostgresAdapter ? sql`text collate "C"` : 'text'
}
