import { type Kysely, PostgresAdapter, sql } from 'kysely'

/**
 * What lets one socket in, once, for the token with these digests. And tokens that no sign-in made are noted as changes of
 * their users, as a sign-in is by its time.
 */
export async function up(db: Kysely<unknown>): Promise<void> {
  if (isPostgres(db)) return createForPostgres(db)
  await sql`
    create table latchkey_socket_tickets (
      digest blob primary key not null,
      token_digests text not null,
      expires_at bigint not null
    ) without rowid`.execute(db)
  await sql`
    create trigger latchkey_token_added after insert on latchkey_tokens
    when new.kind is not null and new.user_id is not null
    begin insert into latchkey_changes (user_id) values (new.user_id); end`.execute(db)
}

export async function down(db: Kysely<unknown>): Promise<void> {
  if (isPostgres(db)) {
    await sql`drop trigger latchkey_token_added on latchkey_tokens`.execute(db)
    await sql`drop function latchkey_note_added()`.execute(db)
  } else {
    await sql`drop trigger latchkey_token_added`.execute(db)
  }
  await db.schema.dropTable('latchkey_socket_tickets').execute()
}

async function createForPostgres(db: Kysely<unknown>): Promise<void> {
  await sql`
    create table latchkey_socket_tickets (
      digest bytea primary key not null,
      token_digests text collate "C" not null,
      expires_at bigint not null
    )`.execute(db)
  await sql`
    create function latchkey_note_added() returns trigger language plpgsql as $$
    begin perform latchkey_note_change(new.user_id); return null; end $$`.execute(db)
  await sql`
    create trigger latchkey_token_added after insert on latchkey_tokens for each row
    when (new.kind is not null and new.user_id is not null)
    execute function latchkey_note_added()`.execute(db)
}

function isPostgres(db: Kysely<unknown>): boolean {
  return db.getExecutor().adapter instanceof PostgresAdapter
}
