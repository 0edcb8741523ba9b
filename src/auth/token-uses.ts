import type { Database } from '../db/open.ts'
import { recordTokenUses, type TokenRow, type TokenUse } from '../db/tokens.ts'

/** Uses of tokens, kept in memory and written in batches: reading never writes. */
export interface TokenUses {
  /** What was recorded for a token since the last flush. */
  find(id: string): TokenUse | undefined
  /** Notes that a token authenticated a request; `expiresAt` carries a renewal. */
  record(row: TokenRow, usedAt: number, address: string, expiresAt: number): TokenUse
  /** Writes what was recorded. What cannot be written is kept for the next time. */
  flush(): Promise<void>
}

/** Tokens written in one statement and transaction; the event loop turns between two. */
const batchSize = 250

/** Sorting as many takes some 25 ms. */
const sortedAtOnce = 50_000

/** Tokens that are waited with while nothing can be written, some 50 MB of them. The uses of others are lost then. */
const pendingLimit = 250_000

export function createTokenUses(database: Database, limit: number = pendingLimit): TokenUses {
  let pending = new Map<string, TokenUse>()
  let writing = new Map<string, TokenUse>()
  let flushing: Promise<void> | null = null
  let next: Promise<void> | null = null

  async function write(): Promise<void> {
    writing = pending
    pending = new Map()
    try {
      for (const part of chunk([...writing.values()], sortedAtOnce)) {
        // Tokens lie in a file in the order of their creation: those that share a page are written with it once.
        part.sort((one, other) => one.createdAt - other.createdAt)
        for (const batch of chunk(part, batchSize)) {
          await database.run((db) => recordTokenUses(db, batch))
          for (const use of batch) writing.delete(use.id)
          await new Promise(setImmediate)
        }
      }
    } finally {
      for (const [id, use] of writing) if (!pending.has(id)) pending.set(id, use)
      writing = new Map()
      flushing = null
    }
  }

  function start(): Promise<void> {
    if (pending.size === 0) return Promise.resolve()
    flushing = write()
    return flushing
  }

  return {
    find: (id) => pending.get(id) ?? writing.get(id),
    record(row, usedAt, address, expiresAt) {
      const use = pending.get(row.id)
      if (use === undefined) {
        const { id, createdAt } = row
        const first = { id, createdAt, usedAt, address, expiresAt, renewedFrom: row.expiresAt }
        if (pending.size < limit) pending.set(row.id, first)
        return first
      }
      use.usedAt = Math.max(use.usedAt, usedAt)
      use.address = address
      use.expiresAt = expiresAt
      use.renewedFrom = row.expiresAt
      return use
    },
    flush() {
      if (flushing === null) return start()
      // What is recorded while a batch is being written waits for the next one.
      next ??= flushing
        .catch(() => undefined)
        .then(() => {
          next = null
          return start()
        })
      return next
    },
  }
}

function* chunk<T>(items: T[], size: number): Generator<T[]> {
  for (let start = 0; start < items.length; start += size) yield items.slice(start, start + size)
}
