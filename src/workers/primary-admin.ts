import type { FastifyInstance } from 'fastify'
import type { Settings } from '../config.ts'
import type { Snapshot } from '../metrics/registry.ts'
import type { Pool } from './pool.ts'

/** The port of the operator where several workers serve: what they have counted, added up. */
export interface PrimaryAdmin {
  /** Hears of a worker that has ended; `last` is what it counted, where it could still say so. */
  ended(worker: number, last: Snapshot | null): void
  open(pool: Pool, isStopping: () => boolean): Promise<FastifyInstance>
}

export async function createPrimaryAdmin(settings: Settings): Promise<PrimaryAdmin> {
  const { createGathered } = await import('../metrics/registry.ts')
  const { openAdmin } = await import('../admin.ts')
  const gathered = createGathered()
  return {
    ended(worker, last) {
      if (last !== null) gathered.take(worker, last)
      gathered.end(worker)
    },
    open: (pool, isStopping) =>
      openAdmin(settings, {
        async isReady() {
          let isReady = false
          await pool.ask('ready', (answer) => {
            isReady ||= answer === true
          })
          return isReady && !isStopping()
        },
        async metrics() {
          await pool.ask('metrics', (answer, process) => {
            if (answer !== null) gathered.take(process, answer as Snapshot)
          })
          return gathered.print()
        },
      }),
  }
}
