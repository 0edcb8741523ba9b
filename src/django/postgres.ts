import { type ControlledTransaction, Kysely, PostgresDialect, sql } from 'kysely'
import { Pool } from 'pg'
import {
  type ForeignColumn,
  type ForeignDatabase,
  ForeignDatabaseError,
  type ForeignTable,
} from './foreign-database.ts'

const connectTimeoutMs = 10_000

/** Opens a database of PostgreSQL's, for one transaction that reads what there is at this moment and nothing later. */
export async function openPostgres(url: string): Promise<ForeignDatabase> {
  const { kysely, transaction } = await connect(url)

  async function findColumns(schema: string | null, name: string): Promise<ForeignTable | null> {
    const path =
      schema === null ? sql`quote_ident(${name})` : sql`quote_ident(${schema}) || '.' || quote_ident(${name})`
    const { rows } = await sql<{ id: string } & ForeignColumn>`
      select a.attrelid::text as id, a.attname as name, i.indexrelid is not null as "isPrimaryKey", (
        select max(f.confrelid::bigint)::text from pg_constraint as f
        where f.conrelid = a.attrelid and f.contype = 'f' and f.conkey = array[a.attnum]) as "references"
      from pg_attribute as a
      left join pg_index as i on i.indrelid = a.attrelid and i.indisprimary and a.attnum = any (i.indkey)
      where a.attrelid = to_regclass(${path}) and a.attnum > 0 and not a.attisdropped
      order by a.attnum`.execute(transaction)
    const [first] = rows
    if (first === undefined) return null
    const identifier = schema === null ? sql.id(name) : sql.id(schema, name)
    return { name: schema === null ? name : `${schema}.${name}`, id: first.id, identifier, columns: rows }
  }

  return {
    kysely: transaction,
    async findTable(name) {
      const dot = name.indexOf('.')
      return (
        (await findColumns(null, name)) ??
        (dot < 0 ? null : findColumns(name.slice(0, dot), name.slice(dot + 1)))
      )
    },
    async listUserTables() {
      const { rows } = await sql<{ name: string }>`
        select case when pg_table_is_visible(c.oid) then c.relname else n.nspname || '.' || c.relname end as name
        from pg_class as c join pg_namespace as n on n.oid = c.relnamespace
        where c.relkind in ('r', 'p', 'v', 'm', 'f')
        and exists (select 1 from pg_attribute where attrelid = c.oid and attname = 'password' and attnum > 0)
        and exists (select 1 from pg_attribute where attrelid = c.oid and attname = 'last_login' and attnum > 0)
        order by 1`.execute(transaction)
      return rows.map((row) => row.name)
    },
    async close() {
      // What was read is read, whatever has become of the connection.
      await transaction.rollback().execute().catch(ignore)
      await kysely.destroy()
    },
  }
}

async function connect(
  url: string,
): Promise<{ kysely: Kysely<unknown>; transaction: ControlledTransaction<unknown> }> {
  const pool = new Pool({
    connectionString: url,
    max: 1,
    connectionTimeoutMillis: connectTimeoutMs,
    application_name: 'latchkey import',
  })
  // A connection that breaks between two queries would end the process; the next query fails as well, and says so.
  pool.on('error', ignore)
  pool.on('connect', (client) => client.on('error', ignore))
  const kysely = new Kysely<unknown>({ dialect: new PostgresDialect({ pool }) })
  try {
    const transaction = await kysely
      .startTransaction()
      .setIsolationLevel('repeatable read')
      .setAccessMode('read only')
      .execute()
    // Times are read as text, in one form; a batch may wait for its turn to be written.
    for (const setting of [
      "timezone = 'UTC'",
      "datestyle = 'ISO'",
      'idle_in_transaction_session_timeout = 0',
    ]) {
      await sql`set local ${sql.raw(setting)}`.execute(transaction)
    }
    return { kysely, transaction }
  } catch (error) {
    await kysely.destroy()
    throw new ForeignDatabaseError(`PostgreSQL cannot be reached: ${explain(error)}`, { cause: error })
  }
}

function ignore(): void {}

/** In our own words where the driver would repeat parts of the address: a password may be among them. */
function explain(error: unknown): string {
  const { code = '', message } = error as { code?: string; message: string }
  const known: Record<string, string> = {
    ECONNREFUSED: 'nothing listens at this address.',
    ENOENT: 'there is no such socket.',
    EACCES: 'this user may not use its socket.',
    ENOTFOUND: 'the name of its host is not known.',
    EAI_AGAIN: 'the name of its host cannot be looked up.',
    ETIMEDOUT: 'it does not answer.',
    ERR_INVALID_URL:
      'its address is not a URL. Write characters such as / # ? @ in a password as %2F %23 %3F %40.',
    '28P01': 'it refuses the user or the password.',
    '3D000': 'it has no such database.',
  }
  if (known[code] !== undefined) return known[code]
  // What the server says is about users and databases, not of passwords, which it does not tell.
  return /^[0-9A-Z]{5}$/.test(code)
    ? `it says: ${message}.`
    : `the connection failed (${code || 'it was closed or timed out'}).`
}
