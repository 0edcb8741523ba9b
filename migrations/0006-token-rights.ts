import { type Kysely, PostgresAdapter, sql } from 'kysely'

/**
 * What tokens may be used for, of what kind they are, and when the password was last proven with them. Each column is
 * null in the usual case: a sign-in that holds all scopes, proven when it was issued. `proven_at` is 0 for never. `service`
 * marks accounts that are never to have a password.
 *
 * Predecessors are the digests of tokens that were rotated. The last one of each token has the nonce from which, with the
 * predecessor itself, the token in force was derived.
 */
export async function up(db: Kysely<unknown>): Promise<void> {
  const isPostgres = db.getExecutor().adapter instanceof PostgresAdapter
  const bytes = isPostgres ? 'bytea' : 'blob'
  await db.schema.alterTable('latchkey_tokens').addColumn('kind', 'integer').execute()
  await db.schema.alterTable('latchkey_tokens').addColumn('scopes', 'text').execute()
  await db.schema.alterTable('latchkey_tokens').addColumn('proven_at', 'bigint').execute()
  await db.schema.alterTable('latchkey_users').addColumn('service', 'integer').execute()
  await db.schema
    .createTable('latchkey_token_predecessors')
    .addColumn('digest', bytes, (column) => column.primaryKey().notNull())
    .addColumn('token_id', bytes, (column) =>
      column.notNull().references('latchkey_tokens.id').onDelete('cascade'),
    )
    .addColumn('nonce', bytes)
    .addColumn('rotated_at', 'bigint', (column) => column.notNull())
    .execute()
  await db.schema
    .createIndex('latchkey_token_predecessors_token')
    .on('latchkey_token_predecessors')
    .column('token_id')
    .execute()
  // The operator's tokens, which no password stands behind, were issued without a user agent; so were a few sign-ins.
  await sql`update latchkey_tokens set proven_at = 0 where user_agent_id is null`.execute(db)
  // Caches of principals hear of these as well.
  if (isPostgres) {
    await sql`
      create trigger latchkey_token_rights_changed after update of kind, scopes, proven_at on latchkey_tokens
      for each row when (old.user_id is not null and (
        new.kind is distinct from old.kind or new.scopes is distinct from old.scopes or
        new.proven_at is distinct from old.proven_at))
      execute function latchkey_note_token()`.execute(db)
    return
  }
  await sql`
    create trigger latchkey_token_rights_changed after update of kind, scopes, proven_at on latchkey_tokens
    when old.user_id is not null and (
      new.kind is not old.kind or new.scopes is not old.scopes or new.proven_at is not old.proven_at)
    begin insert into latchkey_changes (user_id) values (old.user_id); end`.execute(db)
}

export async function down(db: Kysely<unknown>): Promise<void> {
  const isPostgres = db.getExecutor().adapter instanceof PostgresAdapter
  await sql`drop trigger latchkey_token_rights_changed ${isPostgres ? sql`on latchkey_tokens` : sql``}`.execute(
    db,
  )
  await db.schema.dropTable('latchkey_token_predecessors').execute()
  await db.schema.alterTable('latchkey_users').dropColumn('service').execute()
  await db.schema.alterTable('latchkey_tokens').dropColumn('proven_at').execute()
  await db.schema.alterTable('latchkey_tokens').dropColumn('scopes').execute()
  await db.schema.alterTable('latchkey_tokens').dropColumn('kind').execute()
}
