import type { Kysely } from 'kysely'
import type { Database } from '../db/open.ts'
import type { Tables } from '../db/tables.ts'
import { findToken, markTokensRevoked, type TokenRow } from '../db/tokens.ts'
import { findUserById, type UserRow } from '../db/users.ts'
import type { Mails } from './mails.ts'
import { type ReportEvent, type RequestOrigin, reportEnds } from './origin.ts'
import type { FindStoredToken } from './stored-token.ts'
import { type Throttle, throttleKey } from './throttle.ts'

/** A token that leaked, by itself or by its id, a UUID. */
export type LeakedToken = { token: string } | { id: string }

/** What became of it: whether it was in force until now, had ended before, or is not known. */
export type LeakedTokenFate = 'ended' | 'ended before' | 'unknown'

/** Ends tokens that came into wrong hands, with all they were rotated from or into, and tells their owners. */
export interface LeakedTokens {
  /**
   * Ends a token that somebody has found. Whoever has a token may end it, so that no more proof is asked for. The answer
   * never tells whether there was such a token; `RATE_LIMITED` past what an address may report in a minute.
   */
  reportLeakedToken(token: string, origin: RequestOrigin): Promise<void>
  /** Ends several at once, for the operator, all or none. One that comes twice is ended once. */
  endLeakedTokens(leaked: readonly LeakedToken[]): Promise<LeakedTokenFate[]>
}

export function createLeakedTokens(deps: {
  database: Database
  clock: () => number
  throttle: Throttle
  findStoredToken: FindStoredToken
  report: ReportEvent
  mails: Mails
}): LeakedTokens {
  const { database, clock, throttle, findStoredToken, report, mails } = deps

  /** Returns the ids of those that were in force. */
  async function end(rows: readonly TokenRow[], origin?: RequestOrigin): Promise<Set<string>> {
    const byId = new Map(rows.map((row) => [row.id, row]))
    const ids = await database.transaction(async (db) => {
      const ended = await markTokensRevoked(db, { ids: [...byId.keys()] }, clock())
      for (const id of ended) await tellOwner(db, byId.get(id) as TokenRow)
      return ended
    })
    for (const id of ids) {
      const userId = byId.get(id)?.userId as string // the tokens of a deleted user had ended
      reportEnds(report, userId, [id], origin)
      report({ ...origin, event: 'token_reported', userId, tokenId: id })
    }
    return new Set(ids)
  }

  async function tellOwner(db: Kysely<Tables>, row: TokenRow): Promise<void> {
    const owner = (await findUserById(db, row.userId as string)) as UserRow // see above
    await mails.notify(db, owner, 'token-leaked', { token: row.deviceName ?? row.name })
  }

  return {
    async reportLeakedToken(token, origin) {
      // Counted whatever comes of it, and apart from sign-ins: who reports much shall not be kept from signing in.
      const address = throttleKey('address', `report ${origin.network}`)
      const attempt = await throttle.begin({ address, request: origin })
      try {
        // Looked up whatever its form, and written to where there is nothing: no case answers much sooner than another.
        const row = await findStoredToken(token.trim())
        await end(row === undefined ? [] : [row], origin)
      } finally {
        attempt.end()
      }
    },

    async endLeakedTokens(leaked) {
      const rows: (TokenRow | undefined)[] = []
      for (const which of leaked) {
        const find =
          'id' in which ? database.run((db) => findToken(db, which.id)) : findStoredToken(which.token)
        rows.push(await find)
      }
      const ended = await end(rows.filter((row) => row !== undefined))
      return rows.map((row) => {
        if (row === undefined) return 'unknown'
        return ended.delete(row.id) ? 'ended' : 'ended before'
      })
    },
  }
}
