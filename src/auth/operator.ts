import { validate as isUuid } from 'uuid'
import type { Database } from '../db/open.ts'
import { findToken, markTokensRevoked, type TokenRow } from '../db/tokens.ts'
import { findUserById } from '../db/users.ts'
import { badInput, LatchkeyError } from '../errors.ts'
import { type DjangoTokenForm, readDjangoTokenForm } from './django-tokens.ts'
import { requireLabel } from './names.ts'
import { type Actor, type ReportEvent, reportEnds } from './origin.ts'
import { type AnonymousPrincipal, anonymous, findRefusal } from './principal.ts'
import { type IssuedToken, type IssueToken, requireIssued } from './sign-in.ts'
import type { FindStoredToken } from './stored-token.ts'
import { hasTokenForm, isWellFormedToken } from './token-format.ts'
import type { TokenLife } from './token-life.ts'

/** What there is to say about a string that may be a token; `found` is null where the database has none such. */
export interface Introspection {
  /** Whether prefix, length and characters are those of a token. */
  wellFormed: boolean
  /** Whose form it is; null where it is nobody's. */
  form: TokenForm | null
  /** Whether the checksum is right; one that is wrong was mistyped or cut. Null for a form that has none. */
  checksum: boolean | null
  found: {
    token: TokenRow
    username: string | null
    /** Why the token does not authenticate, or null while it does. */
    refusal: AnonymousPrincipal | null
  } | null
}

/** Whose form a token may have; `drf` is Django REST Framework. */
export type TokenForm = 'latchkey' | DjangoTokenForm

/** What the operator does with anyone's tokens. */
export interface Operator {
  /** Issues a token without a password; `NOT_FOUND`, `FORBIDDEN` for a disabled account, `CONFLICT` at the token limit. */
  createToken(
    userId: string,
    request: { name: string | null; expiresIn: string | null; scopes?: readonly string[] | null },
  ): Promise<IssuedToken>
  /** Ends a token, by its id or by itself; `ended` is false where it had ended before. `NOT_FOUND` for an unknown one. */
  endToken(which: { id: string } | { token: string }): Promise<{ token: TokenRow; ended: boolean }>
  /** Ends all tokens of a user, or the one with this id; returns how many, or `NOT_FOUND` where there is no such user. */
  endTokens(userId: string, actor?: Actor, tokenId?: string | null): Promise<number>
  /** Says what a token is worth. Uses that the service has not written yet are not seen. */
  introspectToken(token: string): Promise<Introspection>
}

export function createOperator(deps: {
  database: Database
  clock: () => number
  life: TokenLife
  issueToken: IssueToken
  findStoredToken: FindStoredToken
  report: ReportEvent
}): Operator {
  const { database, clock, life, issueToken, findStoredToken, report } = deps

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
      const token =
        'id' in which
          ? await database.run((db) => findToken(db, requireId(which.id, 'id')))
          : await findStoredToken(which.token)
      if (token === undefined) throw new LatchkeyError('NOT_FOUND', 'There is no such token.')
      const ids = await database.run((db) => markTokensRevoked(db, { ids: [token.id] }, clock()))
      const ended = ids.length > 0
      if (ended) reportEnds(report, token.userId as string, [token.id]) // the tokens of a deleted user have ended
      return { token, ended }
    },

    async endTokens(userId, actor = {}, tokenId = null) {
      const which = tokenId === null ? { userId } : { userId, ids: [requireId(tokenId, 'tokenId')] }
      const ids = await database.transaction(async (db) => {
        if ((await findUserById(db, userId)) === undefined) throw noSuchUser()
        return markTokensRevoked(db, which, clock())
      })
      reportEnds(report, userId, ids, actor)
      return ids.length
    },

    async introspectToken(token) {
      const form: TokenForm | null = hasTokenForm(token) ? 'latchkey' : readDjangoTokenForm(token)
      const checksum = form === 'drf' || form === 'knox' ? null : isWellFormedToken(token)
      const said = { wellFormed: form !== null, form, checksum }
      const row = form === null || checksum === false ? undefined : await findStoredToken(token)
      if (row === undefined) return { ...said, found: null }
      const now = clock()
      const isReplaced = row.rotatedAt !== undefined && !life.isInGrace(row, now)
      const refusal = findRefusal(row, now, life) ?? (isReplaced ? replaced : null)
      return { ...said, found: { token: row, username: row.username, refusal } }
    },
  }
}

const replaced = anonymous('REVOKED', 'Token was replaced by a rotation.')

function noSuchUser(): LatchkeyError {
  return new LatchkeyError('NOT_FOUND', 'There is no such user.')
}

function requireId(id: string, field: string): string {
  if (!isUuid(id)) throw badInput(field, 'ID', 'This is not the id of a token.')
  return id.toLowerCase()
}
