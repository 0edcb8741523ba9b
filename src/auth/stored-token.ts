import type { FindOne } from '../db/open.ts'
import type { PredecessorRow } from '../db/rotation.ts'
import type { TokenWithUserRow } from '../db/tokens.ts'
import { digestsOfToken } from './token-format.ts'

/**
 * Finds what is stored of a token that somebody has, whatever its form; `rotatedAt` is there where it was rotated, and the
 * row that of the token which followed.
 */
export type FindStoredToken = (
  token: string,
) => Promise<(TokenWithUserRow & { rotatedAt?: undefined }) | PredecessorRow | undefined>

export function createFindStoredToken(deps: {
  findToken: FindOne<TokenWithUserRow>
  findPredecessor: FindOne<PredecessorRow>
}): FindStoredToken {
  const { findToken, findPredecessor } = deps
  return async (token) => {
    for (const digest of digestsOfToken(token)) {
      const row = (await findToken(digest)) ?? (await findPredecessor(digest))
      if (row !== undefined) return row
    }
    return undefined
  }
}
