import { type Kysely, PostgresAdapter, type RawBuilder, sql } from 'kysely'

/** Accounts. `username_key` and `email_key` are the canonical forms that make names unique. */
export async function up(db: Kysely<unknown>): Promise<void> {
  const text = textOf(db)
  await db.schema
    .createTable('latchkey_users')
    .ifNotExists()
    .addColumn('id', text, (column) => column.primaryKey().notNull())
    .addColumn('username', text, (column) => column.notNull())
    .addColumn('username_key', text, (column) => column.notNull().unique())
    .addColumn('email', text)
    .addColumn('email_key', text, (column) => column.unique())
    .addColumn('password_digest', text)
    .addColumn('role', text, (column) => column.notNull())
    .addColumn('active', 'integer', (column) => column.notNull())
    .addColumn('created_at', 'bigint', (column) => column.notNull())
    .addColumn('last_sign_in_at', 'bigint')
    .execute()
}

export async function down(db: Kysely<unknown>): Promise<void> {
  await db.schema.dropTable('latchkey_users').execute()
}

/** PostgreSQL would compare texts by the rules of a language; keys and ids are compared by their characters. */
function textOf(db: Kysely<unknown>): 'text' | RawBuilder<unknown> {
  return db.getExecutor().adapter instanceof PostgresAdapter ? sql`text collate "C"` : 'text'
}
