import { type Kysely, PostgresAdapter, type RawBuilder, sql } from 'kysely'

/**
 * Rows of tokens take less room: ids (UUIDs) and digests as bytes, and each user agent once, in a table of its own. It
 * counts its tokens by triggers and goes with the last one, for clients may send as many as they like.
 */
export async function up(db: Kysely<unknown>): Promise<void> {
  if (isPostgres(db)) return upOnPostgres(db)
  await db.schema
    .createTable('latchkey_user_agents')
    .addColumn('id', 'integer', (column) => column.primaryKey().notNull())
    .addColumn('text', 'text', (column) => column.notNull().unique())
    .addColumn('tokens', 'integer', (column) => column.notNull().defaultTo(0))
    .execute()
  await sql`
    insert into latchkey_user_agents (text, tokens)
    select user_agent, count(*) from latchkey_tokens where user_agent is not null group by user_agent`.execute(
    db,
  )
  await createTable(db, sql`blob`, sql`user_agent_id integer`)
  await copyTokens(db, {
    agent: sql`user_agent_id`,
    agentFrom: sql`(select id from latchkey_user_agents where text = latchkey_tokens.user_agent)`,
    id: (id: string) => toBytes(id),
    digest: (digest: string) => Buffer.from(digest, 'base64url'),
  })
  await replaceTable(db)
  await createChangeTriggers(db, sql`new.user_agent_id is not old.user_agent_id`)
  // No foreign key: it would want an index, which takes more room than this.
  const join = sql`update latchkey_user_agents set tokens = tokens + 1 where id = new.user_agent_id;`
  const leave = sql`
    update latchkey_user_agents set tokens = tokens - 1 where id = old.user_agent_id;
    delete from latchkey_user_agents where id = old.user_agent_id and tokens <= 0;`
  await sql`
    create trigger latchkey_user_agent_joined after insert on latchkey_tokens
    when new.user_agent_id is not null begin ${join} end`.execute(db)
  await sql`
    create trigger latchkey_user_agent_changed after update of user_agent_id on latchkey_tokens
    when new.user_agent_id is not old.user_agent_id begin ${join} ${leave} end`.execute(db)
  await sql`
    create trigger latchkey_user_agent_left after delete on latchkey_tokens
    when old.user_agent_id is not null begin ${leave} end`.execute(db)
}

export async function down(db: Kysely<unknown>): Promise<void> {
  if (isPostgres(db)) return downOnPostgres(db)
  await createTable(db, sql`text`, sql`user_agent text`)
  await copyTokens(db, {
    agent: sql`user_agent`,
    agentFrom: sql`(select text from latchkey_user_agents where id = latchkey_tokens.user_agent_id)`,
    id: (id: Uint8Array) => toText(id),
    digest: (digest: Uint8Array) => Buffer.from(digest).toString('base64url'),
  })
  await replaceTable(db)
  await createChangeTriggers(db, sql`new.user_agent is not old.user_agent`)
  await db.schema.dropTable('latchkey_user_agents').execute()
}

/** Beside the one that there is. */
async function createTable(db: Kysely<unknown>, bytes: RawBuilder<unknown>, agent: RawBuilder<unknown>) {
  await sql`
    create table latchkey_new_tokens (
      id ${bytes} primary key not null,
      user_id text references latchkey_users (id) on delete set null,
      digest ${bytes} not null,
      name text not null,
      device_id text,
      device_name text,
      device_platform text,
      ${agent},
      created_at bigint not null,
      expires_at bigint not null,
      max_expires_at bigint not null,
      last_used_at bigint,
      last_used_address text,
      revoked_at bigint)`.execute(db)
}

/** Rows converted in one statement; all of them are converted in one transaction. */
const batchSize = 1_000

async function copyTokens<Stored extends string | Uint8Array>(
  db: Kysely<unknown>,
  to: {
    agent: RawBuilder<unknown>
    agentFrom: RawBuilder<unknown>
    id: (id: Stored) => string | Uint8Array
    digest: (digest: Stored) => string | Uint8Array
  },
): Promise<void> {
  for (let after: Stored | null = null; ; ) {
    const { rows }: { rows: { id: Stored; digest: Stored }[] } = await sql<{ id: Stored; digest: Stored }>`
      select id, digest from latchkey_tokens ${after === null ? sql`` : sql`where id > ${after}`}
      order by id limit ${batchSize}`.execute(db)
    const last = rows.at(-1)
    if (last === undefined) return
    after = last.id
    const values = rows.map(({ id, digest }) => sql`(${id}, ${to.id(id)}, ${to.digest(digest)})`)
    await sql`
      insert into latchkey_new_tokens (
        id, user_id, digest, name, device_id, device_name, device_platform, ${to.agent},
        created_at, expires_at, max_expires_at, last_used_at, last_used_address, revoked_at)
      select
        converted.column2, user_id, converted.column3, name, device_id, device_name, device_platform, ${to.agentFrom},
        created_at, expires_at, max_expires_at, last_used_at, last_used_address, revoked_at
      from (values ${sql.join(values)}) as converted
      join latchkey_tokens on latchkey_tokens.id = converted.column1`.execute(db)
  }
}

/** Indexes are made after the rows, which takes less time and leaves their pages full. */
async function replaceTable(db: Kysely<unknown>): Promise<void> {
  await db.schema.dropTable('latchkey_tokens').execute()
  await db.schema.alterTable('latchkey_new_tokens').renameTo('latchkey_tokens').execute()
  await db.schema
    .createIndex('latchkey_tokens_digest')
    .unique()
    .on('latchkey_tokens')
    .column('digest')
    .execute()
  await db.schema.createIndex('latchkey_tokens_user').on('latchkey_tokens').column('user_id').execute()
}

