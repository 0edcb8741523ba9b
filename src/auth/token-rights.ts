import { LatchkeyError } from '../errors.ts'
import type { Token } from './principal.ts'

/** What tells of a token how much it may do. */
export type TokenRights = Pick<Token, 'scopes' | 'provenAt'>

/** Refuses a token that does not hold all of these scopes: `FORBIDDEN` / `SCOPE` names those it lacks. */
export function requireScopes(token: TokenRights, needed: readonly string[]): void {
  const { scopes } = token
  if (scopes === null) return
  const missing = needed.filter((scope) => !scopes.includes(scope))
  if (missing.length === 0) return
  const what = missing.length === 1 ? 'scope' : 'scopes'
  throw new LatchkeyError('FORBIDDEN', `This token lacks the ${what} ${missing.join(', ')}.`, {
    reason: 'SCOPE',
    scopes: missing,
  })
}

/** Refuses a token with which no password was proven since `maxAgeMs` ago: `FORBIDDEN` / `STALE_LOGIN`. */
export function requireFresh(token: TokenRights, maxAgeMs: number, now: number): void {
  if (token.provenAt !== null && token.provenAt + maxAgeMs > now) return
  throw new LatchkeyError(
    'FORBIDDEN',
    'This needs a recent proof of the password. Call confirmPassword, then try again.',
    { reason: 'STALE_LOGIN' },
  )
}
