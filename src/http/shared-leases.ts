import { hash } from 'node:crypto'
import type { AskForLease, Lease, LeaseRequest } from './leased-counter.ts'

/** What an instance gets at once at the most, and which part of a limit that may be. */
const portion = { most: 64, part: 100 }

/** How long an answer is waited for, and for how long nobody is asked after there was none. */
const answerLimitMs = 1_000
const quietMs = 5_000
const complainMs = 60_000

/** What a store of leases is asked for: a part of a limit under a key that tells nothing. */
export type GrantLease = (request: {
  key: string
  wanted: number
  max: number
  windowMs: number
}) => Promise<Lease>

/**
 * Asks a store that instances share. While it does not answer each instance counts by itself, and `complain` is told at
 * most once a minute. An instance holds no more than a hundredth of a limit that it may never spend.
 */
export function createSharedLeases(
  grant: GrantLease,
  complain: (error: unknown) => void,
  clock: () => number = () => performance.now(),
): AskForLease {
  let asksFrom = Number.NEGATIVE_INFINITY
  let complainsFrom = Number.NEGATIVE_INFINITY

  function giveUp(error: unknown): null {
    asksFrom = clock() + quietMs
    if (clock() >= complainsFrom) {
      complainsFrom = clock() + complainMs
      complain(error)
    }
    return null
  }

  return async (request) => {
    if (clock() < asksFrom) return null
    const { promise, reject } = Promise.withResolvers<never>()
    const timer = setTimeout(() => reject(new Error('there was no answer in time')), answerLimitMs)
    return Promise.race([grant(toGrant(request)), promise])
      .catch(giveUp)
      .finally(() => clearTimeout(timer))
  }
}

function toGrant({ name, key, wanted, max, windowMs }: LeaseRequest): Parameters<GrantLease>[0] {
  const share = Math.min(portion.most, Math.floor(max / portion.part))
  return {
    key: hash('sha256', `${name} ${key}`, 'base64url'),
    wanted: Math.max(wanted, share),
    max,
    windowMs,
  }
}
