import { type Kysely, PostgresAdapter, sql } from 'kysely'

/**
 * What was taken over from another system, by what it was there. Nothing refers to an account: the row outlives the user
 * and the token that were made of it, so that importing again brings neither back.
 */
export async function up(db: Kysely<unknown>): Promise<void> {
  const isPostgres = db.getExecutor().adapter instanceof PostgresAdapter
  const text = isPostgres ? sql`text collate "C"` : sql`text`
  await sql`
    create table latchkey_imports (
      source ${text} not null,
      foreign_id ${text} not null,
      user_id ${text} not null,
      imported_at bigint not null,
      primary key (source, foreign_id)
    ) ${isPostgres ? sql`` : sql`without rowid`}`.execute(db)
}

export async function down(db: Kysely<unknown>): Promise<void> {
  await db.schema.dropTable('latchkey_imports').execute()
}
