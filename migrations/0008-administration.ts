import { type Kysely, PostgresAdapter, sql } from 'kysely'

/**
 * What happened, for users and administrators to read: ids are UUIDv7 as bytes, and so in the order of time. And what
 * administrators look accounts up by, and when a password that was handed out stops working.
 */
export async function up(db: Kysely<unknown>): Promise<void> {
  const isPostgres = db.getExecutor().adapter instanceof PostgresAdapter
  const bytes = isPostgres ? sql`bytea` : sql`blob`
  const text = isPostgres ? sql`text collate "C"` : sql`text`
  // Without a rowid the id is in each index already: every list is in order, whatever it is filtered by.
  const options = isPostgres ? sql`` : sql`without rowid`
  const andId = isPostgres ? sql`, id` : sql``
  await sql`
    create table latchkey_audit_events (
      id ${bytes} primary key not null,
      at bigint not null,
      event ${text} not null,
      user_id ${bytes},
      actor_id ${bytes},
      token_id ${bytes},
      address ${text},
      user_agent ${text},
      request_id ${text},
      count integer,
      times integer not null,
      detail ${text}
    ) ${options}`.execute(db)
  await sql`
    create index latchkey_audit_events_user on latchkey_audit_events (user_id${andId}) where user_id is not null`.execute(
    db,
  )
  await sql`create index latchkey_audit_events_event on latchkey_audit_events (event${andId})`.execute(db)
  await sql`
    create index latchkey_audit_events_address on latchkey_audit_events (address${andId}) where address is not null`.execute(
    db,
  )
  await sql`create index latchkey_users_active on latchkey_users (active, id)`.execute(db)
  await sql`create index latchkey_users_admins on latchkey_users (id) where role = 'ADMIN'`.execute(db)
  await sql`alter table latchkey_users add column password_expires_at bigint`.execute(db)
}

export async function down(db: Kysely<unknown>): Promise<void> {
  await sql`alter table latchkey_users drop column password_expires_at`.execute(db)
  for (const index of ['latchkey_users_active', 'latchkey_users_admins'])
    await sql`drop index ${sql.ref(index)}`.execute(db)
  await db.schema.dropTable('latchkey_audit_events').execute()
}
