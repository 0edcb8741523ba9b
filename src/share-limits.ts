import type { FastifyInstance } from 'fastify'
import type { Settings } from './config.ts'
import type { Database } from './db/database.ts'
import { grantLease } from './db/leases.ts'
import type { AskForLease } from './http/leased-counter.ts'
import { createSharedLeases } from './http/shared-leases.ts'
import { openRedis } from './redis.ts'

/** Where other instances share the limits on requests: in Redis, or in a database that is a server; undefined for nowhere. */
export async function shareLimits(
  app: FastifyInstance,
  settings: Settings,
  database: Database,
): Promise<AskForLease | undefined> {
  if (settings.redisUrl === '' && !database.isServer) return undefined
  const complain = (error: unknown): void =>
    app.log.warn(
      { err: error },
      'limits on requests are not shared at the moment: each instance counts by itself',
    )
  if (settings.redisUrl === '')
    return createSharedLeases((request) => database.run((db) => grantLease(db, request)), complain)
  const redis = await openRedis(settings.redisUrl)
  app.addHook('onClose', redis.close)
  return createSharedLeases(redis.grant, complain)
}
