import type { AskForLease, Lease, LeaseRequest } from '../http/leased-counter.ts'

/** How long the primary may take to answer, and for how long it is not asked again after it did not. */
const answerLimitMs = 1_000
const quietMs = 5_000
const complainMs = 60_000

/** A worker's side of the leases: questions to the primary, and its answers. */
export interface Lessee {
  ask: AskForLease
  receive(id: number, lease: Lease): void
}

/**
 * Asks the primary through `send`. Where it does not answer in time nobody waits for it any longer: `complain` is told at
 * most once a minute, and for some seconds all questions are answered with null at once.
 */
export function createLessee(
  send: (id: number, request: LeaseRequest) => void,
  complain: () => void,
  clock: () => number = () => performance.now(),
): Lessee {
  const open = new Map<number, (lease: Lease) => void>()
  let lastId = 0
  let asksFrom = Number.NEGATIVE_INFINITY
  let complainsFrom = Number.NEGATIVE_INFINITY

  function giveUp(): null {
    asksFrom = clock() + quietMs
    if (clock() >= complainsFrom) {
      complainsFrom = clock() + complainMs
      complain()
    }
    return null
  }

  return {
    async ask(request) {
      if (clock() < asksFrom) return null
      const id = ++lastId
      const { promise, resolve } = Promise.withResolvers<Lease | null>()
      const timer = setTimeout(() => resolve(giveUp()), answerLimitMs)
      open.set(id, resolve)
      send(id, request)
      const lease = await promise
      clearTimeout(timer)
      open.delete(id)
      return lease
    },
    receive(id, lease) {
      open.get(id)?.(lease)
    },
  }
}
