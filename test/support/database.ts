import { randomUUID } from 'node:crypto'
import { sql } from 'kysely'
import { Client } from 'pg'
import type { Test } from 'tap'
import type { Database } from '../../src/db/database.ts'

/** The database whose copies the tests run on, as an address of PostgreSQL; without it they run on SQLite, in memory. */
const template = process.env.LATCHKEY_TEST_DATABASE

/** Whether the tests run on PostgreSQL. */
export const isOnPostgres: boolean = template !== undefined

/** The address of a database that is empty but for its tables, or that is still to be made; `t` takes it away. */
export async function freshDatabase(t: Test): Promise<string> {
  if (template === undefined) return 'sqlite::memory:'
  const url = new URL(template)
  const name = `t_${randomUUID().replaceAll('-', '')}`
  const from = url.pathname.slice(1)
  await administrate(url, `create database ${name} template ${from}`)
  t.teardown(() => administrate(url, `drop database ${name} with (force)`))
  url.pathname = `/${name}`
  return url.href
}

/** Has every write of a kind, such as `insert` or `update of name`, fail in a table. */
export async function forbid(database: Database, event: string, table: string): Promise<void> {
  const on = sql.raw(`before ${event} on ${table}`)
  if (!database.isServer) {
    await sql`create trigger forbidden ${on} begin select raise(abort, 'no'); end`.execute(database.kysely)
    return
  }
  const body = sql.raw("$$ begin raise exception 'no'; end $$")
  await sql`create or replace function forbid() returns trigger language plpgsql as ${body}`.execute(
    database.kysely,
  )
  await sql`create trigger forbidden ${on} for each row execute function forbid()`.execute(database.kysely)
}

/** Lets writes of a table pass again. */
export async function permit(database: Database, table: string): Promise<void> {
  const on = sql.raw(database.isServer ? `on ${table}` : '')
  await sql`drop trigger forbidden ${on}`.execute(database.kysely)
}

async function administrate(url: URL, statement: string): Promise<void> {
  const client = new Client({ connectionString: new URL('/postgres', url).href })
  await client.connect()
  try {
    await client.query(statement)
  } finally {
    await client.end()
  }
}
