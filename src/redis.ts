import type { GrantLease } from './http/shared-leases.ts'

/** The part of a limit that is granted, and the milliseconds until the window ends; one step for all who ask. */
const grantScript = `
  local used = tonumber(redis.call('GET', KEYS[1]) or '0')
  local ttl = redis.call('PTTL', KEYS[1])
  if ttl <= 0 then
    used = 0
    ttl = tonumber(ARGV[3])
  end
  local granted = math.max(0, math.min(tonumber(ARGV[1]), tonumber(ARGV[2]) - used))
  redis.call('SET', KEYS[1], used + granted, 'PX', ttl)
  return { granted, ttl }
`

/** How long a connection is waited for; whoever asks meanwhile counts by itself. */
const connectTimeoutMs = 1_000

/** Between two attempts to connect, at the most. */
const retryMs = 1_000

/** A Redis that instances share their limits on requests in. */
export interface SharedRedis {
  grant: GrantLease
  close(): Promise<void>
}

/** Connects in the background; what cannot be asked is refused at once, and never queued. */
export async function openRedis(url: string): Promise<SharedRedis> {
  const { Redis } = await import('ioredis')
  const redis = new Redis(url, {
    connectTimeout: connectTimeoutMs,
    enableOfflineQueue: false,
    maxRetriesPerRequest: 0,
    keyPrefix: 'latchkey:',
    retryStrategy: (attempt) => Math.min(50 * attempt, retryMs),
  })
  redis.on('error', () => {}) // whoever asks is told
  return {
    async grant({ key, wanted, max, windowMs }) {
      const answer = await redis.eval(grantScript, 1, key, wanted, max, windowMs)
      const [granted, ttl] = answer as [number, number]
      return { granted, ttl }
    },
    async close() {
      redis.disconnect()
    },
  }
}
