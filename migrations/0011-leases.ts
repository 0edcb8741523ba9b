import { type Kysely, PostgresAdapter, sql } from 'kysely'

/**
 * What is used up of the limits on requests, which all instances on one server share. A window is soon over, so that a
 * crash may forget it; `key` holds a digest. A file of SQLite has none: its processes share their limits otherwise.
 */
export async function up(db: Kysely<unknown>): Promise<void> {
  if (!isPostgres(db)) return
  await sql`
    create unlogged table latchkey_leases (
      key text collate "C" primary key,
      used integer not null,
      granted integer not null,
      ends_at bigint not null
    )`.execute(db)
  await sql`create index latchkey_leases_ends on latchkey_leases (ends_at)`.execute(db)
}

export async function down(db: Kysely<unknown>): Promise<void> {
  if (isPostgres(db)) await db.schema.dropTable('latchkey_leases').execute()
}

function isPostgres(db: Kysely<unknown>): boolean {
  return db.getExecutor().adapter instanceof PostgresAdapter
}
