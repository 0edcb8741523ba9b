import { randomBytes } from 'node:crypto'
import type { Database } from '../db/open.ts'
import { findPredecessor, markTokenRotated } from '../db/rotation.ts'
import { findToken, type TokenRow } from '../db/tokens.ts'
import { findUserById, type UserRow } from '../db/users.ts'
import type { ReportEvent, RequestOrigin } from './origin.ts'
import { hasEnded } from './personal-tokens.ts'
import { toToken, toUser, type UserPrincipal } from './principal.ts'
import type { IssuedToken } from './sign-in.ts'
import type { EndFamily } from './token-family.ts'
import { deriveToken, digestsOfToken, digestToken } from './token-format.ts'
import type { TokenLife } from './token-life.ts'
import type { TokenUses } from './token-uses.ts'

/**
 * Gives the token of a request a new secret; `token` is what the request presented. Whoever presents the same one again
 * within the grace gets the same answer, so that requests that race leave one new token. `UNAUTHENTICATED` / `REVOKED`
 * where the token ended meanwhile, or was rotated too long ago.
 */
export type RotateToken = (
  principal: UserPrincipal,
  token: string,
  origin: RequestOrigin,
) => Promise<IssuedToken>

type Outcome = { token: string; row: TokenRow; user: UserRow; isFirst: boolean } | 'ended' | 'reused'

export function createRotateToken(deps: {
  database: Database
  clock: () => number
  life: TokenLife
  uses: TokenUses
  tokenPrefix: string
  endFamily: EndFamily
  report: ReportEvent
}): RotateToken {
  const { database, clock, life, uses, tokenPrefix, endFamily, report } = deps
  return async (principal, token, origin) => {
    const digests = digestsOfToken(token)
    const userId = principal.user.id
    const outcome = await database.transaction(async (db): Promise<Outcome> => {
      const now = clock()
      const user = await findUserById(db, userId)
      const row = await findToken(db, principal.token.id)
      if (user?.active !== 1 || row === undefined || row.revokedAt !== null) return 'ended'
      const nonce = randomBytes(32)
      const successor = deriveToken(tokenPrefix, token, nonce)
      // One that is no device's is never renewed, and ends when it was to end.
      const expiresAt = row.kind === null ? life.restart(now, row.maxExpiresAt) : row.maxExpiresAt
      const next = { successor: digestToken(successor), nonce, rotatedAt: now, expiresAt }
      for (const digest of digests) {
        if (await markTokenRotated(db, { id: row.id, digest, ...next })) {
          return { token: successor, row: { ...row, expiresAt }, user, isFirst: true }
        }
      }
      const before = await findPredecessor(db, digests)
      if (before?.tokenId !== row.id) return 'ended'
      if (!life.isInGrace(before, now)) return 'reused'
      return { token: deriveToken(tokenPrefix, token, before.nonce), row, user, isFirst: false }
    })
    if (outcome === 'reused') await endFamily({ id: principal.token.id, userId }, origin)
    if (typeof outcome === 'string') throw hasEnded()
    const { row, user } = outcome
    if (outcome.isFirst) report({ ...origin, event: 'authn_token_rotated', userId, tokenId: row.id })
    const tokenInfo = toToken(row, uses.find(row.id))
    const { maxExpiresAt } = row
    return { token: outcome.token, tokenInfo, user: toUser(user), maxExpiresAt, evictedIds: [] }
  }
}
