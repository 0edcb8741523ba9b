import { deleteOldChanges } from '../db/changes.ts'
import type { Database } from '../db/open.ts'
import { deleteStaleThrottles } from '../db/throttle.ts'
import { deleteEndedTokens } from '../db/tokens.ts'
import type { TokenLife } from './token-life.ts'
import type { TokenUses } from './token-uses.ts'

/**
 * Deletes what ended longer than the retention ago, in small batches between which others get their turn.
 * `onProgress` hears after each batch how many tokens are deleted so far.
 */
export type Prune = (onProgress?: (tokens: number) => void) => Promise<{ tokens: number; counters: number }>

const batchSize = 500

export function createPrune(deps: {
  database: Database
  clock: () => number
  life: TokenLife
  uses: TokenUses
  /** How long ended tokens are kept, so that their bearer is told why they ended. */
  retentionMs: number
}): Prune {
  const { database, clock, life, uses, retentionMs } = deps

  async function pruneTokens(onProgress?: (tokens: number) => void): Promise<number> {
    const endedBefore = clock() - retentionMs
    const idleBefore = life.liveAt(endedBefore).idleSince
    let total = 0
    let after: string | null = ''
    while (after !== null) {
      const from: string = after
      const { deleted, next } = await database.transaction((db) =>
        deleteEndedTokens(db, { endedBefore, idleBefore }, batchSize, from),
      )
      total += deleted
      onProgress?.(total)
      after = next
      await new Promise(setImmediate)
    }
    return total
  }

  async function pruneCounters(): Promise<number> {
    let total = 0
    for (;;) {
      const deleted = await database.run((db) => deleteStaleThrottles(db, clock(), batchSize))
      total += deleted
      if (deleted < batchSize) return total
      await new Promise(setImmediate)
    }
  }

  return async (onProgress) => {
    await uses.flush() // a use that is not written yet keeps its token
    const deleted = { tokens: await pruneTokens(onProgress), counters: await pruneCounters() }
    await database.run(deleteOldChanges)
    return deleted
  }
}
