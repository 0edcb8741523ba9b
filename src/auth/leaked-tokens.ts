import type { Database, FindOne } from '../db/open.ts'
import type { PredecessorRow } from '../db/rotation.ts'
import { markTokensRevoked, type TokenWithUserRow } from '../db/tokens.ts'
import { findUserById } from '../db/users.ts'
import type { Mails } from './mails.ts'
import { type ReportEvent, type RequestOrigin, reportEnds } from './origin.ts'
import { type Throttle, throttleKey } from './throttle.ts'
import { digestToken } from './token-format.ts'

/**
 * Ends a token that somebody has found, with all it was rotated from or into. Whoever has a token may end it, so that no
 * more proof is asked for. The answer never tells whether there was such a token; `RATE_LIMITED` past what an address may
 * report in a minute.
 */
export type ReportLeakedToken = (token: string, origin: RequestOrigin) => Promise<void>

export function createReportLeakedToken(deps: {
  database: Database
  clock: () => number
  throttle: Throttle
  findToken: FindOne<TokenWithUserRow>
  findPredecessor: FindOne<PredecessorRow>
  report: ReportEvent
  mails: Mails
}): ReportLeakedToken {
  const { database, clock, throttle, findToken, findPredecessor, report, mails } = deps

  return async (token, origin) => {
    // Counted whatever comes of it, and apart from sign-ins: who reports much shall not be kept from signing in.
    const attempt = await throttle.begin({ address: throttleKey('address', `report ${origin.network}`) })
    try {
      // Looked up whatever its form, and written to where there is nothing: no case answers much sooner than another.
      const digest = digestToken(token)
      const row = (await findToken(digest)) ?? (await findPredecessor(digest))
      const which = { ids: row === undefined ? [] : [row.id] }
      const ended = await database.transaction(async (db) => {
        const revoked = await markTokensRevoked(db, which, clock())
        const owner = row?.userId && revoked.length > 0 ? await findUserById(db, row.userId) : undefined
        if (row !== undefined && owner !== undefined) {
          await mails.notify(db, owner, 'token-leaked', { token: row.deviceName ?? row.name })
        }
        return revoked
      })
      if (row?.userId == null || ended.length === 0) return
      reportEnds(report, row.userId, ended, origin)
      report({ ...origin, event: 'token_reported', userId: row.userId, tokenId: row.id })
    } finally {
      attempt.end()
    }
  }
}
