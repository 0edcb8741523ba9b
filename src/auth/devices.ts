import { validate as isUuid } from 'uuid'
import type { Database } from '../db/open.ts'
import {
  countLiveTokens,
  findLiveToken,
  listLiveTokens,
  markTokensRevoked,
  renameToken,
} from '../db/tokens.ts'
import { badInput, LatchkeyError } from '../errors.ts'
import { requireLabel } from './names.ts'
import { type ReportEvent, type RequestOrigin, reportEnds } from './origin.ts'
import { type Token, toToken, type UserPrincipal } from './principal.ts'
import type { TokenLife } from './token-life.ts'
import { requireScopes } from './token-rights.ts'
import type { TokenUses } from './token-uses.ts'

/** A page of tokens, newest first. */
export interface TokenPage {
  userId: string
  tokens: Token[]
  hasNextPage: boolean
  hasPreviousPage: boolean
}

/** What users do with their own tokens. Each acts on the principal's tokens and on nobody else's. */
export interface Devices {
  /**
   * Ends a token, or without an id the one that the request came in with. Ending it twice is not an error, nor is an
   * unknown id or another user's (RFC 7009 §2.2); an id that no token can have is `BAD_USER_INPUT`. `FORBIDDEN` / `SCOPE`
   * for another one without the scope `TOKENS`.
   */
  revokeToken(principal: UserPrincipal, id: string | null, origin: RequestOrigin): Promise<void>
  /** Ends all tokens but the request's; returns how many. */
  revokeOtherTokens(principal: UserPrincipal, origin: RequestOrigin): Promise<number>
  /** Ends all tokens; returns how many. */
  revokeAllTokens(principal: UserPrincipal, origin: RequestOrigin): Promise<number>
  /** Renames a live token; `NOT_FOUND` where there is none of this id, or it is not the principal's. */
  renameToken(principal: UserPrincipal, id: string, name: string): Promise<Token>
  /** The live tokens of a user, `first` at a time, from behind the token `after`. */
  listTokens(userId: string, first: number, after: string | null): Promise<TokenPage>
  countTokens(userId: string): Promise<number>
}

export function createDevices(deps: {
  database: Database
  clock: () => number
  life: TokenLife
  uses: TokenUses
  report: ReportEvent
}): Devices {
  const { database, clock, life, uses, report } = deps

  async function revoke(
    which: Parameters<typeof markTokensRevoked>[1],
    principal: UserPrincipal,
    origin: RequestOrigin,
  ): Promise<number> {
    const ids = await database.run((db) => markTokensRevoked(db, which, clock()))
    reportEnds(report, principal.user.id, ids, origin)
    return ids.length
  }

  return {
    async revokeToken(principal, id, origin) {
      const own = principal.token.id
      const tokenId = id === null ? own : requireTokenId(id, 'id')
      if (tokenId !== own) requireScopes(principal.token, ['TOKENS'])
      await revoke({ ids: [tokenId], userId: principal.user.id }, principal, origin)
    },
    revokeOtherTokens: (principal, origin) =>
      revoke({ userId: principal.user.id, exceptId: principal.token.id }, principal, origin),
    revokeAllTokens: (principal, origin) => revoke({ userId: principal.user.id }, principal, origin),

    async renameToken(principal, id, name) {
      const tokenId = requireTokenId(id, 'id')
      const label = requireLabel(name, 'name', 100) as string // a string in, a string out
      const userId = principal.user.id
      const row = await database.transaction(async (db) => {
        await renameToken(db, userId, tokenId, label)
        return findLiveToken(db, userId, tokenId, life.liveAt(clock()))
      })
      if (row === undefined) throw new LatchkeyError('NOT_FOUND', 'There is no such token.')
      return toToken(row, uses.find(row.id))
    },

    async listTokens(userId, first, after) {
      if (!Number.isInteger(first) || first < 1 || first > 100) {
        throw badInput('first', 'RANGE', 'first must be from 1 to 100.')
      }
      const behind = after === null ? null : requireTokenId(after, 'after')
      const rows = await database.run((db) =>
        listLiveTokens(db, userId, life.liveAt(clock()), first + 1, behind),
      )
      return {
        userId,
        tokens: rows.slice(0, first).map((row) => toToken(row, uses.find(row.id))),
        hasNextPage: rows.length > first,
        hasPreviousPage: behind !== null,
      }
    },

    countTokens: (userId) => database.run((db) => countLiveTokens(db, userId, life.liveAt(clock()))),
  }
}

function requireTokenId(id: string, field: string): string {
  if (!isUuid(id))
    throw badInput(
      field,
      field === 'id' ? 'ID' : 'CURSOR',
      `This is not ${field === 'id' ? 'a token id' : 'a cursor of this list'}.`,
    )
  return id.toLowerCase()
}