/** Those on the table of tokens that migration 0004 made; they went with the table. */
async function createChangeTriggers(db: Kysely<unknown>, agentChanged: RawBuilder<unknown>): Promise<void> {
  await sql`
    create trigger latchkey_token_changed after update on latchkey_tokens
    when old.user_id is not null and (
      new.user_id is not old.user_id or new.revoked_at is not old.revoked_at or
      new.max_expires_at <> old.max_expires_at or new.expires_at < old.expires_at or
      (new.expires_at <> old.expires_at and new.last_used_at is old.last_used_at) or
      new.digest <> old.digest or new.name <> old.name or new.device_id is not old.device_id or
      new.device_name is not old.device_name or new.device_platform is not old.device_platform or
      ${agentChanged} or new.id <> old.id or new.created_at <> old.created_at)
    begin insert into latchkey_changes (user_id) values (old.user_id); end`.execute(db)
  await sql`
    create trigger latchkey_token_deleted after delete on latchkey_tokens
    when old.user_id is not null and old.revoked_at is null and old.expires_at > strftime('%s', 'now') * 1000
    begin insert into latchkey_changes (user_id) values (old.user_id); end`.execute(db)
  await sql`
    create trigger latchkey_token_replaced before insert on latchkey_tokens
    begin
      insert into latchkey_changes (user_id)
      select user_id from latchkey_tokens where (id = new.id or digest = new.digest) and user_id is not null;
    end`.execute(db)
}

function toBytes(id: string): Buffer {
  const bytes = Buffer.from(id.replaceAll('-', ''), 'hex')
  if (bytes.length !== 16) throw new Error(`The id of a row of latchkey_tokens is no UUID: ${id}`)
  return bytes
}

function toText(id: Uint8Array): string {
  return Buffer.from(id)
    .toString('hex')
    .replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5')
}

/**
 * The same in PostgreSQL, where columns change their type in place. User agents are not counted there: sign-ins from
 * alike devices would wait for each other. Those that no token has are found by an index, and deleted when tokens are.
 */
async function upOnPostgres(db: Kysely<unknown>): Promise<void> {
  await sql`
    create table latchkey_user_agents (
      id integer generated by default as identity primary key, text text collate "C" not null unique)`.execute(
    db,
  )
  await sql`
    insert into latchkey_user_agents (text)
    select distinct user_agent from latchkey_tokens where user_agent is not null`.execute(db)
  await sql`drop trigger latchkey_token_changed on latchkey_tokens`.execute(db)
  await sql`
    alter table latchkey_tokens
      add column user_agent_id integer,
      alter column id type bytea using decode(replace(id, '-', ''), 'hex'),
      alter column digest type bytea using
        decode(translate(digest, '-_', '+/') || repeat('=', (4 - length(digest) % 4) % 4), 'base64')`.execute(
    db,
  )
  await sql`
    update latchkey_tokens set user_agent_id = latchkey_user_agents.id
    from latchkey_user_agents where text = user_agent`.execute(db)
  await sql`alter table latchkey_tokens drop column user_agent`.execute(db)
  await sql`
    create index latchkey_tokens_user_agent on latchkey_tokens (user_agent_id)
    where user_agent_id is not null`.execute(db)
  await createPostgresTrigger(db, sql`user_agent_id`)
}

async function downOnPostgres(db: Kysely<unknown>): Promise<void> {
  await sql`drop trigger latchkey_token_changed on latchkey_tokens`.execute(db)
  await sql`
    alter table latchkey_tokens
      add column user_agent text collate "C",
      alter column id type text collate "C" using cast(cast(encode(id, 'hex') as uuid) as text),
      alter column digest type text collate "C" using
        translate(encode(digest, 'base64'), '+/=' || chr(10), '-_')`.execute(db)
  await sql`
    update latchkey_tokens set user_agent = text
    from latchkey_user_agents where latchkey_user_agents.id = user_agent_id`.execute(db)
  await sql`alter table latchkey_tokens drop column user_agent_id`.execute(db)
  await createPostgresTrigger(db, sql`user_agent`)
  await db.schema.dropTable('latchkey_user_agents').execute()
}

/** As migration 0004 made it. */
async function createPostgresTrigger(db: Kysely<unknown>, agent: RawBuilder<unknown>): Promise<void> {
  await sql`
    create trigger latchkey_token_changed after update on latchkey_tokens for each row
    when (old.user_id is not null and (
      new.user_id is distinct from old.user_id or new.revoked_at is distinct from old.revoked_at or
      new.max_expires_at <> old.max_expires_at or new.expires_at < old.expires_at or
      (new.expires_at <> old.expires_at and new.last_used_at is not distinct from old.last_used_at) or
      new.digest <> old.digest or new.name <> old.name or new.device_id is distinct from old.device_id or
      new.device_name is distinct from old.device_name or
      new.device_platform is distinct from old.device_platform or
      new.${agent} is distinct from old.${agent} or new.id <> old.id or new.created_at <> old.created_at))
    execute function latchkey_note_token()`.execute(db)
}

function isPostgres(db: Kysely<unknown>): boolean {
  return db.getExecutor().adapter instanceof PostgresAdapter
}
