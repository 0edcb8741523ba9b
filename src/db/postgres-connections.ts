import { Kysely } from 'kysely'
import type { Client, ClientConfig, CustomTypesConfig, Pool } from 'pg'
import type { ConnectionLoad, ServerOptions } from './database.ts'
import { LatchkeyPostgresDialect } from './postgres-dialect.ts'
import type { Tables } from './tables.ts'

/** Connections by what they are for, made when they are needed first. */
export interface Connections {
  openPool(): Promise<Pool>
  /** Look-ups of tokens have connections of their own, so that no crowd of sign-ins holds them up. */
  lookUps(): Promise<Pool>
  /** One that belongs to whoever asks. */
  connect(): Promise<Client>
  /** Migrations take as long as they take. */
  migrate<T>(work: (db: Kysely<Tables>) => Promise<T>): Promise<T>
  load(): ConnectionLoad
  close(): Promise<void>
}

/** How long a connection that nobody needs is kept. */
const idleMs = 60_000

/** Where the server gives a statement up by itself, its connection can still be used. */
const answerMs = 500

/** Between two statements of one transaction nothing is waited for; whoever stops there holds up others. */
const idleInTransactionMs = 10_000

/** Connects to a server as it is used. */
export function createConnections(
  url: string,
  { poolSize, timeoutMs }: Pick<ServerOptions, 'poolSize' | 'timeoutMs'>,
): Connections {
  const lookUpSize = Math.max(1, Math.floor(poolSize / 2))
  const settings = `set statement_timeout = ${timeoutMs}; set lock_timeout = ${timeoutMs};
    set idle_in_transaction_session_timeout = ${idleInTransactionMs}`
  const pools = new Set<Pool>()
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
    if (isTimed) pools.add(pool)
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
        dialect: new LatchkeyPostgresDialect(() => openPool(2, false), null),
      })
      try {
        return await work(db)
      } finally {
        await db.destroy()
      }
    },
    load() {
      const load = { busy: 0, idle: 0, waiting: 0 }
      for (const { totalCount, idleCount, waitingCount } of pools) {
        load.busy += totalCount - idleCount
        load.idle += idleCount
        load.waiting += waitingCount
      }
      return load
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
