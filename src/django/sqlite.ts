import { statSync } from 'node:fs'
import SqliteDatabase from 'better-sqlite3'
import { Kysely, SqliteDialect, sql } from 'kysely'
import { type ForeignDatabase, ForeignDatabaseError } from './foreign-database.ts'

/** How long a write of Django's is waited for. */
const busyTimeoutMs = 10_000

/**
 * Opens a file of SQLite's for reading. Each query sees what is there by then: a transaction around them all would keep
 * Django from writing, unless the file is in WAL mode.
 */
export function openSqlite(file: string): ForeignDatabase {
  requireFile(file)
  let connection: SqliteDatabase.Database | undefined
  try {
    connection = new SqliteDatabase(file, { readonly: true, fileMustExist: true, timeout: busyTimeoutMs })
    connection.pragma('query_only = ON')
    connection.pragma('schema_version') // the first that is read of the file
  } catch (error) {
    connection?.close()
    throw new ForeignDatabaseError(`${file} cannot be read: ${explain(error)}`, { cause: error })
  }
  connection.defaultSafeIntegers() // keys may be larger than numbers can be
  const kysely = new Kysely<unknown>({ dialect: new SqliteDialect({ database: connection }) })

  return {
    kysely,
    async findTable(name) {
      const { rows } = await sql<{ name: string; pk: bigint; target: string | null }>`
        select own.name, own.pk, max(lower(refers."table")) as target
        from pragma_table_info(${name}) as own
        left join pragma_foreign_key_list(${name}) as refers on refers."from" = own.name
        group by own.cid order by own.cid`.execute(kysely)
      if (rows.length === 0) return null
      const columns = rows.map((row) => ({
        name: row.name,
        isPrimaryKey: row.pk > 0n,
        references: row.target,
      }))
      return { name, id: name.toLowerCase(), identifier: sql.id(name), columns }
    },
    async listUserTables() {
      const { rows } = await sql<{ name: string }>`
        select name from sqlite_master where type in ('table', 'view')
        and exists (select 1 from pragma_table_info(sqlite_master.name) as c where c.name = 'password')
        and exists (select 1 from pragma_table_info(sqlite_master.name) as c where c.name = 'last_login')
        order by name`.execute(kysely)
      return rows.map((row) => row.name)
    },
    close: () => kysely.destroy(),
  }
}

function requireFile(file: string): void {
  const found = statSync(file, { throwIfNoEntry: false })
  if (found === undefined) throw new ForeignDatabaseError(`There is no file ${file}.`)
  if (!found.isFile()) throw new ForeignDatabaseError(`${file} is not a file.`)
}

function explain(error: unknown): string {
  const { code } = error as { code?: string }
  if (code === 'SQLITE_NOTADB') return 'it is not an SQLite database.'
  return `${(error as Error).message}.`
}
