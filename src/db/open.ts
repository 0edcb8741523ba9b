import { accessSync, closeSync, constants, mkdirSync, openSync, statSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import SqliteDatabase from 'better-sqlite3'
import { type CompiledQuery, Kysely, SqliteAdapter, sql } from 'kysely'
import type { Commits, Database, FindOne, OnQuery, ServerOptions } from './database.ts'
import { BorrowingDialect, LatchkeySqliteDialect } from './dialect.ts'
import {
  asLatchkeyErrors,
  busyLimitMs,
  createRetryWhileBusy,
  explainDatabaseFault,
  isBusy,
  type RetryWhileBusy,
} from './faults.ts'
import { createFileGuard, type FileGuard } from './file-guard.ts'
import { findWeakServerSettings, isPostgresUrl, openPostgres } from './postgres.ts'
import { logTo, timed } from './query-log.ts'
import type { ApplicationKysely, Tables } from './tables.ts'
import { watchWalIndex } from './wal-index.ts'

export type { Commits, Database, FindOne } from './database.ts'

/** SQLite itself waits this long, holding the event loop, before the asynchronous wait begins. */
const busyTimeoutMs = 3

/** What the file of changes shrinks to when a long read has let it grow. */
const walKeptBytes = 16 * 1_048_576

/** How `pragma synchronous` says FULL; below it, WAL may lose what was committed last. */
const synchronousFull = 2

/** Between two attempts to open a file that another process is opening, when there is nothing else to do yet. */
const openPauseMs = 20

/** What a server is opened with unless settings say otherwise. */
const serverDefaults: ServerOptions = { poolSize: 10, timeoutMs: 5_000, changes: 'listen' }

/**
 * Opens a database by its address: `sqlite:data/latchkey.db` (created with its folder, readable by the owner only),
 * `sqlite::memory:` or `postgres://…`, which connects when it is used. Throws an `Error` that says what is wrong with the
 * file.
 */
export function openDatabase(
  url: string,
  options: ServerOptions = serverDefaults,
  onQuery: OnQuery | null = null,
): Database {
  if (isPostgresUrl(url)) return openPostgres(url, options, onQuery)
  const file = parseSqliteUrl(url)
  if (file === null)
    throw new Error(
      `DATABASE_URL "${url.split(':')[0]}:…" is not understood: use sqlite:<file> or postgres://…`,
    )
  const { connection, reader } = openSqlite(file)
  const kysely = new Kysely<Tables>({
    dialect: new LatchkeySqliteDialect(connection),
    ...logTo(onQuery, 'sqlite'),
  })
  const guard = file === ':memory:' ? unguarded : createFileGuard(resolve(file))
  const retryWhileBusy = guarded(guard, createRetryWhileBusy(waitLess))

  /** While the lock is known to be taken SQLite does not wait: a crowd of writers would hold the event loop one by one. */
  function waitLess(isWaiting: boolean): void {
    if (connection.open) connection.pragma(`busy_timeout = ${isWaiting ? 0 : busyTimeoutMs}`)
  }

  return {
    url: connection.memory ? null : `sqlite:${connection.name}`,
    isServer: false,
    feed: null,
    connections: () => null,
    kysely,
    run: (work) => retryWhileBusy(() => work(kysely)),
    list: (work) => retryWhileBusy(() => work(kysely)),
    transaction: (work) => retryWhileBusy(() => kysely.transaction().execute(work)),
    transactionWithoutSync: (work) =>
      retryWhileBusy(() =>
        kysely.connection().execute(async (db) => {
          connection.pragma('synchronous = NORMAL')
          try {
            return await db.transaction().execute(work)
          } finally {
            connection.pragma('synchronous = FULL')
          }
        }),
      ),
    migrate: (work) => retryWhileBusy(() => work(kysely)),
    prepareOne: (compile) => afterGlance(guard, prepareSync(reader, compile(kysely), onQuery)),
    commits: connection.memory ? null : watchCommits(reader, kysely, guard),
    async close() {
      reader.close()
      await kysely.destroy()
      connection.close()
    },
  }
}

/** Whether a value is a Kysely instance that talks to SQLite. */
export function isKyselyOnSqlite(value: unknown): value is ApplicationKysely {
  return value instanceof Kysely && value.getExecutor().adapter instanceof SqliteAdapter
}

/** Uses an application's own Kysely instance, on SQLite; its tables stay apart by the prefix `latchkey_`. */
export function adoptKysely(applicationDb: ApplicationKysely, onQuery: OnQuery | null = null): Database {
  const kysely = new Kysely<Tables>({
    dialect: new BorrowingDialect(applicationDb),
    ...logTo(onQuery, 'sqlite'),
  })
  const retryWhileBusy = createRetryWhileBusy()
  const transaction: Database['transaction'] = (work) =>
    retryWhileBusy(() => kysely.transaction().execute(work))
  return {
    url: null,
    isServer: false,
    feed: null,
    connections: () => null,
    kysely,
    migrate: (work) => retryWhileBusy(() => work(kysely)),
    run: (work) => retryWhileBusy(() => work(kysely)),
    list: (work) => retryWhileBusy(() => work(kysely)),
    transaction,
    transactionWithoutSync: transaction, // how the disk is waited for is the application's business
    prepareOne<Row>(compile: (db: Kysely<Tables>) => CompiledQuery<Row>): FindOne<Row, string | Uint8Array> {
      const query = compile(kysely)
      return async (value) => {
        const { rows } = await retryWhileBusy(() =>
          kysely.executeQuery<Row>({ ...query, parameters: [value] }),
        )
        return rows[0]
      }
    },
    commits: null,
    close: () => kysely.destroy(), // the connections are the application's, and stay open
  }
}

/** A longer wait of SQLite's own is felt by every request, in milliseconds. */
const longBusyTimeoutMs = 100

/** In what a server, or an application's connection, falls short of the guarantees, a sentence each that says what to set. */
export async function findWeakSettings(database: Database): Promise<string[]> {
  if (database.isServer) return findWeakServerSettings(database)
  const { rows } = await database.run((db) =>
    sql<{ synchronous: number; timeout: number }>`
      select synchronous, timeout from pragma_synchronous, pragma_busy_timeout`.execute(db),
  )
  return rows.flatMap(({ synchronous, timeout }) => [
    ...(synchronous < synchronousFull
      ? ['A power cut may bring revoked tokens back: run "pragma synchronous = FULL" on the database.']
      : []),
    ...(timeout > longBusyTimeoutMs
      ? [
          `A locked database would hold up every request for ${timeout} ms: run "pragma busy_timeout = 50" on it. Latchkey goes on waiting without that.`,
        ]
      : []),
  ])
}

/** The path of an address that names an SQLite file; throws an `Error` for any other. */
export function sqliteFileOf(url: string): string {
  const file = parseSqliteUrl(url)
  if (file === null || file === ':memory:')
    throw new Error(
      'This is for SQLite files. A server has its own tools: pg_dump and pg_restore for PostgreSQL.',
    )
  return resolve(file)
}

function parseSqliteUrl(url: string): string | null {
  const match = /^sqlite:(?:\/\/)?(.+)$/s.exec(url)
  return match?.[1] ?? null
}

/** Look-ups have a connection of their own, which sees nothing that is not committed. What is in memory has only one. */
function openSqlite(file: string): { connection: SqliteDatabase.Database; reader: SqliteDatabase.Database } {
  const path = file === ':memory:' ? file : resolve(file)
  let connection: SqliteDatabase.Database | undefined
  try {
    if (path !== ':memory:') createPrivateFile(path)
    connection = new SqliteDatabase(path, { timeout: busyTimeoutMs })
    switchToWal(connection)
    // FULL: an acknowledged revocation survives a power cut (https://sqlite.org/pragma.html#pragma_synchronous).
    connection.pragma('synchronous = FULL')
    connection.pragma('foreign_keys = ON')
    connection.pragma(`journal_size_limit = ${walKeptBytes}`)
    connection.pragma('user_version') // a first read, which has SQLite make the files that go with WAL
    if (connection.memory) return { connection, reader: connection }
    const reader = new SqliteDatabase(path, { timeout: busyTimeoutMs })
    reader.pragma('query_only = ON')
    return { connection, reader }
  } catch (error) {
    connection?.close()
    throw new Error(`Cannot open the database file ${path}: ${explainDatabaseFault(error)}`, { cause: error })
  }
}

/** It takes the file alone for a moment. Where two processes would wait for each other SQLite refuses both at once. */
function switchToWal(connection: SqliteDatabase.Database): void {
  const giveUpAt = performance.now() + busyLimitMs
  for (;;) {
    try {
      connection.pragma('journal_mode = WAL')
      return
    } catch (error) {
      if (!isBusy(error) || performance.now() >= giveUpAt) throw error
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, openPauseMs * (0.5 + Math.random()))
    }
  }
}

