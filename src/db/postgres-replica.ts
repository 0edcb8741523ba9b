import { Kysely } from 'kysely'
import type { ConnectionLoad, OnQuery, ServerOptions } from './database.ts'
import { createConnections } from './postgres-connections.ts'
import { LatchkeyPostgresDialect } from './postgres-dialect.ts'
import { postgresFaults } from './postgres-faults.ts'
import { logTo } from './query-log.ts'
import type { Tables } from './tables.ts'

/** Runs a read. */
export type RunRead = <T>(work: (db: Kysely<Tables>) => Promise<T>) => Promise<T>

/** A replica is not asked for so long after it has failed, in milliseconds. */
const restMs = 5_000

/** Reads from a server that follows another one; while it does not answer, and where it gives way to what it follows, `orElse`. */
export function openReplica(
  url: string,
  { onReplicaFault, ...options }: ServerOptions,
  orElse: RunRead,
  onQuery: OnQuery | null,
): { list: RunRead; load(): ConnectionLoad; close(): Promise<void> } {
  const connections = createConnections(url, options)
  const kysely = new Kysely<Tables>({
    dialect: new LatchkeyPostgresDialect(connections.openPool, null),
    ...logTo(onQuery, 'postgresql'),
  })
  let restsUntil = 0

  return {
    async list(work) {
      if (performance.now() < restsUntil) return orElse(work)
      try {
        return await work(kysely)
      } catch (error) {
        if (!postgresFaults.isBusy(error)) {
          if (postgresFaults.translate(error) === error) throw error // no fault of the server
          restsUntil = performance.now() + restMs
          onReplicaFault?.(error)
        }
        return orElse(work)
      }
    },
    load: connections.load,
    async close() {
      await kysely.destroy()
      await connections.close()
    },
  }
}
