import { LatchkeyError } from '../errors.ts'

/** How often the event loop is looked at. */
const intervalMs = 100

/**
 * So many late turns in a row are too much work. One that comes late by itself is not: a process that was paused, or one
 * long computation, is over by then, and refusing requests would help nobody.
 */
const lateTurns = 3

/** Whether the process has more to do than it can. */
export interface OverloadWatch {
  isOverloaded(): boolean
  stop(): void
}

/** Watches how late the event loop comes to its turns; with a limit of infinity it does not. */
export function watchOverload(limitMs: number, clock: () => number = () => performance.now()): OverloadWatch {
  if (limitMs === Number.POSITIVE_INFINITY) return { isOverloaded: () => false, stop() {} }
  let late = 0
  let last = clock()
  const timer = setInterval(() => {
    const now = clock()
    late = now - last - intervalMs > limitMs ? late + 1 : 0
    last = now
  }, intervalMs)
  timer.unref()
  return { isOverloaded: () => late >= lateTurns, stop: () => clearInterval(timer) }
}

/** What requests are refused with then, before anything is read of them: one error for all, as there are many. */
export const overloaded: LatchkeyError = new LatchkeyError(
  'SERVICE_UNAVAILABLE',
  'There is too much to do. Try again in a moment.',
  { reason: 'OVERLOADED', retryAfter: 2 },
)
