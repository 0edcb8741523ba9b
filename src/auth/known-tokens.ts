import type { ReadChanges } from '../db/changes.ts'
import type { TokenWithUserRow } from '../db/tokens.ts'
import { createLru } from '../lru.ts'

/** Tokens that were looked up before, by their digests: a cache that is never wrong. */
export interface KnownTokens {
  /**
   * A token as the database has it at this moment, but for uses and renewals that other processes have written; undefined
   * where that is not known.
   */
  find(digest: string): TokenWithUserRow | undefined
  /** Takes what a look-up has just found in the place of what was known. */
  keep(digest: string, row: TokenWithUserRow | undefined): void
  /** A moment, for a look-up that takes its time. */
  mark(): number
  /** The same as `keep` for what a look-up has found that began at a mark, unless its user has changed since. */
  keepSince(mark: number, digest: string, row: TokenWithUserRow | undefined): void
  /** How often tokens were found so far, and how many there are. */
  stats(): CacheStats
}

export interface CacheStats {
  hits: number
  misses: number
  entries: number
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
  /** The token that was kept first: others share what they say of the user. */
  first: TokenWithUserRow
}

/** Names of clients of which there is one copy each: most tokens are of few. */
const sharedUserAgents = 1_000

/** Changes that are remembered for look-ups that are under way; one that has seen more of them go by is not kept. */
const rememberedChanges = 10_000

/**
 * Keeps up to `size` tokens, those that were used last. Where changes come by themselves, what is known counts only as
 * long as nothing can have been missed: `isCurrent` says so.
 */
export function createKnownTokens(
  readChanges: ReadChanges,
  size: number,
  isCurrent: () => boolean = always,
): KnownTokens {
  const owners = new Map<string, Owner>()
  const changedAt = new Map<string, number>()
  const userAgents = new Map<string, string>()
  let changeCount = 0
  let forgottenAt = 0
  const entries = createLru<Entry>(size, leaveOwner)
  let hits = 0
  let misses = 0

  function leaveOwner({ row, owner }: Entry): void {
    owner.entries--
    // One that has changed has made way for the next already.
    if (owner.entries === 0 && !owner.changed) owners.delete(row.userId as string)
  }

  function joinOwner(userId: string, row: TokenWithUserRow): Owner {
    let owner = owners.get(userId)
    if (owner === undefined) {
      owner = { changed: false, entries: 0, first: row }
      owners.set(userId, owner)
    }
    owner.entries++
    return owner
  }

  /** Each row comes with strings of its own; what says the same in others, a sixth of a row, is let go. */
  function share(row: TokenWithUserRow, { first }: Owner): TokenWithUserRow {
    row.userId = first.userId
    if (row.username === first.username) row.username = first.username
    if (row.email === first.email) row.email = first.email
    if (row.lastUsedAddress === first.lastUsedAddress) row.lastUsedAddress = first.lastUsedAddress
    row.role = row.role === 'ADMIN' ? 'ADMIN' : 'USER'
    if (row.userAgent !== null) row.userAgent = shareUserAgent(row.userAgent)
    return row
  }

  function shareUserAgent(userAgent: string): string {
    const known = userAgents.get(userAgent)
    if (known !== undefined) return known
    if (userAgents.size < sharedUserAgents) userAgents.set(userAgent, userAgent)
    return userAgent
  }

  /** Forgets what was committed against, by whichever process. */
  function follow(): void {
    const changes = readChanges()
    if (changes === null) {
      entries.clear()
      changedAt.clear()
      forgottenAt = ++changeCount
      return
    }
    for (const userId of changes) {
      remember(userId)
      const owner = owners.get(userId)
      if (owner === undefined) continue
      owner.changed = true
      owners.delete(userId)
    }
  }

  function remember(userId: string): void {
    changedAt.delete(userId) // it goes to the end
    changedAt.set(userId, ++changeCount)
    if (changedAt.size <= rememberedChanges) return
    const [oldest, at] = changedAt.entries().next().value as [string, number] // there are some
    changedAt.delete(oldest)
    forgottenAt = at
  }

  function keep(digest: string, row: TokenWithUserRow | undefined): void {
    // Refusals are looked up each time: whoever is refused may be many, and in no hurry.
    if (row === undefined || row.userId === null || row.active !== 1 || row.revokedAt !== null) {
      entries.delete(digest)
    } else {
      const owner = joinOwner(row.userId, row)
      entries.set(digest, { row: share(row, owner), owner })
    }
  }

  return {
    find(digest) {
      follow()
      const known = isCurrent() ? entries.get(digest) : undefined
      if (known === undefined || known.owner.changed) {
        misses++
        return undefined
      }
      hits++
      return known.row
    },
    keep,
    mark: () => changeCount,
    keepSince(mark, digest, row) {
      follow()
      const isOvertaken = mark < forgottenAt || (changedAt.get(row?.userId ?? '') ?? 0) > mark
      keep(digest, isOvertaken ? undefined : row)
    },
    stats: () => ({ hits, misses, entries: entries.size }),
  }
}

function always(): boolean {
  return true
}
