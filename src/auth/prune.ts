import type { Database } from '../db/open.ts'
import { type Deleted, type DeleteOptions, deleteEnded, type EndedBefore } from './delete-ended.ts'
import { deleteInThread } from './delete-in-thread.ts'
import type { TokenLife } from './token-life.ts'
import type { TokenUses } from './token-uses.ts'

/** How ended tokens are deleted. */
export interface PruneOptions {
  /** Hears after each batch how many tokens are deleted so far. */
  onProgress?: (tokens: number) => void
  /**
   * Whether requests are served meanwhile, which shall not feel it: a thread of its own deletes, or where there can be
   * none, this one in a small part of its time. Else it takes half of the time.
   */
  background?: boolean
  /** Ends it between two batches, as a rejection. */
  signal?: AbortSignal
}

/** Deletes what ended longer than the retention ago, in small batches between which others get their turn to write. */
export type Prune = (options?: PruneOptions) => Promise<Deleted>

/** A share of the time that fewer than one request in a hundred meets. */
const unnoticedShare = 1 / 200

/** Of a server's time, as a thread takes of a file's. */
const serverShare = 0.2

export function createPrune(deps: {
  database: Database
  clock: () => number
  life: TokenLife
  uses: TokenUses
  /** How long ended tokens are kept, so that their bearer is told why they ended. */
  retentionMs: number
  /** How long audit events are kept. */
  auditRetentionMs: number
}): Prune {
  const { database, clock, life, uses, retentionMs, auditRetentionMs } = deps

  function endedBefore(now: number): EndedBefore {
    const tokens = now - retentionMs
    return {
      tokens,
      lastUses: life.liveAt(tokens).idleSince,
      counters: now,
      auditEvents: now - auditRetentionMs,
    }
  }

  return async ({ background = false, signal, onProgress } = {}) => {
    await uses.flush() // a use that is not written yet keeps its token
    signal?.throwIfAborted()
    const before = endedBefore(clock())
    const options: DeleteOptions = { signal, onProgress }
    if (!background) return deleteEnded(database, before, options)
    // A server does the work itself, and others have their turn in it.
    if (database.isServer) return deleteEnded(database, before, { ...options, share: serverShare })
    if (database.url === null) return deleteEnded(database, before, { ...options, share: unnoticedShare })
    return deleteInThread(database.url, before, options)
  }
}
