import { hash } from 'node:crypto'
import { type CompiledQuery, Kysely, sql } from 'kysely'
import type { Pool } from 'pg'
import type { ConnectionLoad, Database, FindOne, OnQuery, ServerOptions } from './database.ts'
import { createRetryWhileBusy, type RetryWhileBusy } from './faults.ts'
import { createFeed } from './feed.ts'
import { createListener, createPoller } from './postgres-changes.ts'
import { createConnections } from './postgres-connections.ts'
import { LatchkeyPostgresDialect } from './postgres-dialect.ts'
import { fromDriver, isConnectionLost, isTaken, postgresFaults } from './postgres-faults.ts'
import { openReplica, type RunRead } from './postgres-replica.ts'
import { withoutNul } from './postgres-text.ts'
import { logTo, timed } from './query-log.ts'
import type { Tables } from './tables.ts'

/** Whether an address is one of PostgreSQL. */
export function isPostgresUrl(url: string): boolean {
  return /^postgres(ql)?:/.test(url)
}

/** Opens a database of PostgreSQL, connecting as it is used. Faults are told as everywhere, and pass without a restart. */
export function openPostgres(url: string, options: ServerOptions, onQuery: OnQuery | null): Database {
  const connections = createConnections(url, options)
  const feed = createFeed((options.changes === 'poll' ? createPoller : createListener)(connections.connect))
  const kysely = new Kysely<Tables>({
    dialect: new LatchkeyPostgresDialect(connections.openPool, feed.settled),
    ...logTo(onQuery, 'postgresql'),
  })
  const retryWhileBusy = createRetryWhileBusy(undefined, postgresFaults)
  const run: RunRead = (work) => retryWhileBusy(() => work(kysely))
  const replica = options.replicaUrl ? openReplica(options.replicaUrl, options, run, onQuery) : null
  // Transactions that run at once end as if they had run one after the other, as they do in SQLite.
  const serializable = kysely.transaction().setIsolationLevel('serializable')
  const transaction: Database['transaction'] = (work) =>
    retryWhileBusy(() => againIfTaken(() => serializable.execute(work)))

  return {
    url: null,
    isServer: true,
    kysely,
    run,
    list: replica?.list ?? run,
    transaction,
    transactionWithoutSync: transaction, // it is the server that waits for its disk
    migrate: (work) => connections.migrate((db) => retryWhileBusy(() => work(db))),
    prepareOne(compile) {
      const query = compile(kysely)
      const find = prepareLookUp(connections.lookUps, retryWhileBusy, query)
      return onQuery === null ? find : timed('postgresql', query.sql, find, onQuery)
    },
    commits: null,
    feed,
    connections: () => addLoads(connections.load(), replica?.load()),
    async close() {
      await Promise.all([feed.close(), replica?.close(), kysely.destroy(), connections.close()])
    },
  }
}

function addLoads(
  one: ConnectionLoad,
  other: ConnectionLoad = { busy: 0, idle: 0, waiting: 0 },
): ConnectionLoad {
  return {
    busy: one.busy + other.busy,
    idle: one.idle + other.idle,
    waiting: one.waiting + other.waiting,
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
    const { rows } = await fromDriver(pool.query({ ...statement, values: [withoutNul(value)] }))
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
