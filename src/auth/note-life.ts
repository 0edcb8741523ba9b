import { LRUCache } from 'lru-cache'
import type { TokenRow } from '../db/tokens.ts'
import type { ReportEvent } from './origin.ts'

/** Hears what becomes of tokens by the clock and by use, and reports the little of it that is worth an event. */
export interface NoteLife {
  /** A token was presented after it had expired. */
  expired(row: TokenRow, address: string): void
  /** The expiry of a token moved. */
  renewed(row: TokenRow, from: number, to: number, address: string): void
}

const weekMs = 604_800_000

/** Expired tokens that a process remembers to have reported. */
const rememberedTokens = 10_000

/**
 * Reports the first use of a token that has expired: that is when it matters, and nobody has to look for tokens that
 * merely ran out. Of renewals, which each request may bring, it reports the one that takes the expiry into another week.
 */
export function createNoteLife(report: ReportEvent): NoteLife {
  const reported = new LRUCache<string, true>({ max: rememberedTokens })

  function tell(event: 'authn_token_expired' | 'authn_token_renewed', row: TokenRow, address: string): void {
    report({ event, tokenId: row.id, address, userId: row.userId as string }) // judged: it has a user
  }

  return {
    expired(row, address) {
      if (reported.has(row.id)) return
      reported.set(row.id, true)
      tell('authn_token_expired', row, address)
    },
    renewed(row, from, to, address) {
      if (Math.floor(from / weekMs) < Math.floor(to / weekMs)) tell('authn_token_renewed', row, address)
    },
  }
}
