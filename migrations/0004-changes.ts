import { type Kysely, sql } from 'kysely'

/**
 * Whose principals changed, in the order of the commits: what caches of principals follow. Triggers write it, so that no
 * writer can forget it. Uses and renewals of tokens are no changes: they take nothing from anybody.
 */
export async function up(db: Kysely<unknown>): Promise<void> {
  await sql`
    create table latchkey_changes (seq integer primary key autoincrement not null, user_id text not null)`.execute(
    db,
  )
  // There is always one row at least, so that a reader who does not find the one it knows has missed some. The first one
  // has a random number: a table that was made anew, or restored, does not pass for the one before.
  await sql`insert into latchkey_changes (seq, user_id) values (abs(random() % 1000000000), '')`.execute(db)
  await sql`
    create trigger latchkey_token_changed after update on latchkey_tokens
    when old.user_id is not null and (
      new.user_id is not old.user_id or new.revoked_at is not old.revoked_at or
      new.max_expires_at <> old.max_expires_at or new.expires_at < old.expires_at or
      (new.expires_at <> old.expires_at and new.last_used_at is old.last_used_at) or
      new.digest <> old.digest or new.name <> old.name or new.device_id is not old.device_id or
      new.device_name is not old.device_name or new.device_platform is not old.device_platform or
      new.user_agent is not old.user_agent or new.id <> old.id or new.created_at <> old.created_at)
    begin insert into latchkey_changes (user_id) values (old.user_id); end`.execute(db)
  // Pruning deletes what ended long ago, by the thousand; nobody is let in with that any more.
  await sql`
    create trigger latchkey_token_deleted after delete on latchkey_tokens
    when old.user_id is not null and old.revoked_at is null and old.expires_at > strftime('%s', 'now') * 1000
    begin insert into latchkey_changes (user_id) values (old.user_id); end`.execute(db)
  // REPLACE deletes what stands in its way without a trigger for it.
  await sql`
    create trigger latchkey_token_replaced before insert on latchkey_tokens
    begin
      insert into latchkey_changes (user_id)
      select user_id from latchkey_tokens where (id = new.id or digest = new.digest) and user_id is not null;
    end`.execute(db)
  await sql`
    create trigger latchkey_user_replaced before insert on latchkey_users
    begin
      insert into latchkey_changes (user_id) select id from latchkey_users
      where id = new.id or username_key = new.username_key or email_key = new.email_key;
    end`.execute(db)
  await sql`
    create trigger latchkey_user_changed
    after update of id, username, email, role, active, created_at, last_sign_in_at on latchkey_users
    begin insert into latchkey_changes (user_id) values (old.id); end`.execute(db)
  await sql`
    create trigger latchkey_user_deleted after delete on latchkey_users
    begin insert into latchkey_changes (user_id) values (old.id); end`.execute(db)
}

export async function down(db: Kysely<unknown>): Promise<void> {
  for (const trigger of [
    'token_changed',
    'token_deleted',
    'token_replaced',
    'user_replaced',
    'user_changed',
    'user_deleted',
  ])
    await sql`drop trigger ${sql.ref(`latchkey_${trigger}`)}`.execute(db)
  await db.schema.dropTable('latchkey_changes').execute()
}
