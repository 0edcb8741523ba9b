import {
  PostgresDialect,
  type PostgresPool,
  type PostgresPoolClient,
  PostgresQueryCompiler,
  type PrimitiveValueListNode,
  type QueryCompiler,
  type RawNode,
} from 'kysely'
import type { Pool, PoolClient, QueryResult } from 'pg'
import { inPostgres } from './engine-words.ts'
import { fromDriver } from './postgres-faults.ts'
import { withoutNul } from './postgres-text.ts'

/** Hears, after each commit that may have changed something, before whoever made it does. */
export type AfterCommit = () => Promise<void>

/** Kysely's PostgreSQL dialect, on connections that are given up once they are broken. */
export class LatchkeyPostgresDialect extends PostgresDialect {
  constructor(openPool: () => Promise<Pool>, afterCommit: AfterCommit | null) {
    super({ pool: async () => lend(await openPool(), afterCommit) })
  }

  override createQueryCompiler(): QueryCompiler {
    return new EngineWordsCompiler()
  }
}

/** Says in PostgreSQL's words what there are two of. */
class EngineWordsCompiler extends PostgresQueryCompiler {
  override visitRaw(node: RawNode): void {
    const words = inPostgres(node)
    if (words === undefined) super.visitRaw(node)
    else this.visitNode(words)
  }

  /** SQLite takes a list of nothing for one that nothing is in; here it would be a mistake of syntax. A null has any type. */
  override visitPrimitiveValueList(node: PrimitiveValueListNode): void {
    if (node.values.length > 0) super.visitPrimitiveValueList(node)
    else this.append('(null)')
  }
}

function lend(pool: Pool, afterCommit: AfterCommit | null): PostgresPool {
  return {
    options: {},
    connect: async () =>
      new LentClient(await fromDriver(pool.connect()), afterCommit) as unknown as PostgresPoolClient,
    end: () => pool.end(),
  }
}

const writing = new Set(['INSERT', 'UPDATE', 'DELETE', 'MERGE'])

/** A connection from its being taken to its being given back. */
class LentClient {
  readonly #client: PoolClient
  readonly #afterCommit: AfterCommit | null
  #isBroken = false
  #isInTransaction = false
  #hasWritten = false

  constructor(client: PoolClient, afterCommit: AfterCommit | null) {
    this.#client = client
    this.#afterCommit = afterCommit
  }

  async query(text: string, values: unknown[]): Promise<QueryResult> {
    try {
      const result = await fromDriver(this.#client.query(text, values.map(withoutNul)))
      await this.#note(result)
      return result
    } catch (error) {
      // What the server refuses, it says so; of anything else nobody knows what became of it.
      this.#isBroken ||= (error as { severity?: string }).severity !== 'ERROR'
      throw error
    }
  }

  /** The answer waits for what follows the commit. */
  async #note({ command }: QueryResult): Promise<void> {
    if (command === 'BEGIN' || command === 'START') this.#isInTransaction = true
    if (writing.has(command)) this.#hasWritten = true
    if (command === 'COMMIT' || command === 'ROLLBACK') this.#isInTransaction = false
    if (command === 'ROLLBACK') this.#hasWritten = false
    if (this.#isInTransaction || !this.#hasWritten) return
    this.#hasWritten = false
    await this.#afterCommit?.()
  }

  /** A connection on which a transaction is left open is nobody's any more. */
  release(): void {
    this.#client.release(this.#isBroken || this.#isInTransaction)
  }
}
