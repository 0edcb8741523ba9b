import { setTimeout as sleep } from 'node:timers/promises'
import { deleteOldChanges } from '../db/changes.ts'
import type { Database } from '../db/open.ts'
import { deleteStaleThrottles } from '../db/throttle.ts'
import { deleteEndedTokens } from '../db/tokens.ts'
import type { TokenLife } from './token-life.ts'
import type { TokenUses } from './token-uses.ts'

/** How ended tokens are deleted. */
export interface PruneOptions {
  /** Hears after each batch how many tokens are deleted so far. */
  onProgress?: (tokens: number) => void
  /** How much of the time deleting may take, from 0 to 1; by default half, which leaves others room to write. */
  share?: number
  /** Ends it between two batches, as a rejection. */
  signal?: AbortSignal
}

/** Deletes what ended longer than the retention ago, in small batches between which others get their turn. */
export type Prune = (options?: PruneOptions) => Promise<{ tokens: number; counters: number }>

/** A share that fewer than one request in a hundred meets. */
export const unnoticedShare = 1 / 200

/** A batch grows while it takes less than the one, and shrinks when it takes longer than the other. */
const batchMs = { least: 5, most: 15 }

const batchSizes = { first: 50, least: 10, most: 1_000 }

const pauseLimitMs = 60_000

export function createPrune(deps: {
  database: Database
  clock: () => number
  life: TokenLife
  uses: TokenUses
  /** How long ended tokens are kept, so that their bearer is told why they ended. */
  retentionMs: number
}): Prune {
  const { database, clock, life, uses, retentionMs } = deps

  /** Runs `work` with a size that suits its time, until it has nothing left to do, and pauses in between. */
  async function inBatches(
    { share = 0.5, signal }: PruneOptions,
    work: (size: number) => Promise<'more' | 'done'>,
  ): Promise<void> {
    let size = batchSizes.first
    for (;;) {
      const start = performance.now()
      if ((await work(size)) === 'done') return
      const tookMs = performance.now() - start
      size = adaptSize(size, tookMs)
      await sleep(Math.min(tookMs * (1 / share - 1), pauseLimitMs), undefined, { signal })
    }
  }

  async function pruneTokens(options: PruneOptions): Promise<number> {
    const endedBefore = clock() - retentionMs
    const idleBefore = life.liveAt(endedBefore).idleSince
    let total = 0
    let after = ''
    await inBatches(options, async (size) => {
      const { deleted, next } = await database.transaction((db) =>
        deleteEndedTokens(db, { endedBefore, idleBefore }, size, after),
      )
      total += deleted
      options.onProgress?.(total)
      after = next ?? ''
      return next === null ? 'done' : 'more'
    })
    return total
  }

  async function pruneCounters(options: PruneOptions): Promise<number> {
    let total = 0
    await inBatches(options, async (size) => {
      const deleted = await database.run((db) => deleteStaleThrottles(db, clock(), size))
      total += deleted
      return deleted < size ? 'done' : 'more'
    })
    return total
  }

  return async (options = {}) => {
    await uses.flush() // a use that is not written yet keeps its token
    const deleted = { tokens: await pruneTokens(options), counters: await pruneCounters(options) }
    await database.run(deleteOldChanges)
    return deleted
  }
}

/** The size of the next batch, by how long one of this size took. */
export function adaptSize(size: number, tookMs: number): number {
  if (tookMs < batchMs.least) return Math.min(size * 2, batchSizes.most)
  return tookMs > batchMs.most ? Math.max(Math.ceil(size / 2), batchSizes.least) : size
}
