import { createLru } from '../lru.ts'
import {
  admitted,
  type Counted,
  type CountRequest,
  createCounter,
  type Limit,
  rememberedKeys,
} from './request-counter.ts'

/** What a process asks of the one that keeps the account for all: at least `wanted` of what `key` has left. */
export interface LeaseRequest extends Limit {
  /** Which limit it is. */
  name: string
  key: string
  wanted: number
}

/** A part of a limit that a process may spend by itself, and the milliseconds until the window ends. */
export interface Lease {
  granted: number
  ttl: number
}

/** Asks for a lease; null where nobody answers. */
export type AskForLease = (request: LeaseRequest) => Promise<Lease | null>

/** What this process has of a key's limit. */
interface Share {
  left: number
  endsAt: number
  /** Whether nothing is left in the whole window, for no process. */
  isSpent: boolean
  waiting: ((counted: Counted) => void)[]
}

/**
 * Counts from parts of the limit that are leased, so that all processes together admit no more than `max`. It answers at
 * once while there is something left of the lease. Where nobody grants any, this process counts by itself.
 */
export function createLeasedCounter(
  limit: Limit & { name: string },
  ask: AskForLease,
  clock: () => number = () => performance.now(),
): CountRequest {
  const shares = createLru<Share>(rememberedKeys)
  const countAlone = createCounter(limit, clock)

  async function refill(key: string, share: Share): Promise<void> {
    while (share.waiting.length > 0) {
      const askedAt = clock()
      const lease = await ask({ ...limit, key, wanted: share.waiting.length })
      if (lease === null) {
        for (const admit of share.waiting.splice(0)) admit(countAlone(key))
      } else {
        spend(share, lease, askedAt)
      }
    }
  }

  /** The window is taken to end a little early, by the time the answer took: never does it outlast that of the account. */
  function spend(share: Share, { granted, ttl }: Lease, askedAt: number): void {
    const served = share.waiting.splice(0, granted)
    share.endsAt = askedAt + ttl
    share.left = granted - served.length
    share.isSpent = granted === 0
    for (const admit of served) admit(admitted)
    if (share.isSpent) for (const refuse of share.waiting.splice(0)) refuse({ isExceeded: true, ttl })
  }

  return (key) => {
    const now = clock()
    let share = shares.get(key)
    if (share === undefined) {
      share = { left: 0, endsAt: 0, isSpent: false, waiting: [] }
      shares.set(key, share)
    }
    if (now < share.endsAt) {
      if (share.left > 0) {
        share.left--
        return admitted
      }
      if (share.isSpent) return { isExceeded: true, ttl: share.endsAt - now }
    }
    const { promise, resolve } = Promise.withResolvers<Counted>()
    // Whoever comes while an answer is under way is part of the next question.
    if (share.waiting.push(resolve) === 1) void refill(key, share)
    return promise
  }
}
