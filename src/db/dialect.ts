import { setImmediate as nextTurn } from 'node:timers/promises'
import type SqliteDatabase from 'better-sqlite3'
import {
  CompiledQuery,
  type ConnectionProvider,
  type DatabaseConnection,
  type Dialect,
  type Driver,
  type Kysely,
  SqliteAdapter,
  type SqliteDatabase as SqliteConnection,
  SqliteDialect,
  type SqliteDialectConfig,
  SqliteDriver,
  SqliteIntrospector,
  SqliteQueryCompiler,
} from 'kysely'
import type { ApplicationKysely } from './tables.ts'

const statementCacheSize = 256

/** How long a turn of the event loop may last, from its first query on, before queries wait for the next one; in milliseconds. */
const turnMs = 4

/** Kysely's SQLite dialect, with transactions that take the write lock at their start and cover schema changes. */
export class LatchkeySqliteDialect extends SqliteDialect {
  readonly #config: SqliteDialectConfig
  readonly #connection: SqliteDatabase.Database

  constructor(connection: SqliteDatabase.Database) {
    const config = { database: cachingStatements(connection) }
    super(config)
    this.#config = config
    this.#connection = connection
  }

  override createDriver(): SqliteDriver {
    return new ImmediateDriver(this.#config, this.#connection)
  }

  override createAdapter(): SqliteAdapter {
    return new TransactionalDdlAdapter()
  }
}

/** `BEGIN IMMEDIATE`: the lock is refused before anything was read, so that starting over is safe. */
class ImmediateDriver extends SqliteDriver {
  readonly #connection: SqliteDatabase.Database
  readonly #yield = createYield()

  constructor(config: SqliteDialectConfig, connection: SqliteDatabase.Database) {
    super(config)
    this.#connection = connection
  }

  override async acquireConnection(): ReturnType<SqliteDriver['acquireConnection']> {
    await this.#yield()
    return super.acquireConnection()
  }

  override async beginTransaction(
    connection: Parameters<SqliteDriver['beginTransaction']>[0],
  ): Promise<void> {
    await connection.executeQuery(CompiledQuery.raw('begin immediate'))
  }

  /** A full disk has SQLite roll back by itself; another `ROLLBACK` would fail and hide what was wrong. */
  override async rollbackTransaction(
    connection: Parameters<SqliteDriver['rollbackTransaction']>[0],
  ): Promise<void> {
    if (this.#connection.inTransaction) await super.rollbackTransaction(connection)
  }
}

/**
 * An application's connections under Latchkey's own rules: transactions begin as those above, and the application's
 * plugins stay out of it, of which `CamelCasePlugin` would rename the columns.
 */
export class BorrowingDialect implements Dialect {
  readonly #lender: ApplicationKysely

  constructor(lender: ApplicationKysely) {
    this.#lender = lender
  }

  createDriver(): Driver {
    return new BorrowingDriver(this.#lender.getExecutor())
  }

  createAdapter(): SqliteAdapter {
    return new BorrowingAdapter()
  }

  createQueryCompiler(): SqliteQueryCompiler {
    return new SqliteQueryCompiler()
  }

  createIntrospector(db: Kysely<unknown>): SqliteIntrospector {
    return new SqliteIntrospector(db)
  }
}

/** Holds a connection of the application's from acquiring to releasing; nobody else has it meanwhile. */
class BorrowingDriver implements Driver {
  readonly #lender: ConnectionProvider
  readonly #giveBack = new WeakMap<DatabaseConnection, () => void>()
  readonly #yield = createYield()

  constructor(lender: ConnectionProvider) {
    this.#lender = lender
  }

  acquireConnection(): Promise<DatabaseConnection> {
    return new Promise((resolve, reject) => {
      const borrow = (connection: DatabaseConnection): Promise<void> =>
        new Promise((giveBack) => {
          this.#giveBack.set(connection, giveBack)
          resolve(this.#yield().then(() => connection))
        })
      this.#lender.provideConnection(borrow).catch(reject)
    })
  }

  async releaseConnection(connection: DatabaseConnection): Promise<void> {
    this.#giveBack.get(connection)?.()
  }

  async beginTransaction(connection: DatabaseConnection): Promise<void> {
    await connection.executeQuery(CompiledQuery.raw('begin immediate'))
  }

  async commitTransaction(connection: DatabaseConnection): Promise<void> {
    await connection.executeQuery(CompiledQuery.raw('commit'))
  }

  async rollbackTransaction(connection: DatabaseConnection): Promise<void> {
    try {
      await connection.executeQuery(CompiledQuery.raw('rollback'))
    } catch (error) {
      // As above: SQLite has rolled back by itself.
      if (!(error as Error).message.includes('no transaction is active')) throw error
    }
  }

  async init(): Promise<void> {}

  async destroy(): Promise<void> {}
}

/**
 * Has whoever gets the connection keep it until the event loop's next turn, where this one has lasted too long. SQLite answers
 * at once: a crowd in line for the connection would be served in one go, and nobody else meanwhile.
 */
function createYield(): () => Promise<void> {
  let began: number | null = null
  return async () => {
    if (began !== null && performance.now() - began > turnMs) await nextTurn()
    if (began !== null) return
    began = performance.now()
    setImmediate(() => {
      began = null
    })
  }
}

/** SQLite does roll back schema changes, so a migration that is interrupted leaves nothing half done. */
class TransactionalDdlAdapter extends SqliteAdapter {
  override get supportsTransactionalDdl(): boolean {
    return true
  }
}

/** Whose turn it is, the lender says. A queue of Kysely's own as well would stand still once the lender fails. */
class BorrowingAdapter extends TransactionalDdlAdapter {
  override get supportsMultipleConnections(): boolean {
    return true
  }
}

/** Kysely prepares anew for each query; the statements repeat, so they are kept. */
function cachingStatements(connection: SqliteDatabase.Database): SqliteConnection {
  const statements = new Map<string, SqliteDatabase.Statement>()
  return {
    prepare(sql) {
      let statement = statements.get(sql)
      if (statement === undefined) {
        statement = connection.prepare(sql)
        if (statements.size >= statementCacheSize) statements.clear()
        statements.set(sql, statement)
      }
      return statement
    },
    close: () => connection.close(),
  }
}
