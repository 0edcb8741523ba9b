import type { CompiledQuery, Kysely } from 'kysely'
import type { ChangeFeed } from './feed.ts'
import type { Tables } from './tables.ts'

/** Looks up at most one row by one value; at once where the driver is synchronous, else as a promise. */
export type FindOne<Row, Value extends string | Uint8Array = string> = (
  value: Value,
) => Row | undefined | Promise<Row | undefined>

/** Latchkey's database: queries, transactions that wait their turn, and faults in one vocabulary. */
export interface Database {
  /** For single statements; the tables are Latchkey's own. */
  readonly kysely: Kysely<Tables>
  /** Runs one read or one atomic statement. Another process's write lock is waited for, without holding the event loop. */
  run<T>(work: (db: Kysely<Tables>) => Promise<T>): Promise<T>
  /** Runs a read that may miss what was written last: on a replica, where there is one. For lists, never for who somebody is. */
  list<T>(work: (db: Kysely<Tables>) => Promise<T>): Promise<T>
  /** Runs `work` in one transaction, all or nothing; it may run again when the write lock was taken. */
  transaction<T>(work: (db: Kysely<Tables>) => Promise<T>): Promise<T>
  /**
   * A transaction that a power cut may undo, but no crash of the process: for counters, which come often. On a file of
   * Latchkey's own the disk is not waited for each time, which would hold the event loop.
   */
  transactionWithoutSync<T>(work: (db: Kysely<Tables>) => Promise<T>): Promise<T>
  /** Compiles a query with exactly one parameter once, for the request path. */
  prepareOne<Row>(compile: (db: Kysely<Tables>) => CompiledQuery<Row>): FindOne<Row, string | Uint8Array>
  /** By what another thread opens it; null where only this one has it: in memory, or an application's own. */
  readonly url: string | null
  /** Whether it is a server, which others may use as well, and whose work holds nothing up in this process. */
  readonly isServer: boolean
  /** Runs the migrations, which may take long. */
  migrate<T>(work: (db: Kysely<Tables>) => Promise<T>): Promise<T>
  /** Tells at once what was committed; null where the driver cannot. */
  readonly commits: Commits | null
  /** Tells by itself what was committed; null where it has to be asked. */
  readonly feed: ChangeFeed | null
  /** How many connections there are to a server; null where there is none. */
  connections(): ConnectionLoad | null
  /** Closes the database, unless it was handed in by an application. */
  close(): Promise<void>
}

/** Connections of this process to a server, and how many statements wait for one. */
export interface ConnectionLoad {
  busy: number
  idle: number
  waiting: number
}

/** What this and other processes have committed. */
export interface Commits {
  /** A number that is another one after each commit, whoever made it. */
  version(): number
  /** Compiles a query once whose first parameter is the number to be given. */
  prepareAll<Row>(compile: (db: Kysely<Tables>) => CompiledQuery<Row>): (value: number) => Row[]
}

/** A statement that was run, without the values of its parameters. */
export interface RunQuery {
  engine: 'sqlite' | 'postgresql'
  sql: string
  durationMs: number
  failed: boolean
}

/** Hears of each statement once it has run. */
export type OnQuery = (query: RunQuery) => void

/** How a database server is used. */
export interface ServerOptions {
  /** Connections at the most, beside the one that hears of changes. */
  poolSize: number
  /** How long a connection or an answer is waited for, in milliseconds. */
  timeoutMs: number
  /** How changes of others are heard of: told by LISTEN, or read from their table again and again. */
  changes: 'listen' | 'poll'
  /** A server that follows this one and answers lists, if there is one. */
  replicaUrl?: string
  /** Hears that the replica does not answer; the other server does in its place. */
  onReplicaFault?: (error: unknown) => void
}