/**
 * Digests and addresses are nobody else's business: the file is created with mode 0600, and WAL files inherit it. One
 * that is there is not opened for that: closing it would take the locks of all connections of this process off it
 * (https://sqlite.org/howtocorrupt.html#_posix_advisory_locks_canceled_by_a_separate_thread_doing_close_).
 */
function createPrivateFile(path: string): void {
  if (statSync(path, { throwIfNoEntry: false })?.isFile()) {
    accessSync(path, constants.R_OK | constants.W_OK) // SQLite would open it for reading alone
    return
  }
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 })
  closeSync(openSync(path, 'a', 0o600))
}

function prepareSync<Row>(
  connection: SqliteDatabase.Database,
  query: CompiledQuery<Row>,
  onQuery: OnQuery | null,
): FindOne<Row, string | Uint8Array> {
  let statement: SqliteDatabase.Statement<[string | Uint8Array], Row> | undefined
  const find = (value: string | Uint8Array): Row | undefined =>
    asLatchkeyErrors(() => {
      // Prepared at first use: the table exists only once migrations have run.
      statement ??= connection.prepare<[string | Uint8Array], Row>(query.sql)
      return statement.get(value)
    })
  return onQuery === null ? find : timed('sqlite', query.sql, find, onQuery)
}

/** What is in memory cannot be taken away. */
const unguarded: FileGuard = { requireFile() {}, glanceAtFile() {} }

