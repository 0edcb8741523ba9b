import type { Kysely } from 'kysely'
import { validate as isUuid } from 'uuid'
import type { Database, FindOne } from '../db/open.ts'
import { findPredecessor, type PredecessorRow } from '../db/rotation.ts'
import type { Tables } from '../db/tables.ts'
import { findToken, markTokensRevoked, type TokenRow, type TokenWithUserRow } from '../db/tokens.ts'
import { findUserById } from '../db/users.ts'
import { badInput, LatchkeyError } from '../errors.ts'
import { requireLabel } from './names.ts'
import { type Actor, type ReportEvent, reportEnds } from './origin.ts'
import { type AnonymousPrincipal, anonymous, findRefusal } from './principal.ts'
import { type IssuedToken, type IssueToken, requireIssued } from './sign-in.ts'
import { digestToken, hasTokenForm, isWellFormedToken } from './token-format.ts'
import type { TokenLife } from './token-life.ts'

/** What there is to say about a string that may be a token; `found` is null where the database has none such. */
export interface Introspection {
  /** Whether prefix, length and characters are those of a token. */
  wellFormed: boolean
  /** Whether the checksum is right; one that is wrong was mistyped or cut. */
  checksum: boolean
  found: {
    token: TokenRow
    username: string | null
    /** Why the token does not authenticate, or null while it does. */
    refusal: AnonymousPrincipal | null
  } | null
}

/** What the operator does with anyone's tokens. */
export interface Operator {
  /** Issues a token without a password; `NOT_FOUND`, `FORBIDDEN` for a disabled account, `CONFLICT` at the token limit. */
  createToken(
    userId: string,
    request: { name: string | null; expiresIn: string | null; scopes?: readonly string[] | null },
  ): Promise<IssuedToken>
  /** Ends a token, by its id or by itself; `ended` is false where it had ended before. `NOT_FOUND` for an unknown one. */
  endToken(which: { id: string } | { token: string }): Promise<{ token: TokenRow; ended: boolean }>
  /** Ends all tokens of a user; returns how many, or `NOT_FOUND`. */
  endTokens(userId: string, actor?: Actor): Promise<number>
  /** Says what a token is worth. Uses that the service has not written yet are not seen. */
  introspectToken(token: string): Promise<Introspection>
}

export function createOperator(deps: {
  database: Database
  clock: () => number
  life: TokenLife
  issueToken: IssueToken
  findTokenWithUser: FindOne<TokenWithUserRow>
  findPredecessor: FindOne<PredecessorRow>
  report: ReportEvent
}): Operator {
  const { database, clock, life, issueToken, findTokenWithUser, report } = deps
  const findRotated = deps.findPredecessor

  return {
    async createToken(userId, { name, expiresIn, scopes = null }) {
      const label = requireLabel(name, 'name', 100)
      life.startPersonal(clock(), expiresIn) // an unreadable duration is refused before anything is looked up
      const answer = await database.transaction(async (db) => {
        const user = await findUserById(db, userId)
        if (user === undefined) throw noSuchUser()
        if (user.active !== 1) {
          throw new LatchkeyError('FORBIDDEN', 'The account is disabled. Enable it first.', {
            reason: 'DISABLED',
          })
        }
        const device = { id: null, name: null, platform: null }
        const origin = { address: null, userAgent: null }
        return issueToken(db, {
          user,
          device,
          name: label ?? 'Command line',
          kind: 'SERVICE',
          scopes,
          expiresIn,
          origin,
        })
      })
      const issued = requireIssued(answer)
      report({ event: 'authn_token_created', userId, tokenId: issued.tokenInfo.id })
      return issued
    },

    async endToken(which) {
      const by = 'id' in which ? { id: requireId(which.id) } : { digest: digestToken(which.token) }
      const { token, ended } = await database.transaction(async (db) => {
        const row = (await findToken(db, by)) ?? (await findSuccessor(db, by))
        if (row === undefined) throw new LatchkeyError('NOT_FOUND', 'There is no such token.')
        const ids = await markTokensRevoked(db, { ids: [row.id] }, clock())
        return { token: row, ended: ids.length > 0 }
      })
      if (ended) reportEnds(report, token.userId as string, [token.id]) // the tokens of a deleted user have ended
      return { token, ended }
    },

    async endTokens(userId, actor = {}) {
      const ids = await database.transaction(async (db) => {
        if ((await findUserById(db, userId)) === undefined) throw noSuchUser()
        return markTokensRevoked(db, { userId }, clock())
      })
      reportEnds(report, userId, ids, actor)
      return ids.length
    },

    async introspectToken(token) {
      const wellFormed = hasTokenForm(token)
      const checksum = isWellFormedToken(token)
      if (!checksum) return { wellFormed, checksum, found: null }
      const digest = digestToken(token)
      const row = await findTokenWithUser(digest)
      const rotated = row === undefined ? await findRotated(digest) : undefined
      const known = row ?? rotated
      if (known === undefined) return { wellFormed, checksum, found: null }
      const now = clock()
      const isReplaced = rotated !== undefined && !life.isInGrace(rotated, now)
      const refusal = findRefusal(known, now, life) ?? (isReplaced ? replaced : null)
      const found = { token: known, username: known.username, refusal }
      return { wellFormed, checksum, found }
    },
  }
}

/** A token that leaked may have been rotated since: what follows it ends with it. */
async function findSuccessor(
  db: Kysely<Tables>,
  by: { id: string } | { digest: string },
): Promise<TokenRow | undefined> {
  const before = 'digest' in by ? await findPredecessor(db, by.digest) : undefined
  return before && findToken(db, { id: before.tokenId })
}

const replaced = anonymous('REVOKED', 'Token was replaced by a rotation.')

function noSuchUser(): LatchkeyError {
  return new LatchkeyError('NOT_FOUND', 'There is no such user.')
}

function requireId(id: string): string {
  if (!isUuid(id)) throw badInput('id', 'ID', 'This is not the id of a token.')
  return id.toLowerCase()
}
