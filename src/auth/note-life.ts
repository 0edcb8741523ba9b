import type { TokenRow } from '../db/tokens.ts'
import { createLru } from '../lru.ts'
import type { FindOrigin, ReportEvent } from './origin.ts'

/** Hears what becomes of tokens by the clock and by use, and reports the little of it that is worth an event. */
export interface NoteLife {
  /** A token was presented after it had expired. */
  expired(row: TokenRow, findOrigin?: FindOrigin): void
  /** The expiry of a token moved. */
  renewed(row: TokenRow, from: number, to: number, findOrigin?: FindOrigin): void
}

const weekMs = 604_800_000

/** Expired tokens that a process remembers to have reported. */
const rememberedTokens = 10_000

/**
 * Reports the first use of a token that has expired: that is when it matters, and nobody has to look for tokens that
 * merely ran out. Of renewals, which each request may bring, it reports the one that takes the expiry into another week.
 */
export function createNoteLife(report: ReportEvent): NoteLife {
  const reported = createLru<true>(rememberedTokens)

  function tell(
    event: 'authn_token_expired' | 'authn_token_renewed',
    row: TokenRow,
    findOrigin: FindOrigin | undefined,
  ): void {
    report({ ...findOrigin?.(), event, tokenId: row.id, userId: row.userId as string }) // judged: it has a user
  }

  return {
    expired(row, findOrigin) {
      if (reported.has(row.id)) return
      reported.set(row.id, true)
      tell('authn_token_expired', row, findOrigin)
    },
    renewed(row, from, to, findOrigin) {
      if (Math.floor(from / weekMs) < Math.floor(to / weekMs)) tell('authn_token_renewed', row, findOrigin)
    },
  }
}
