import { setTimeout as sleep } from 'node:timers/promises'
import { deleteOldAuditEvents } from '../db/audit.ts'
import { deleteOldChanges } from '../db/changes.ts'
import { deleteOldLeases } from '../db/leases.ts'
import { deleteExpiredMailTokens } from '../db/mail-tokens.ts'
import type { Database } from '../db/open.ts'
import { deleteOldOutbox } from '../db/outbox.ts'
import { deleteStaleThrottles } from '../db/throttle.ts'
import { deleteEndedTokens } from '../db/tokens.ts'
import { deleteUnusedUserAgents } from '../db/user-agents.ts'

/** The moments before which something must have ended to be deleted, in milliseconds since 1970. */
export interface EndedBefore {
  tokens: number
  /** The last use of a token that has gone idle. */
  lastUses: number
  counters: number
  auditEvents: number
}

/** How many are deleted. */
export interface Deleted {
  tokens: number
  counters: number
  auditEvents: number
}

/** How fast it goes, and who hears of it. */
export interface DeleteOptions {
  /** Hears after each batch how many tokens are deleted so far. */
  onProgress?: ((tokens: number) => void) | undefined
  /** How much of the time deleting may take, from 0 to 1; by default half, which leaves others room to write. */
  share?: number
  /** Ends it between two batches, as a rejection. */
  signal?: AbortSignal | undefined
}

/** A batch grows while it takes less than the one, and shrinks when it takes longer than the other. */
const batchMs = { least: 5, most: 15 }

const batchSizes = { first: 50, least: 10, most: 1_000 }

const pauseLimitMs = 60_000

/** After how long nobody delivers a message any more: its kind was switched off, or its handler is gone. */
const outboxKeptMs = 7 * 86_400_000

/** Deletes what has ended, in small batches between which others get their turn to write. */
export async function deleteEnded(
  database: Database,
  before: EndedBefore,
  options: DeleteOptions,
): Promise<Deleted> {
  // First, for tokens may take hours.
  await deleteAll(database, deleteOldChanges, options)
  await deleteAll(database, deleteOldLeases, options)
  await deleteAll(database, (db, limit) => deleteExpiredMailTokens(db, before.counters, limit), options)
  await deleteAll(
    database,
    (db, limit) => deleteOldOutbox(db, before.counters - outboxKeptMs, limit),
    options,
  )
  const tokens = await deleteTokens(database, before, options)
  await inBatches(options, async (size) => {
    const deleted = await database.transaction((db) => deleteUnusedUserAgents(db, size))
    return deleted < size ? 'done' : 'more'
  })
  return {
    tokens,
    counters: await deleteAll(
      database,
      (db, limit) => deleteStaleThrottles(db, before.counters, limit),
      options,
    ),
    auditEvents: await deleteAll(
      database,
      (db, limit) => deleteOldAuditEvents(db, before.auditEvents, limit),
      options,
    ),
  }
}

async function deleteTokens(
  database: Database,
  before: EndedBefore,
  options: DeleteOptions,
): Promise<number> {
  let total = 0
  let after = ''
  await inBatches(options, async (size) => {
    const { deleted, next } = await database.transaction((db) =>
      deleteEndedTokens(db, { endedBefore: before.tokens, idleBefore: before.lastUses }, size, after),
    )
    total += deleted
    options.onProgress?.(total)
    after = next ?? ''
    return next === null ? 'done' : 'more'
  })
  return total
}

/** Deletes with a statement that says how many went, until they are fewer than there might have been. */
async function deleteAll(
  database: Database,
  deleteSome: (db: Database['kysely'], limit: number) => Promise<number>,
  options: DeleteOptions,
): Promise<number> {
  let total = 0
  await inBatches(options, async (size) => {
    const deleted = await database.run((db) => deleteSome(db, size))
    total += deleted
    return deleted < size ? 'done' : 'more'
  })
  return total
}

/** Runs `work` with a size that suits its time, until it has nothing left to do, and pauses in between. */
async function inBatches(
  { share = 0.5, signal }: DeleteOptions,
  work: (size: number) => Promise<'more' | 'done'>,
): Promise<void> {
  let size = batchSizes.first
  for (;;) {
    const start = performance.now()
    if ((await work(size)) === 'done') return
    const tookMs = performance.now() - start
    size = adaptSize(size, tookMs)
    await sleep(Math.min(tookMs * (1 / share - 1), pauseLimitMs), undefined, signal && { signal })
  }
}

/** The size of the next batch, by how long one of this size took. */
export function adaptSize(size: number, tookMs: number): number {
  if (tookMs < batchMs.least) return Math.min(size * 2, batchSizes.most)
  return tookMs > batchMs.most ? Math.max(Math.ceil(size / 2), batchSizes.least) : size
}
