import { type Kysely, sql } from 'kysely'
import {
  type CopiedTable,
  comparePage,
  countRows,
  deleteRows,
  listColumns,
  readPages,
  sumUp,
  writeRows,
} from './copied-table.ts'
import type { Database } from './database.ts'
import { byEngine, isOnPostgres } from './engine-words.ts'
import { findCopySource, hasTable, markAsCopy, unmarkAsCopy } from './half-copied.ts'
import { listMigrations, migrateToLatest } from './migrate.ts'
import type { ApplicationKysely, Tables } from './tables.ts'

/** What a table has in both databases; the checksum is over all rows in the order of their keys. */
export interface CopiedRows {
  table: string
  rows: number
  sha256: string
  /** Rows that this run wrote or took away; the others were the same already. */
  changed: number
}

export interface CopyOptions {
  /** What the source is called in messages and in the mark on the target; no secret. */
  name: string
  /** The source goes on being used: the target stays marked, and a last run has to follow. */
  ahead?: boolean | undefined
  onProgress?: (what: 'copied' | 'compared', table: string, share: number) => void
}

/** Each table that is carried, in an order in which no row comes before one that it refers to. */
const carried: Pick<CopiedTable, 'name' | 'key' | 'unique'>[] = [
  { name: 'latchkey_users', key: ['id'], unique: ['username_key', 'email_key'] },
  { name: 'latchkey_user_agents', key: ['id'], unique: ['text'] },
  { name: 'latchkey_tokens', key: ['id'], unique: [] },
  { name: 'latchkey_token_predecessors', key: ['digest'], unique: [] },
  { name: 'latchkey_mail_tokens', key: ['id'], unique: [] },
  { name: 'latchkey_outbox', key: ['id'], unique: [] },
  { name: 'latchkey_throttle', key: ['key'], unique: [] },
  { name: 'latchkey_audit_events', key: ['id'], unique: [] },
  { name: 'latchkey_imports', key: ['source', 'foreign_id'], unique: [] },
]

/** What stays behind: the changes that caches follow, and what is over within a minute. */
export const leftOutTables = ['latchkey_changes', 'latchkey_leases', 'latchkey_socket_tickets']

/**
 * Has one database say all that another says, on whichever engines, and proves it by counts and checksums. What is the same
 * already is only compared: so a run that was killed goes on where it was, and one after a first run `ahead` takes over
 * what happened since. Throws an `Error` that says what is in the way; nothing is ever written to the source.
 */
export async function copyInto(
  source: Database,
  target: Database,
  { name, ahead = false, onProgress = () => {} }: CopyOptions,
): Promise<CopiedRows[]> {
  await requireUpToDate(source)
  await prepareTarget(target, name)
  const copied = await withSnapshot(source, async (from) => {
    const tables = await describeTables(from, target)
    const follow = await createProgress(from, tables, onProgress)
    const changes = await settleAll(from, target, tables, (table) => follow('copied', table))
    return compareAll(from, target, tables, changes, (table) => follow('compared', table))
  })
  if (!ahead) await target.transaction(unmarkAsCopy)
  return copied
}

type Follow = (table: CopiedTable) => (rows: number) => void

async function createProgress(
  from: ApplicationKysely,
  tables: CopiedTable[],
  onProgress: NonNullable<CopyOptions['onProgress']>,
): Promise<(what: 'copied' | 'compared', table: CopiedTable) => (rows: number) => void> {
  const sizes = new Map<CopiedTable, number>()
  for (const table of tables) sizes.set(table, await countRows(from, table))
  return (what, table) => {
    let done = 0
    return (rows) => {
      done += rows
      onProgress(what, table.name, done / Math.max(sizes.get(table) as number, 1)) // counted above
    }
  }
}

async function compareAll(
  from: ApplicationKysely,
  target: Database,
  tables: CopiedTable[],
  changes: Map<string, number>,
  follow: Follow,
): Promise<CopiedRows[]> {
  const sums: CopiedRows[] = []
  for (const table of tables) {
    const mine = await sumUp(from, table, follow(table))
    const copy = await withSnapshot(target, (to) => sumUp(to, table, () => {}))
    if (copy.rows !== mine.rows || copy.sha256 !== mine.sha256)
      throw new Error(
        `${table.name} is not the same in both: ${mine.rows} row(s) in the source, ${copy.rows} in the target. Does anything else write to the target? Run the copy again.`,
      )
    sums.push({ table: table.name, ...mine, changed: changes.get(table.name) as number }) // each was settled
  }
  return sums
}

async function requireUpToDate(source: Database): Promise<void> {
  if ((await listMigrations(source)).some(({ executedAt, known }) => executedAt === null || !known))
    throw new Error(
      'The database to copy from is not of this version of Latchkey. Run latchkey migrate on it first.',
    )
  const from = await source.run(findCopySource)
  if (from !== null)
    throw new Error(`The database to copy from is itself an unfinished copy of ${from}. Finish that first.`)
}

/** An empty one is marked; one that is marked goes on being filled; any other is left as it is, older schema and all. */
async function prepareTarget(target: Database, name: string): Promise<void> {
  const marked = await target.run(findCopySource)
  if (marked === null) await requireEmpty(target)
  else if (marked !== name)
    throw new Error(
      `The database to copy into has an unfinished copy of another one, ${marked}. Finish that, or name an empty one. Nothing was written.`,
    )
  await migrateToLatest(target, { isCopy: true })
  if (marked === null) await target.transaction((db) => markAsCopy(db, name))
}

