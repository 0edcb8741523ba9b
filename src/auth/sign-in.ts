import type { Kysely } from 'kysely'
import { v7 as uuidv7 } from 'uuid'
import type { Tables } from '../db/tables.ts'
import { insertToken, listLiveTokens, listLiveTokenUses, markTokensRevoked } from '../db/tokens.ts'
import { findUserByName, type UserRow, updateUser } from '../db/users.ts'
import { badInput, LatchkeyError } from '../errors.ts'
import type { Hooks } from './hooks.ts'
import type { Mails } from './mails.ts'
import { requireLabel, requireNameKey, toNameKey } from './names.ts'
import { type ReportEvent, type RequestOrigin, reportEnds } from './origin.ts'
import type { AttemptAccount, ProvePassword } from './password-proof.ts'
import { type Passwords, requireCheckablePassword, requireNewPassword } from './passwords.ts'
import { type Principal, type Token, toToken, toUser, type User, type UserPrincipal } from './principal.ts'
import { digestToken, generateToken } from './token-format.ts'
import type { TokenLife } from './token-life.ts'
import { type TokenKind, toStoredRights } from './token-rights.ts'
import type { TokenUses } from './token-uses.ts'

/** The device that will hold a token, as the client describes it. */
export interface DeviceInput {
  id?: string | null | undefined
  name?: string | null | undefined
  platform?: string | null | undefined
}

/** What `tokenAuth` takes. */
export interface TokenAuthRequest {
  username: string
  password: string
  /** What takes the place of a temporary password. */
  newPassword?: string | null | undefined
  device?: DeviceInput | null | undefined
  /** What the token is to be used for; null for all of it. */
  scopes?: readonly string[] | null | undefined
  expiresIn?: string | null | undefined
}

/** What it answers: the one place where a token is shown. */
export interface IssuedToken {
  token: string
  tokenInfo: Token
  user: User
  /** Until when use may renew it; its expiry where that is not renewed. */
  maxExpiresAt: number
  /** The tokens that ended to make room for it. */
  evictedIds: readonly string[]
}

/** Among how many live tokens a device is looked for. */
const devicesLooked = 1_000

/** What issuing a token needs to know. */
export interface NewToken {
  user: UserRow
  device: Token['device']
  name: string | null
  expiresIn: string | null
  /** A sign-in's, unless it says otherwise, and with all scopes. */
  kind?: TokenKind
  scopes?: readonly string[] | null
  origin: { address: string | null; userAgent: string | null }
}

export interface IssueTokenDeps {
  clock: () => number
  life: TokenLife
  uses: TokenUses
  tokenPrefix: string
  tokenLimit: number
  tokenLimitPolicy: 'evict-oldest' | 'deny'
  /** Of tokens that are no device's; nothing makes room for one more. */
  personalTokenLimit: number
}

/** Issues a token in a transaction; undefined where the user has as many of its kind as the limit allows, and none is to end for it. */
export type IssueToken = (db: Kysely<Tables>, request: NewToken) => Promise<IssuedToken | undefined>

/**
 * Signs in with a password and issues a token for one device; a temporary password is replaced in the same step. Unknown
 * user, wrong password, disabled account and locked password get one answer, at one cost. Throws `UNAUTHENTICATED` /
 * `CREDENTIALS`, `RATE_LIMITED`, `BAD_USER_INPUT`, what `findMisuse` says or, where the token limit denies, `CONFLICT`.
 */
export type TokenAuth = (
  request: TokenAuthRequest,
  origin: RequestOrigin,
  principal: Principal,
) => Promise<IssuedToken>

