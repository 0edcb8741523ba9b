import { LRUCache } from 'lru-cache'
import type { Lease, LeaseRequest } from '../http/leased-counter.ts'
import { rememberedKeys } from '../http/request-counter.ts'

/** What a worker gets at once at the most, however high the limit. */
const largestPortion = 64

/**
 * The account of what all workers together have spent of each limit. A lease is small, so that what workers hold and
 * never spend is at most a hundredth of the limit.
 */
export function createLedger(
  workers: number,
  clock: () => number = () => performance.now(),
): (request: LeaseRequest) => Lease {
  const windows = new LRUCache<string, { used: number; endsAt: number }>({ max: rememberedKeys })
  return ({ name, key, wanted, max, windowMs }) => {
    const now = clock()
    const account = `${name} ${key}`
    let window = windows.get(account)
    if (window === undefined || window.endsAt <= now) {
      window = { used: 0, endsAt: now + windowMs }
      windows.set(account, window)
    }
    const portion = Math.min(largestPortion, Math.floor(max / (100 * workers)))
    // Settings may have changed between two workers, so that more is used than this one allows.
    const granted = Math.max(0, Math.min(Math.max(wanted, portion), max - window.used))
    window.used += granted
    return { granted, ttl: window.endsAt - now }
  }
}
