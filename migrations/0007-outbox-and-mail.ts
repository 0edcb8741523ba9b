import { type Kysely, sql } from 'kysely'

/**
 * What is to be delivered elsewhere, and the one-time tokens that mails carry. A row of the outbox goes once it is
 * delivered; `due_at` is when it is tried next or, while somebody has it claimed, when the claim ends.
 */
export async function up(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable('latchkey_outbox')
    .ifNotExists()
    .addColumn('id', 'text', (column) => column.primaryKey().notNull())
    .addColumn('kind', 'text', (column) => column.notNull())
    .addColumn('payload', 'text', (column) => column.notNull())
    .addColumn('user_id', 'text')
    .addColumn('attempts', 'integer', (column) => column.notNull())
    .addColumn('created_at', 'bigint', (column) => column.notNull())
    .addColumn('due_at', 'bigint', (column) => column.notNull())
    .addColumn('claim', 'text')
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
    .addColumn('id', 'text', (column) => column.primaryKey().notNull())
    .addColumn('digest', 'text', (column) => column.unique())
    .addColumn('purpose', 'text', (column) => column.notNull())
    .addColumn('user_id', 'text', (column) =>
      column.notNull().references('latchkey_users.id').onDelete('cascade'),
    )
    .addColumn('email', 'text', (column) => column.notNull())
    .addColumn('email_key', 'text', (column) => column.notNull())
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

export async function down(db: Kysely<unknown>): Promise<void> {
  await sql`drop trigger latchkey_mail_tokens_void`.execute(db)
  await sql`drop trigger latchkey_user_verified`.execute(db)
  await db.schema.alterTable('latchkey_users').dropColumn('email_verified_at').execute()
  await db.schema.dropTable('latchkey_mail_tokens').execute()
  await db.schema.dropTable('latchkey_outbox').execute()
}
