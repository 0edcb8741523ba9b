import type { FindOne } from '../db/open.ts'
import type { PredecessorRow } from '../db/rotation.ts'
import type { TokenRow, TokenUse, TokenWithUserRow } from '../db/tokens.ts'
import type { UserRow } from '../db/users.ts'
import { readDjangoTokenForm } from './django-tokens.ts'
import type { KnownTokens } from './known-tokens.ts'
import type { NoteLife } from './note-life.ts'
import type { FindOrigin } from './origin.ts'
import type { EndFamily } from './token-family.ts'
import { digestsOfToken, digestToken, hasRightChecksum, hasTokenForm } from './token-format.ts'
import type { TokenLife } from './token-life.ts'
import { type TokenRights, toRights } from './token-rights.ts'
import type { TokenUses } from './token-uses.ts'

/** How much a user may do; `ADMIN` includes `USER`. */
export type Role = 'USER' | 'ADMIN'

/** Somebody with an account; times in milliseconds since 1970. */
export interface User {
  readonly id: string
  readonly username: string
  readonly email: string | null
  /** Whether the user has shown that the address is theirs. */
  readonly emailVerified: boolean
  readonly role: Role
  /** Whether the account is not disabled. */
  readonly active: boolean
  readonly createdAt: number
  readonly lastSignInAt: number | null
}

/** A token without its secret; times in milliseconds since 1970. */
export interface Token extends TokenRights {
  readonly id: string
  readonly userId: string
  readonly name: string
  readonly device: {
    readonly id: string | null
    readonly name: string | null
    readonly platform: string | null
  }
  readonly userAgent: string | null
  readonly createdAt: number
  readonly expiresAt: number
  readonly lastUsedAt: number | null
  readonly lastUsedAddress: string | null
}

/** Why a request has no user. */
export type AnonymousReason = 'MISSING' | 'MALFORMED' | 'INVALID' | 'EXPIRED' | 'REVOKED' | 'INACTIVE'

/** Who makes a request. */
export type Principal = UserPrincipal | AnonymousPrincipal

export interface UserPrincipal {
  readonly kind: 'user'
  readonly user: User
  readonly token: Token
}

/** `message` is what a protected field answers. */
export interface AnonymousPrincipal {
  readonly kind: 'anonymous'
  readonly reason: AnonymousReason
  readonly message: string
}

/** Builds an anonymous principal; meant for boot, so that requests share a few frozen ones. */
export function anonymous(reason: AnonymousReason, message: string): AnonymousPrincipal {
  return Object.freeze({ kind: 'anonymous', reason, message })
}

/** Nobody has such a token. */
export const invalid = anonymous('INVALID', 'Invalid token.')
const expired = anonymous('EXPIRED', 'Token has expired.')
/** It was ended before its time. */
export const revoked = anonymous('REVOKED', 'Token has been revoked.')
const inactive = anonymous('INACTIVE', 'User inactive or deleted.')

/**
 * Resolves a token string into a principal with one look-up or, for a token that is known, none; never with one for a
 * token whose form or checksum is wrong. One of Knox may need another, as it is not known by what digest it is stored. One that was rotated is found by another, and ends what followed it where it comes
 * too late. Answers at once where the database driver is synchronous. Throws only for a
 * database fault.
 */
export type ResolvePrincipal = (
  token: string,
  address: string,
  findOrigin?: FindOrigin,
) => Principal | Promise<Principal>

/** Judges a stored token at this moment; one that is good is used by that, from this address. */
export type JudgeToken = (
  row: TokenWithUserRow,
  address: string,
  findOrigin: FindOrigin | undefined,
) => Principal

export function createJudgeToken(deps: {
  clock: () => number
  life: TokenLife
  uses: TokenUses
  /** Hears of what no request asked for, where it is cheap to know. */
  noteLife: NoteLife
}): JudgeToken {
  const { clock, life, uses, noteLife } = deps
  return (row, address, findOrigin) => {
    const now = clock()
    const use = uses.find(row.id)
    const refusal = findRefusal(row, now, life, use)
    if (refusal !== null) {
      if (refusal === expired) noteLife.expired(row, findOrigin)
      return refusal
    }
    const expiry = expiryOf(row, use)
    const expiresAt = life.renew(expiry, row.maxExpiresAt, now)
    if (expiresAt > expiry) noteLife.renewed(row, expiry, expiresAt, findOrigin)
    return toUserPrincipal(row, uses.record(row, now, address, expiresAt))
  }
}

