import { hash } from 'node:crypto'
import { type CompiledQuery, Kysely, sql } from 'kysely'
import type { Client, ClientConfig, CustomTypesConfig, Pool } from 'pg'
import type { Database, FindOne, ServerOptions } from './database.ts'
import { createRetryWhileBusy, type RetryWhileBusy } from './faults.ts'
import { createFeed } from './feed.ts'
import { createListener, createPoller } from './postgres-changes.ts'
import { LatchkeyPostgresDialect } from './postgres-dialect.ts'
import { fromDriver, isConnectionLost, isTaken, postgresFaults } from './postgres-faults.ts'
import type { Tables } from './tables.ts'

/** Whether an address is one of PostgreSQL. */
export function isPostgresUrl(url: string): boolean {
  return /^postgres(ql)?:/.test(url)
}

/** Opens a database of PostgreSQL, connecting as it is used. Faults are told as everywhere, and pass without a restart. */
export function openPostgres(url: string, options: ServerOptions): Database {
  const connections = createConnections(url, options)
  const feed = createFeed((options.changes === 'poll' ? createPoller : createListener)(connections.connect))
  const kysely = new Kysely<Tables>({
    dialect: new LatchkeyPostgresDialect(connections.openPool, feed.settled),
  })
  const retryWhileBusy = createRetryWhileBusy(undefined, postgresFaults)
  const serializable = kysely.transaction().setIsolationLevel('serializable')

  return {
    url: null,
    isServer: true,
    kysely,
    run: (work) => retryWhileBusy(() => work(kysely)),
    // Transactions that run at once end as if they had run one after the other, as they do in SQLite.
    transaction: (work) => retryWhileBusy(() => againIfTaken(() => serializable.execute(work))),
    migrate: (work) => connections.migrate((db) => retryWhileBusy(() => work(db))),
    prepareOne: (compile) => prepareLookUp(connections.lookUps, retryWhileBusy, compile(kysely)),
    commits: null,
    feed,
    async close() {
      await feed.close()
      await kysely.destroy()
      await connections.close()
    },
  }
}

/** In what a server falls short of the guarantees, a sentence each that says what to set. */
export async function findWeakServerSettings(database: Database): Promise<string[]> {
  const { rows } = await database.run((db) =>
    sql<{ commit: string }>`select current_setting('synchronous_commit') as commit`.execute(db),
  )
  return rows[0]?.commit === 'off'
    ? [
        'A crash of the server may bring revoked tokens back: run "alter role … set synchronous_commit = on" for the role of DATABASE_URL.',
      ]
    : []
}

/** Two may take a name at once, and each have looked before whether it is free: who comes second looks once more. */
async function againIfTaken<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    if (!isTaken(error)) throw error
    return work()
  }
}

/** Prepared once on each connection, by a name. A question that a broken connection has swallowed is asked again. */
function prepareLookUp<Row>(
  openPool: () => Promise<Pool>,
  retryWhileBusy: RetryWhileBusy,
  query: CompiledQuery<Row>,
): FindOne<Row, string | Uint8Array> {
  const statement = { name: `latchkey_${hash('sha1', query.sql).slice(0, 16)}`, text: query.sql }

  async function ask(value: string | Uint8Array): Promise<Row | undefined> {
    const pool = await openPool()
    const { rows } = await fromDriver(pool.query({ ...statement, values: [value] }))
    return rows[0]
  }

  return (value) =>
    retryWhileBusy(() =>
      ask(value).catch((error) => {
        if (!isConnectionLost(error)) throw error
        return ask(value)
      }),
    )
}

/** Connections by what they are for, made when they are needed first. */
interface Connections {
  openPool(): Promise<Pool>
  /** Look-ups of tokens have connections of their own, so that no crowd of sign-ins holds them up. */
  lookUps(): Promise<Pool>
  /** One that belongs to whoever asks. */
  connect(): Promise<Client>
  /** Migrations take as long as they take. */
  migrate<T>(work: (db: Kysely<Tables>) => Promise<T>): Promise<T>
  close(): Promise<void>
}

/** How long a connection that nobody needs is kept. */
const idleMs = 60_000

/** Where the server gives a statement up by itself, its connection can still be used. */
const answerMs = 500

/** Between two statements of one transaction nothing is waited for; whoever stops there holds up others. */
const idleInTransactionMs = 10_000

function createConnections(url: string, { poolSize, timeoutMs }: ServerOptions): Connections {
  const lookUpSize = Math.max(1, Math.floor(poolSize / 2))
  const settings = `set statement_timeout = ${timeoutMs}; set lock_timeout = ${timeoutMs};
    set idle_in_transaction_session_timeout = ${idleInTransactionMs}`
  let lookUpPool: Promise<Pool> | null = null

  /** Who only runs the embedded database does not load the driver. */
  async function loadDriver(): Promise<{ pg: typeof import('pg').default; config: ClientConfig }> {
    const { default: pg } = await import('pg')
    const config: ClientConfig = {
      connectionString: url,
      connectionTimeoutMillis: timeoutMs,
      application_name: 'latchkey',
      keepAlive: true,
      types: numbersForBigints(pg.types),
    }
    return { pg, config }
  }

  async function openPool(max: number, isTimed = true): Promise<Pool> {
    const { pg, config } = await loadDriver()
    const pool = new pg.Pool({
      ...config,
      ...(isTimed ? { query_timeout: timeoutMs + answerMs } : {}),
      max,
      idleTimeoutMillis: idleMs,
      onConnect: async (client) => {
        client.on('error', ignore) // of a connection that breaks between two statements; the next one says so
        if (isTimed) await client.query(settings)
      },
    })
    pool.on('error', ignore)
    return pool
  }

  return {
    openPool: () => openPool(Math.max(1, poolSize - lookUpSize)),
    lookUps: () => {
      lookUpPool ??= openPool(lookUpSize)
      return lookUpPool
    },
    async connect() {
      const { pg, config } = await loadDriver()
      const client = new pg.Client({ ...config, query_timeout: timeoutMs })
      client.on('error', ignore)
      await client.connect()
      return client
    },
    async migrate(work) {
      const db = new Kysely<Tables>({
        dialect: new LatchkeyPostgresDialect(
          () => openPool(2, false),
          async () => {},
        ),
      })
      try {
        return await work(db)
      } finally {
        await db.destroy()
      }
    },
    async close() {
      await (await lookUpPool)?.end()
    },
  }
}

/** Times and counts are far below 2^53; all else comes as the driver has it. */
function numbersForBigints(types: CustomTypesConfig): CustomTypesConfig {
  const getTypeParser = types.getTypeParser.bind(types) as (oid: number, format?: string) => unknown
  return {
    getTypeParser: ((oid: number, format?: string) =>
      oid === bigintType ? Number : getTypeParser(oid, format)) as CustomTypesConfig['getTypeParser'],
  }
}

const bigintType = 20

function ignore(): void {}
