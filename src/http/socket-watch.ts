import type { LiveSocket } from './socket.ts'
import type { SocketOptions } from './socket-options.ts'

/** Sees to it that no socket outlives its token, nor its client. */
export interface Watch {
  join(socket: LiveSocket): void
  leave(socket: LiveSocket): void
  /** Has whose token ends at this moment judged again then, in milliseconds since 1970. */
  note(endsAt: number): void
  /** Has a socket judged again soon, for which the database did not answer. */
  doubt(socket: LiveSocket): void
  all(): LiveSocket[]
}

/** Sockets judged in one turn of the event loop where it is not known whose tokens changed. */
const batchSize = 250

/** Between two attempts to judge a token that the database did not answer for. */
const retryMs = 500

/** How often all are judged whatever happened: a change that nobody told of lasts no longer. */
const reviewMs = 60_000

/** Judges the sockets of whom something was written about, those whose time has come, and now and then all. */
export function createWatch(
  deps: Pick<SocketOptions, 'auth' | 'clock' | 'pingIntervalMs'> & {
    of: (userId: string) => readonly LiveSocket[]
  },
): Watch {
  const { auth, clock, of } = deps
  const sockets = new Set<LiveSocket>()
  const doubtful = new Set<LiveSocket>()
  let soonest = Number.POSITIVE_INFINITY
  let retryAt = 0
  let reviewAt = 0
  let stop: (() => void) | null = null
  let isReviewDue = false
  let reviewing: Promise<void> | null = null

  /** Several times a second. */
  function turn(changes: readonly string[] | null): void {
    const monotonic = performance.now()
    for (const userId of new Set(changes)) for (const socket of of(userId)) void socket.holder.recheck()
    if (changes === null || monotonic >= reviewAt) {
      reviewAt = monotonic + reviewMs
      isReviewDue = true
      if (reviewing === null) reviewing = review()
    }
    judgeDue(clock())
    if (doubtful.size > 0 && monotonic >= retryAt) {
      retryAt = monotonic + retryMs
      for (const socket of [...doubtful].slice(0, batchSize)) {
        doubtful.delete(socket)
        void socket.holder.recheck()
      }
    }
  }

  /** All, some at a time and one review after another: a database that is slow is asked no faster than it answers. */
  async function review(): Promise<void> {
    while (isReviewDue) {
      isReviewDue = false
      await judgeAll([...sockets])
    }
    reviewing = null
  }

  function judgeDue(now: number): void {
    if (now < soonest) return
    soonest = Number.POSITIVE_INFINITY
    for (const socket of [...sockets]) {
      if (socket.holder.endsAt <= now) void socket.holder.recheck()
      else soonest = Math.min(soonest, socket.holder.endsAt)
    }
  }

  return {
    join(socket) {
      sockets.add(socket)
      stop ??= begin()
    },
    leave(socket) {
      sockets.delete(socket)
      doubtful.delete(socket)
      if (sockets.size > 0) return
      stop?.()
      stop = null
    },
    note(endsAt) {
      soonest = Math.min(soonest, endsAt)
    },
    doubt: (socket) => doubtful.add(socket),
    all: () => [...sockets],
  }

  function begin(): () => void {
    reviewAt = performance.now() + reviewMs
    const unfollow = auth.followChanges(turn)
    const pings = setInterval(() => {
      for (const socket of [...sockets]) socket.ping()
    }, deps.pingIntervalMs).unref()
    return () => {
      unfollow()
      clearInterval(pings)
    }
  }
}

async function judgeAll(sockets: readonly LiveSocket[]): Promise<void> {
  for (let start = 0; start < sockets.length; start += batchSize) {
    await Promise.all(sockets.slice(start, start + batchSize).map(({ holder }) => holder.recheck()))
    await new Promise(setImmediate)
  }
}
