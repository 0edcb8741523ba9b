import type { TokenRow } from '../db/tokens.ts'
import { badInput, LatchkeyError } from '../errors.ts'

const kinds = ['DEVICE', 'PERSONAL', 'SERVICE'] as const

/** Where a token comes from: a sign-in on a device, its user by `createToken`, or the operator. */
export type TokenKind = (typeof kinds)[number]

/** What tells of a token how much it may do. */
export interface TokenRights {
  readonly kind: TokenKind
  /** What it may be used for, as `enum Scope` of the schema names it; null for all of it. */
  readonly scopes: readonly string[] | null
  /** When the password was last proven with it, in milliseconds since 1970; null for never. */
  readonly provenAt: number | null
}

type StoredRights = Pick<TokenRow, 'kind' | 'scopes' | 'provenAt'>

/** The rights of a stored token. */
export function toRights(row: StoredRights & Pick<TokenRow, 'createdAt'>): TokenRights {
  return {
    kind: kinds[row.kind ?? 0] as TokenKind, // 0 is stored as null
    scopes: row.scopes === null ? null : row.scopes.split(' ').filter((scope) => scope !== ''),
    provenAt: row.provenAt === null ? row.createdAt : row.provenAt || null,
  }
}

/** How the rights of a new token are stored: a sign-in proves the password, and nothing else does. */
export function toStoredRights(kind: TokenKind, scopes: readonly string[] | null): StoredRights {
  return {
    kind: toStoredKind(kind),
    scopes: scopes && requireScopeNames(scopes).join(' '),
    provenAt: kind === 'DEVICE' ? null : 0,
  }
}

export function toStoredKind(kind: TokenKind): number | null {
  return kind === 'DEVICE' ? null : kinds.indexOf(kind)
}

/** Refuses a token that does not hold all of these scopes: `FORBIDDEN` / `SCOPE` names those it lacks. */
export function requireScopes(token: Pick<TokenRights, 'scopes'>, needed: readonly string[]): void {
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

/** How recently the password must have been proven for what takes one's own account over or ends it. */
export const ownFreshMs = 600_000

/** Refuses a token with which no password was proven since `maxAgeMs` ago: `FORBIDDEN` / `STALE_LOGIN`. */
export function requireFresh(token: Pick<TokenRights, 'provenAt'>, maxAgeMs: number, now: number): void {
  if (token.provenAt !== null && token.provenAt + maxAgeMs > now) return
  throw new LatchkeyError(
    'FORBIDDEN',
    'This needs a recent proof of the password. Call confirmPassword, then try again.',
    { reason: 'STALE_LOGIN' },
  )
}

/** The schema has checked those of clients; an operator or an application may write anything. */
function requireScopeNames(scopes: readonly string[]): string[] {
  if (scopes.some((scope) => !/^[A-Za-z_]\w{0,99}$/.test(scope))) {
    throw badInput('scopes', 'SCOPE', 'A scope has a name as in the schema, such as ACCOUNT.')
  }
  return [...new Set(scopes)]
}
