import type { Database } from '../db/open.ts'
import { markFamilyEnded } from '../db/rotation.ts'
import { type ReportEvent, type RequestOrigin, reportEnds } from './origin.ts'

/** Ends a token because a predecessor of it was shown, and reports it once. */
export type EndFamily = (token: { id: string; userId: string }, origin?: RequestOrigin) => Promise<void>

export function createEndFamily(deps: {
  database: Database
  clock: () => number
  report: ReportEvent
}): EndFamily {
  const { database, clock, report } = deps
  return async ({ id, userId }, origin) => {
    const isOurs = await database.run((db) => markFamilyEnded(db, id, clock()))
    if (!isOurs) return // another request, or another process, has reported it
    report({ ...origin, event: 'authn_token_reuse', userId, tokenId: id })
    reportEnds(report, userId, [id], origin)
  }
}