/** Neither begins on a file that has gone, nor acknowledges what was written to one that went meanwhile. */
function guarded({ requireFile }: FileGuard, retryWhileBusy: RetryWhileBusy): RetryWhileBusy {
  return async (work) => {
    requireFile()
    const result = await retryWhileBusy(work)
    requireFile()
    return result
  }
}

function afterGlance<Row, Value extends string | Uint8Array>(
  { glanceAtFile }: FileGuard,
  findOne: FindOne<Row, Value>,
): FindOne<Row, Value> {
  return (value) => {
    glanceAtFile()
    return findOne(value)
  }
}

/** Through `PRAGMA data_version` of a connection that does not write itself (https://sqlite.org/pragma.html#pragma_data_version). */
function watchCommits(
  reader: SqliteDatabase.Database,
  kysely: Kysely<Tables>,
  { glanceAtFile }: FileGuard,
): Commits {
  const findVersion = reader.prepare<[], number>('pragma data_version').pluck()
  const mayHaveChanged = watchWalIndex(reader.name)
  let version = Number.NaN
  let isDue = true
  return {
    version() {
      glanceAtFile()
      return asLatchkeyErrors(() => {
        isDue = mayHaveChanged() || isDue // where the question fails it stays due
        if (isDue) version = findVersion.get() as number // it always has a row
        isDue = false
        return version
      })
    },
    prepareAll(compile) {
      const { sql, parameters } = compile(kysely)
      let statement: SqliteDatabase.Statement<unknown[]> | undefined
      return (value) =>
        asLatchkeyErrors(() => {
          statement ??= reader.prepare(sql)
          return statement.all(value, ...parameters.slice(1)) as never[]
        })
    },
  }
}