async function requireEmpty(target: Database): Promise<void> {
  for (const { name } of carried) {
    if (!(await target.run((db) => hasTable(db, name))) || (await isEmpty(target, name))) continue
    throw new Error(
      'The database to copy into is in use: it has users or tokens of its own. Name an empty one. Nothing was written.',
    )
  }
}

async function isEmpty(database: Database, table: string): Promise<boolean> {
  const { rows } = await database.run((db) => sql`select 1 from ${sql.table(table)} limit 1`.execute(db))
  return rows.length === 0
}

/** All that is read in it is of one moment, and nothing times out. */
function withSnapshot<T>(database: Database, work: (db: ApplicationKysely) => Promise<T>): Promise<T> {
  return database.migrate((pool) =>
    pool.connection().execute(async (db) => {
      const begin = byEngine({
        sqlite: sql`begin`,
        postgres: sql`begin isolation level repeatable read read only`,
      })
      await begin.execute(db)
      // A role may have limits of its own; while the other database is written nothing is asked here.
      if (database.isServer)
        await sql`
          select set_config('idle_in_transaction_session_timeout', '0', true), set_config('statement_timeout', '0', true)`.execute(
          db,
        )
      try {
        return await work(db)
      } finally {
        await sql`rollback`.execute(db) // nothing was written
      }
    }),
  )
}

/** With the columns that the tables have in both; how many tokens a user agent has is counted anew, where that is kept. */
async function describeTables(from: ApplicationKysely, target: Database): Promise<CopiedTable[]> {
  const described: CopiedTable[] = []
  for (const table of carried) {
    const isOfAgents = table.name === 'latchkey_user_agents'
    const isCarried = (column: string): boolean => !(isOfAgents && column === 'tokens')
    const columns = (await listColumns(from, table.name)).filter(isCarried)
    const inTarget = (await target.run((db) => listColumns(db, table.name))).filter(isCarried)
    if (String(columns) !== String(inTarget))
      throw new Error(`${table.name} has other columns in the source than in the target. Nothing was copied.`)
    described.push({ ...table, columns, where: isOfAgents ? agentsInUse : null })
  }
  return described
}

/** PostgreSQL keeps some for a while that no token has any more. */
const agentsInUse = byEngine<boolean>({
  sqlite: sql`tokens > 0`,
  postgres: sql`exists (select 1 from latchkey_tokens where user_agent_id = latchkey_user_agents.id)`,
})

/** Brings each table of the target in line; returns how many rows that took, by table. */
async function settleAll(
  from: ApplicationKysely,
  target: Database,
  tables: CopiedTable[],
  follow: Follow,
): Promise<Map<string, number>> {
  const changes = new Map<string, number>()
  const add = (table: CopiedTable, count: number): void => {
    changes.set(table.name, (changes.get(table.name) ?? 0) + count)
  }
  for (const table of tables) {
    // A name may have passed from one row to another, pages apart: what is gone makes room first.
    if (table.unique.length > 0) add(table, await clear(from, target, table))
    const onRows = follow(table)
    for await (const page of readPages(from, table)) {
      for await (const { gone, missing } of comparePage(target, table, page)) {
        if (gone.length + missing.length === 0) continue
        await target.transaction(async (db) => {
          await deleteRows(db, table, gone)
          await writeRows(db, table, missing)
        })
        add(table, gone.length + missing.length)
      }
      onRows(page.rows.length)
    }
    if (table.name === 'latchkey_tokens') await restoreUserAgents(from, target, tables)
  }
  return changes
}

async function clear(from: ApplicationKysely, target: Database, table: CopiedTable): Promise<number> {
  if (await isEmpty(target, table.name)) return 0
  let count = 0
  for await (const page of readPages(from, table)) {
    for await (const { gone } of comparePage(target, table, page)) {
      if (gone.length > 0) await target.transaction((db) => deleteRows(db, table, gone))
      count += gone.length
    }
  }
  return count
}

/** Triggers of SQLite's have counted, and perhaps deleted, user agents while tokens came and went. */
async function restoreUserAgents(
  from: ApplicationKysely,
  target: Database,
  tables: CopiedTable[],
): Promise<void> {
  const agents = tables.find(({ name }) => name === 'latchkey_user_agents') as CopiedTable // one of those carried
  for await (const page of readPages(from, agents)) {
    for await (const { missing } of comparePage(target, agents, page))
      if (missing.length > 0) await target.transaction((db) => writeRows(db, agents, missing))
  }
  await target.transaction(async (db) => {
    await countAgents(db)
  })
}

/** SQLite keeps how many tokens a user agent has; PostgreSQL, which number comes next. */
async function countAgents(db: Kysely<Tables>): Promise<void> {
  const statement = isOnPostgres(db)
    ? sql`
      select setval(pg_get_serial_sequence('latchkey_user_agents', 'id'), max(id)) from latchkey_user_agents
      having max(id) is not null`
    : sql`
      with counts as (select user_agent_id, count(*) as tokens from latchkey_tokens group by user_agent_id)
      update latchkey_user_agents set tokens =
        coalesce((select tokens from counts where user_agent_id = latchkey_user_agents.id), 0)`
  await statement.execute(db)
}