export function createTokenAuth(deps: {
  provePassword: ProvePassword
  passwords: Pick<Passwords, 'minLength'>
  issueToken: IssueToken
  clock: () => number
  life: TokenLife
  report: ReportEvent
  hooks: Hooks
  mails: Mails
}): TokenAuth {
  const { provePassword, passwords, issueToken, clock, life, report, hooks, mails } = deps

  return async (request, origin, principal) => {
    const nameKey = requireNameKey(request.username, 'username')
    const password = requireCheckablePassword(request.password, 'password')
    const newPassword =
      typeof request.newPassword === 'string'
        ? requireCheckablePassword(request.newPassword, 'newPassword')
        : null
    const device = requireDevice(request.device)
    const expiresIn = request.expiresIn ?? null
    const scopes = request.scopes ?? null
    life.start(clock(), expiresIn) // an unreadable duration is refused before it costs an attempt

    const { answer, event, replacedIds } = await provePassword(
      {
        find: (db) => findUserByName(db, nameKey),
        account: accountOf(nameKey, principal),
        password,
        ...(newPassword === null ? {} : { newPassword }),
        origin,
        admit: () => hooks.before('beforeTokenAuth', { name: nameKey, device, origin }),
        async approve(row) {
          const user = toUser(row)
          const issuing = { user, device, origin }
          if (newPassword === null) return hooks.before('beforeTokenIssued', issuing)
          await requireReplacement(newPassword, row)
          // At once: one after the other, they could hold the answer up for longer than an operation may take.
          await Promise.all([
            hooks.before('beforePasswordChange', { user, origin }),
            hooks.before('beforeTokenIssued', issuing),
          ])
        },
      },
      async (db, { row, afterFailures }) => {
        const now = clock()
        if (await isNewDevice(db, row, device, origin, now)) {
          const name = device.name ?? device.platform
          await mails.notify(db, row, 'new-device', { origin, device: name })
        }
        const replacedIds: string[] = []
        if (newPassword !== null) {
          await mails.notify(db, row, 'password-changed', { origin })
          replacedIds.push(...(await markTokensRevoked(db, { userId: row.id }, now)))
        }
        if (principal.kind === 'user' && principal.user.id === row.id) {
          replacedIds.push(...(await markTokensRevoked(db, { ids: [principal.token.id] }, now)))
        }
        if (device.id !== null) {
          replacedIds.push(...(await markTokensRevoked(db, { userId: row.id, deviceId: device.id }, now)))
        }
        await updateUser(db, row.id, { last_sign_in_at: now })
        return {
          answer: await issueToken(db, { user: row, device, name: device.name, expiresIn, scopes, origin }),
          event: afterFailures ? 'authn_login_successafterfail' : 'authn_login_success',
          replacedIds,
        } as const
      },
    )
    const issued = requireIssued(answer)
    const userId = issued.user.id
    reportEnds(report, userId, [...replacedIds, ...issued.evictedIds], origin)
    const tokenId = issued.tokenInfo.id
    if (newPassword !== null)
      report({ ...origin, event: 'authn_password_change', userId, tokenId, count: replacedIds.length })
    report({ ...origin, event, userId, tokenId })
    return issued
  }

  /** Refuses what cannot take the place of a temporary password, and to replace one that is none. */
  async function requireReplacement(newPassword: string, row: UserRow): Promise<void> {
    if (row.passwordExpiresAt === null) {
      throw badInput(
        'newPassword',
        'NOT_TEMPORARY',
        'This password is not a temporary one. Sign in without a new one, and use changePassword.',
      )
    }
    await requireNewPassword(newPassword, 'newPassword', passwords.minLength, row)
  }

  /** Whether somebody who has signed in before now does so where no live token of theirs is from. */
  async function isNewDevice(
    db: Kysely<Tables>,
    user: UserRow,
    device: Token['device'],
    { userAgent }: RequestOrigin,
    now: number,
  ): Promise<boolean> {
    if (!mails.enabled || user.email === null || user.lastSignInAt === null) return false
    const live = await listLiveTokens(db, user.id, life.liveAt(now), devicesLooked, null)
    return !live.some(
      (token) => token.userAgent === userAgent || (device.id !== null && token.deviceId === device.id),
    )
  }
}

/** What was issued, or `CONFLICT` / `TOKEN_LIMIT` where there was no room. */
export function requireIssued(issued: IssuedToken | undefined): IssuedToken {
  if (issued !== undefined) return issued
  throw new LatchkeyError('CONFLICT', 'The account has as many tokens as it may. Revoke one first.', {
    reason: 'TOKEN_LIMIT',
  })
}

export function createIssueToken(deps: IssueTokenDeps): IssueToken {
  const { clock, life, uses, tokenPrefix, tokenLimit, tokenLimitPolicy, personalTokenLimit } = deps

  return async (db, { user, device, name, expiresIn, origin, kind = 'DEVICE', scopes = null }) => {
    const now = clock()
    const isDevice = kind === 'DEVICE'
    const rights = toStoredRights(kind, scopes)
    const { expiresAt, maxExpiresAt } = isDevice
      ? life.start(now, expiresIn)
      : life.startPersonal(now, expiresIn)
    const live = await listLiveTokenUses(db, user.id, life.liveAt(now), rights.kind)
    const excess = Math.max(live.length + 1 - (isDevice ? tokenLimit : personalTokenLimit), 0)
    if (excess > 0 && !(isDevice && tokenLimitPolicy === 'evict-oldest')) return undefined
    const evictedIds = leastRecentlyUsed(live).slice(0, excess)
    if (excess > 0) await markTokensRevoked(db, { ids: evictedIds }, now)
    const token = generateToken(tokenPrefix)
    const row = {
      id: uuidv7({ msecs: now }),
      userId: user.id,
      name: name ?? device.platform ?? 'Unnamed device',
      deviceId: device.id,
      deviceName: device.name,
      devicePlatform: device.platform,
      userAgent: origin.userAgent,
      createdAt: now,
      expiresAt,
      maxExpiresAt,
      lastUsedAt: null,
      lastUsedAddress: origin.address,
      revokedAt: null,
      ...rights,
    }
    await insertToken(db, { ...row, digest: digestToken(token) })
    return {
      token,
      tokenInfo: toToken(row),
      user: toUser(isDevice ? { ...user, lastSignInAt: now } : user),
      maxExpiresAt,
      evictedIds,
    }
  }

  /** Uses that are not written yet count, too. */
  function leastRecentlyUsed(tokens: { id: string; usedAt: number }[]): string[] {
    return tokens
      .map(({ id, usedAt }) => ({ id, usedAt: uses.find(id)?.usedAt ?? usedAt }))
      .sort((one, other) => one.usedAt - other.usedAt)
      .map(({ id }) => id)
  }
}

/** What attempts with a signed-in device count against. */
export function deviceAccount({ token, user }: UserPrincipal): AttemptAccount {
  return { kind: 'device', id: token.id, userId: user.id }
}

function accountOf(nameKey: string, principal: Principal): AttemptAccount {
  if (principal.kind === 'user') {
    const { username, email } = principal.user
    if (toNameKey(username) === nameKey || (email !== null && toNameKey(email) === nameKey)) {
      return deviceAccount(principal)
    }
  }
  return { kind: 'name', id: nameKey }
}

function requireDevice(device: DeviceInput | null | undefined): Token['device'] {
  return {
    id: requireLabel(device?.id, 'device.id', 100),
    name: requireLabel(device?.name, 'device.name', 100),
    platform: requireLabel(device?.platform, 'device.platform', 50),
  }
}
