import type { Database } from '../db/open.ts'
import { findToken } from '../db/tokens.ts'
import { findUserById } from '../db/users.ts'
import { LatchkeyError } from '../errors.ts'
import { requireLabel } from './names.ts'
import type { ReportEvent, RequestOrigin } from './origin.ts'
import type { UserPrincipal } from './principal.ts'
import { type IssuedToken, type IssueToken, requireIssued } from './sign-in.ts'
import { requireScopes } from './token-rights.ts'

/** What `createToken` takes. */
export interface PersonalTokenRequest {
  name: string
  scopes: readonly string[]
  expiresIn?: string | null | undefined
}

/**
 * Issues a token for a script or a machine of the user's own. It may do no more than the token that asks for it
 * (`FORBIDDEN` / `SCOPE`), and no password was proven with it. `CONFLICT` at the limit.
 */
export type CreatePersonalToken = (
  principal: UserPrincipal,
  request: PersonalTokenRequest,
  origin: RequestOrigin,
) => Promise<IssuedToken>

export function createCreatePersonalToken(deps: {
  database: Database
  issueToken: IssueToken
  report: ReportEvent
}): CreatePersonalToken {
  const { database, issueToken, report } = deps
  return async (principal, request, origin) => {
    const { user, token } = principal
    const { scopes, expiresIn = null } = request
    const name = requireLabel(request.name, 'name', 100)
    requireScopes(token, scopes)
    const answer = await database.transaction(async (db) => {
      const row = await findUserById(db, user.id)
      const asking = await findToken(db, token.id)
      // Ended while the request was under way: it must not leave one behind that lives on.
      if (row?.active !== 1 || asking?.revokedAt !== null) throw hasEnded()
      return issueToken(db, { user: row, device, name, kind: 'PERSONAL', scopes, expiresIn, origin })
    })
    const issued = requireIssued(answer)
    report({ ...origin, event: 'authn_token_created', userId: user.id, tokenId: issued.tokenInfo.id })
    return issued
  }
}

/** What a request gets whose token ended while it was under way. */
export function hasEnded(): LatchkeyError {
  return new LatchkeyError('UNAUTHENTICATED', 'Token has been revoked.', { reason: 'REVOKED' })
}

const device = { id: null, name: null, platform: null }
