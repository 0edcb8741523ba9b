import { LRUCache } from 'lru-cache'
import type { ReadChanges } from '../db/changes.ts'
import type { TokenWithUserRow } from '../db/tokens.ts'

/** Tokens that were looked up before, by their digests: a cache that is never wrong. */
export interface KnownTokens {
  /**
   * A token as the database has it at this moment, but for uses and renewals that other processes have written; undefined
   * where that is not known.
   */
  find(digest: string): TokenWithUserRow | undefined
  /** Takes what a look-up has just found in the place of what was known. */
  keep(digest: string, row: TokenWithUserRow | undefined): void
}

/** A token with what it shares with the others of its user. */
interface Entry {
  row: TokenWithUserRow
  owner: Owner
}

/** One write voids all entries of a user. */
interface Owner {
  changed: boolean
  entries: number
}

/** Keeps up to `size` tokens, those that were used last. */
export function createKnownTokens(readChanges: ReadChanges, size: number): KnownTokens {
  const owners = new Map<string, Owner>()
  const entries = new LRUCache<string, Entry>({ max: size, dispose: leaveOwner })

  function leaveOwner({ row, owner }: Entry): void {
    owner.entries--
    // One that has changed has made way for the next already.
    if (owner.entries === 0 && !owner.changed) owners.delete(row.userId as string)
  }

  function joinOwner(userId: string): Owner {
    let owner = owners.get(userId)
    if (owner === undefined) {
      owner = { changed: false, entries: 0 }
      owners.set(userId, owner)
    }
    owner.entries++
    return owner
  }

  /** Forgets what was committed against, by whichever process. */
  function follow(): void {
    const changes = readChanges()
    if (changes === null) entries.clear()
    for (const userId of changes ?? []) {
      const owner = owners.get(userId)
      if (owner === undefined) continue
      owner.changed = true
      owners.delete(userId)
    }
  }

  return {
    find(digest) {
      follow()
      const known = entries.get(digest)
      return known === undefined || known.owner.changed ? undefined : known.row
    },
    keep(digest, row) {
      // Refusals are looked up each time: whoever is refused may be many, and in no hurry.
      if (row === undefined || row.userId === null || row.active !== 1 || row.revokedAt !== null) {
        entries.delete(digest)
      } else {
        entries.set(digest, { row, owner: joinOwner(row.userId) })
      }
    },
  }
}
