import { rateLimited } from '../errors.ts'

export interface FairQueueOptions {
  /** How many pieces of work run at once. */
  concurrency: number
  /** How many may wait for their turn. */
  limit: number
  /** How long one may wait, in milliseconds: whoever asked has gone by then. */
  patienceMs: number
}

/**
 * Runs `work` for `party` when its turn comes. Parties that wait take turns, so that one with much to do stands in front
 * of nobody. Where there is no room left, whoever waits most gives up its newest place to whoever waits less, and is
 * refused as `RATE_LIMITED` / `BUSY`; a newcomer that would not wait less itself is refused instead. So is whoever has
 * waited for too long.
 */
export interface FairQueue {
  <T>(party: string, work: () => Promise<T>): Promise<T>
  /** How many run and wait now. */
  load(): QueueLoad
}

export interface QueueLoad {
  running: number
  waiting: number
}

interface Waiter {
  since: number
  start: () => void
  refuse: (reason: Error) => void
}

export function createFairQueue({ concurrency, limit, patienceMs }: FairQueueOptions): FairQueue {
  // Nobody is in here without waiting; the order of the keys is the order of turns.
  const lines = new Map<string, Waiter[]>()
  let running = 0
  let waiting = 0

  async function run<T>(work: () => Promise<T>): Promise<T> {
    running++
    try {
      return await work()
    } finally {
      running--
      startNext()
    }
  }

  function startNext(): void {
    for (const [party, line] of lines) {
      const next = line.shift() as Waiter // a line is never empty
      waiting--
      lines.delete(party)
      if (line.length > 0) lines.set(party, line)
      if (performance.now() - next.since < patienceMs) {
        next.start()
        return
      }
      next.refuse(busy())
    }
  }

  /** Refuses the newest of whoever waits most, if the newcomer will still wait less than that; else says false. */
  function makeRoom(newcomer: string): boolean {
    let longest: Waiter[] = []
    for (const line of lines.values()) if (line.length > longest.length) longest = line
    const lengthOfNewcomer = (lines.get(newcomer)?.length ?? 0) + 1
    if (lengthOfNewcomer >= longest.length) return false
    longest.pop()?.refuse(busy())
    waiting--
    return true
  }

  function inTurn<T>(party: string, work: () => Promise<T>): Promise<T> {
    if (running < concurrency) return run(work)
    if (waiting >= limit && !makeRoom(party)) return Promise.reject(busy())
    waiting++
    return new Promise((resolve, reject) => {
      const waiter = { since: performance.now(), start: () => resolve(run(work)), refuse: reject }
      const line = lines.get(party)
      if (line === undefined) lines.set(party, [waiter])
      else line.push(waiter)
    })
  }

  return Object.assign(inTurn, { load: () => ({ running, waiting }) })
}

function busy(): Error {
  return rateLimited('BUSY', 2_000, 'Too many sign-ins at once. Try again in a moment.')
}
