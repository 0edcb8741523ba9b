import { createAskForChanges, createReadChanges } from '../db/changes.ts'
import type { Changes } from '../db/feed.ts'
import type { Database } from '../db/open.ts'

/**
 * Calls back several times a second with the users whose accounts or tokens have changed since, by whichever process, null
 * where it cannot be told whose; until what it returns is called.
 */
export type FollowChanges = (listener: (changes: Changes) => void) => () => void

const pollIntervalMs = 25

/** The same where each question is a query of the application's own connection. */
const queryIntervalMs = 50

/** Between two times that all may have changed, while a database that tells of changes by itself cannot be heard. */
const deafIntervalMs = 1_000

/** Asks the database only while somebody listens. Where it cannot be read, listeners hear of it all once it can. */
export function createFollowChanges(database: Database): FollowChanges {
  const listeners = new Set<(changes: Changes) => void>()
  const read = createReadChanges(database)
  const ask = read === null ? createAskForChanges(database) : null
  let timer: NodeJS.Timeout | null = null
  let isAsking = false
  let hasMissed = true
  let deafUntil = 0

  function tell(changes: Changes): void {
    const news = hasMissed ? null : changes
    hasMissed = false
    for (const listener of listeners) listener(news)
  }

  function miss(): void {
    hasMissed = true
    for (const listener of listeners) listener([])
  }

  function turn(): void {
    if (read === null) {
      void askOnce()
      return
    }
    try {
      const changes = read()
      tell(isDeaf() ? null : changes)
      /* c8 ignore next 3 -- a fault of the disk at a read of the version alone */
    } catch {
      miss() // requests say so, in the log and to clients
    }
  }

  /** Now and then: so often is not too much to ask of each token. */
  function isDeaf(): boolean {
    if (database.feed === null || database.feed.isCurrent() || performance.now() < deafUntil) return false
    deafUntil = performance.now() + deafIntervalMs
    return true
  }

  async function askOnce(): Promise<void> {
    /* c8 ignore next -- where an answer takes longer than the pause between questions */
    if (isAsking) return
    isAsking = true
    // It is set where there is no `read`.
    await (ask as () => Promise<Changes>)().then(tell, miss)
    isAsking = false
  }

  return (listener) => {
    if (timer === null) {
      turn() // what was before is no news to the first listener
      timer = setInterval(turn, read === null ? queryIntervalMs : pollIntervalMs).unref()
    }
    listeners.add(listener)
    return () => {
      listeners.delete(listener)
      if (listeners.size > 0 || timer === null) return
      clearInterval(timer)
      timer = null
      hasMissed = true
    }
  }
}