export function createResolvePrincipal(deps: {
  /** Finds a token by its digest. */
  findToken: FindOne<TokenWithUserRow>
  /** Finds it by what it was before a rotation. */
  findPredecessor: FindOne<PredecessorRow>
  endFamily: EndFamily
  /** A token by its digest out of memory where it can; null for no cache. */
  knownTokens: KnownTokens | null
  clock: () => number
  life: TokenLife
  uses: TokenUses
  noteLife: NoteLife
}): ResolvePrincipal {
  const { findToken, findPredecessor, endFamily, knownTokens, clock, life, uses } = deps
  const judge = createJudgeToken(deps)

  /** What was rotated is never kept in memory: it is judged by the database and the clock at each use. */
  function settle(
    digest: string,
    row: TokenWithUserRow | undefined,
    address: string,
    findOrigin: FindOrigin | undefined,
  ): Principal | Promise<Principal> {
    if (row !== undefined) return judge(row, address, findOrigin)
    const found = findPredecessor(digest)
    return found instanceof Promise
      ? found.then((predecessor) => judgePredecessor(predecessor, address, findOrigin))
      : judgePredecessor(found, address, findOrigin)
  }

  function judgePredecessor(
    row: PredecessorRow | undefined,
    address: string,
    findOrigin: FindOrigin | undefined,
  ): Principal | Promise<Principal> {
    if (row === undefined) return invalid
    const now = clock()
    if (life.isInGrace(row, now)) return judge(row, address, findOrigin)
    const refusal = findRefusal(row, now, life, uses.find(row.id))
    if (refusal !== null) return refusal
    // Two have this token, one of whom should not.
    const family = { id: row.id, userId: row.userId as string } // judged: it has a user
    return endFamily(family, findOrigin?.()).then(() => revoked)
  }

  function lookUp(
    digest: string,
    address: string,
    findOrigin: FindOrigin | undefined,
  ): Principal | Promise<Principal> {
    const mark = knownTokens?.mark() ?? 0
    const found = findToken(digest)
    if (found instanceof Promise)
      return found.then((row) => {
        knownTokens?.keepSince(mark, digest, row)
        return settle(digest, row, address, findOrigin)
      })
    knownTokens?.keep(digest, found)
    return settle(digest, found, address, findOrigin)
  }

  /** The user of a token out of memory; null where the database is to be asked, of which another process may have written. */
  function recall(digest: string, address: string, findOrigin: FindOrigin | undefined): UserPrincipal | null {
    const known = knownTokens?.find(digest)
    const principal = known && judge(known, address, findOrigin)
    return principal?.kind === 'user' ? principal : null
  }

  /** An imported token, which has no checksum. */
  function resolveDjangoToken(
    token: string,
    address: string,
    findOrigin: FindOrigin | undefined,
  ): Principal | Promise<Principal> {
    if (readDjangoTokenForm(token) === null) return invalid
    const [digest, other] = digestsOfToken(token)
    const known =
      recall(digest, address, findOrigin) ?? (other === undefined ? null : recall(other, address, findOrigin))
    if (known !== null) return known
    const principal = lookUp(digest, address, findOrigin)
    if (other === undefined) return principal
    const goOn = (principal: Principal): Principal | Promise<Principal> =>
      principal === invalid ? lookUp(other, address, findOrigin) : principal
    return principal instanceof Promise ? principal.then(goOn) : goOn(principal)
  }

  return (token, address, findOrigin) => {
    if (!hasTokenForm(token)) return resolveDjangoToken(token, address, findOrigin)
    const digest = digestToken(token)
    const known = knownTokens?.find(digest)
    if (known !== undefined) {
      const principal = judge(known, address, findOrigin)
      if (principal.kind === 'user') return principal // else another process may have written a use or a renewal
    } else if (!hasRightChecksum(token)) {
      return invalid
    }
    return lookUp(digest, address, findOrigin)
  }
}

/** Why a stored token does not authenticate at this moment, or null while it does. */
export function findRefusal(
  row: TokenWithUserRow,
  now: number,
  life: TokenLife,
  use?: TokenUse,
): AnonymousPrincipal | null {
  if (row.userId === null || row.active !== 1) return inactive
  if (row.revokedAt !== null) return revoked
  const lastUsedAt = Math.max(row.lastUsedAt ?? row.createdAt, use?.usedAt ?? 0)
  const isIdle = row.kind === null && lastUsedAt + life.idleTtlMs <= now
  return isIdle || expiryOf(row, use) <= now ? expired : null
}

/** The expiry with a renewal that is not written yet, unless the stored one was shortened since. */
function expiryOf(row: TokenRow, use: TokenUse | undefined): number {
  return use === undefined || row.expiresAt < use.renewedFrom
    ? row.expiresAt
    : Math.max(row.expiresAt, use.expiresAt)
}

/** Whose token it is, for one that is good. */
export function toUserPrincipal(row: TokenWithUserRow, use?: TokenUse): UserPrincipal {
  return {
    kind: 'user',
    user: {
      id: row.userId as string, // judged above; the user's columns come with it
      username: row.username as string,
      email: row.email,
      emailVerified: row.emailVerifiedAt !== null,
      role: row.role as Role,
      active: true,
      createdAt: row.userCreatedAt as number,
      lastSignInAt: row.lastSignInAt,
    },
    token: toToken(row, use),
  }
}

/** A stored user as callers see it. */
export function toUser(row: UserRow): User {
  const { id, username, email, role, createdAt, lastSignInAt } = row
  const flags = { emailVerified: row.emailVerifiedAt !== null, active: row.active === 1 }
  return { id, username, email, ...flags, role, createdAt, lastSignInAt }
}

/** A stored token as callers see it, brought up to date by what is not written yet. */
export function toToken(row: TokenRow, use?: TokenUse): Token {
  const { kind, scopes, provenAt } = toRights(row)
  return {
    id: row.id,
    userId: row.userId ?? '',
    name: row.name,
    device: { id: row.deviceId, name: row.deviceName, platform: row.devicePlatform },
    userAgent: row.userAgent,
    createdAt: row.createdAt,
    expiresAt: expiryOf(row, use),
    lastUsedAt: use?.usedAt ?? row.lastUsedAt,
    lastUsedAddress: use?.address ?? row.lastUsedAddress,
    // One by one: each request makes one of these, and spreading takes three times as long.
    kind,
    scopes,
    provenAt,
  }
}
