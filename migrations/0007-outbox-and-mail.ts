import { type Kysely, PostgresAdapter, type RawBuilder, sql } from 'kysely'

/**
 * What is to be delivered elsewhere, and the one-time tokens that mails carry. A row of the outbox goes once it is
 * delivered; `due_at` is when it is tried next or, while somebody has it claimed, when the claim ends.
 */
export async function up(db: Kysely<unknown>): Promise<void> {
  const text = textOf(db)
  await db.schema
    .createTable('latchkey_outbox')
    .ifNotExists()
    .addColumn('id', text, (column) => column.primaryKey().notNull())
    .addColumn('kind', text, (column) => column.notNull())
    .addColumn('payload', text, (column) => column.notNull())
    .addColumn('user_id', text)
    .addColumn('attempts', 'integer', (column) => column.notNull())
    .addColumn('created_at', 'bigint', (column) => column.notNull())
    .addColumn('due_at', 'bigint', (column) => column.notNull())
    .addColumn('claim', text)
    .execute()
  await db.schema
    .createIndex('latchkey_outbox_due')
    .ifNotExists()
    .on('latchkey_outbox')
    .columns(['kind', 'due_at'])
    .execute()
  await db.schema
    .createIndex('latchkey_outbox_user')
    .ifNotExists()
    .on('latchkey_outbox')
    .column('user_id')
    .execute()
  // A token without a digest is asked for, and its mail not sent yet: the secret is made with the mail.
  await db.schema
    .createTable('latchkey_mail_tokens')
    .ifNotExists()
    .addColumn('id', text, (column) => column.primaryKey().notNull())
    .addColumn('digest', text, (column) => column.unique())
    .addColumn('purpose', text, (column) => column.notNull())
    .addColumn('user_id', text, (column) =>
      column.notNull().references('latchkey_users.id').onDelete('cascade'),
    )
    .addColumn('email', text, (column) => column.notNull())
    .addColumn('email_key', text, (column) => column.notNull())
    .addColumn('expires_at', 'bigint', (column) => column.notNull())
    .execute()
  await db.schema
    .createIndex('latchkey_mail_tokens_user')
    .ifNotExists()
    .on('latchkey_mail_tokens')
    .columns(['user_id', 'purpose'])
    .execute()
  await db.schema
    .createIndex('latchkey_mail_tokens_expires')
    .ifNotExists()
    .on('latchkey_mail_tokens')
    .column('expires_at')
    .execute()
  await db.schema.alterTable('latchkey_users').addColumn('email_verified_at', 'bigint').execute()
  if (isPostgres(db)) return createPostgresTriggers(db)
  await sql`
    create trigger latchkey_user_verified after update of email_verified_at on latchkey_users
    begin insert into latchkey_changes (user_id) values (old.id); end`.execute(db)
  // Whoever changes the password or the address, what was mailed before is void. To verify an address one needs no password.
  await sql`
    create trigger latchkey_mail_tokens_void after update of password_digest, email_key on latchkey_users
    when new.password_digest is not old.password_digest or new.email_key is not old.email_key
    begin
      delete from latchkey_mail_tokens
      where user_id = old.id and (purpose <> 'verification' or new.email_key is not old.email_key);
    end`.execute(db)
}

/** The triggers in PostgreSQL's words. */
async function createPostgresTriggers(db: Kysely<unknown>): Promise<void> {
  await sql`
    create trigger latchkey_user_verified after update of email_verified_at on latchkey_users
    for each row execute function latchkey_note_user()`.execute(db)
  await sql`
    create function latchkey_void_mail_tokens() returns trigger language plpgsql as ${sql.raw(`$$
    begin
      delete from latchkey_mail_tokens
      where user_id = old.id and (purpose <> 'verification' or new.email_key is distinct from old.email_key);
      return null;
    end $$`)}`.execute(db)
  await sql`
    create trigger latchkey_mail_tokens_void after update of password_digest, email_key on latchkey_users
    for each row when (
      new.password_digest is distinct from old.password_digest or new.email_key is distinct from old.email_key)
    execute function latchkey_void_mail_tokens()`.execute(db)
}

export async function down(db: Kysely<unknown>): Promise<void> {
  if (isPostgres(db)) {
    await sql`drop trigger latchkey_mail_tokens_void on latchkey_users`.execute(db)
    await sql`drop trigger latchkey_user_verified on latchkey_users`.execute(db)
    await sql`drop function latchkey_void_mail_tokens()`.execute(db)
  } else {
    await sql`drop trigger latchkey_mail_tokens_void`.execute(db)
    await sql`drop trigger latchkey_user_verified`.execute(db)
  }
  await db.schema.alterTable('latchkey_users').dropColumn('email_verified_at').execute()
  await db.schema.dropTable('latchkey_mail_tokens').execute()
  await db.schema.dropTable('latchkey_outbox').execute()
}

function isPostgres(db: Kysely<unknown>): boolean {
  return db.getExecutor().adapter instanceof PostgresAdapter
}

/** PostgreSQL would compare texts by the rules of a language; keys and ids are compared by their characters. */
function textOf(db: Kysely<unknown>): 'text' | RawBuilder<unknown> {
  return isPostgres(db) ? sql`text collate "C"` : 'text'
}
