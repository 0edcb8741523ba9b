import type { Kysely } from 'kysely'
import type { Database } from '../db/open.ts'
import type { Tables } from '../db/tables.ts'
import { findUserById, replacePassword, type UserRow } from '../db/users.ts'
import { LatchkeyError } from '../errors.ts'
import { nameKeysOf } from './names.ts'
import type { ReportEvent, RequestOrigin } from './origin.ts'
import type { PasswordCheck, Passwords } from './passwords.ts'
import { findMisuse } from './temporary-passwords.ts'
import { type Attempt, type Throttle, throttleKey } from './throttle.ts'

/**
 * The name as submitted, or a device that is signed in as the user: that one has counts of its own, so that nobody who
 * fails on purpose from elsewhere can keep the owner out of it.
 */
export type AttemptAccount = { kind: 'name'; id: string } | { kind: 'device'; id: string; userId: string }

/** A password that somebody claims is a user's. */
export interface PasswordClaim {
  /** Finds the account; undefined costs as much as a wrong password. */
  find: (db: Kysely<Tables>) => Promise<UserRow | undefined>
  /** What the attempt counts against beside the address. */
  account: AttemptAccount
  password: string
  /** An accepted password to set in the same transaction. */
  newPassword?: string
  origin: RequestOrigin
  /** What to say where it is wrong; it must not depend on the account. */
  wrong?: string
  /** Asked before the account is looked up; what it throws refuses the attempt, which then counts as none. */
  admit?: () => Promise<void>
  /** The same once the password was right. */
  approve?: (user: UserRow) => Promise<void>
}

/** The user whose password was proven. */
export interface ProvenUser {
  row: UserRow
  /** Whether wrong passwords came before. */
  afterFailures: boolean
}

/**
 * Proves a password under the throttle, then runs `use` in the transaction that records the proof.
 * Throws `UNAUTHENTICATED` / `CREDENTIALS` whatever is wrong, or `RATE_LIMITED`; where a temporary password was right, what
 * `findMisuse` says. `use` should answer its refusals as values: an error takes back the record of the proof as well.
 */
export type ProvePassword = <T>(
  claim: PasswordClaim,
  use: (db: Kysely<Tables>, user: ProvenUser) => Promise<T>,
) => Promise<T>

const dayMs = 86_400_000

/** Wrong passwords of an account count until they are cleared; those of names that nobody has, for a day. */
const keepFailuresMs = { account: 3_650 * dayMs, unknown: dayMs }

export function createProvePassword(deps: {
  database: Database
  clock: () => number
  passwords: Passwords
  throttle: Throttle
  report: ReportEvent
  /** Wrong passwords in a row after which a password stops working. */
  lockAfter: number
}): ProvePassword {
  const { database, clock, passwords, throttle, report, lockAfter } = deps

  return async (claim, use) => {
    const { origin } = claim
    const attempt = await beginAttempt(claim)
    try {
      if (claim.admit) await orGiveBack(attempt, claim.admit())
      const { user, subject, check, failures } = await orGiveBack(attempt, checkPassword(claim))
      if (user === undefined || user.active !== 1 || !check.matches || failures >= lockAfter) {
        throw await refuse(claim, user, subject)
      }
      const misuse = findMisuse(user, claim, clock())
      if (misuse !== null) {
        await attempt.cancel()
        const { reason: detail } = misuse.details as { reason: string } // each of them has one
        report({ ...origin, event: 'authn_login_fail', userId: user.id, detail })
        throw misuse
      }
      if (claim.approve) await orGiveBack(attempt, claim.approve(user))
      const digest = await orGiveBack(attempt, digestToStore(claim, check, user.passwordDigest))
      const result = await database.transaction(async (db) => {
        if (digest !== user.passwordDigest) await replacePassword(db, user.id, user.passwordDigest, digest)
        const current = await findUserById(db, user.id)
        // Disabled, deleted or given another password while this one was being checked.
        if (current?.active !== 1 || current.passwordDigest !== digest) return null
        // The lock is off with either; the back-off of strangers stays when a device of the owner's signs in.
        for (const cleared of new Set([subject, user.id])) await throttle.clearFailures(db, cleared)
        await attempt.clear(db)
        return { value: await use(db, { row: current, afterFailures: failures > 0 }) }
      })
      if (result === null) throw await refuse(claim, user, subject)
      return result.value
    } finally {
      attempt.end()
    }
  }

  async function beginAttempt({ account, origin }: PasswordClaim): Promise<Attempt> {
    try {
      return await throttle.begin({
        account: accountKey(account),
        address: throttleKey('address', origin.network),
        request: origin,
      })
    } catch (error) {
      if (error instanceof LatchkeyError && error.details.reason === 'CREDENTIALS') {
        // A name is looked up by nobody as long as it is throttled.
        const known = account.kind === 'device' ? { userId: account.userId, tokenId: account.id } : {}
        report({ ...origin, ...known, event: 'authn_login_fail_max' })
      }
      throw error
    }
  }

  async function checkPassword(claim: PasswordClaim) {
    const user = await database.run(claim.find)
    const subject = subjectOf(claim.account, user)
    const check = await passwords.check(claim.origin.network, claim.password, user?.passwordDigest ?? null)
    if (check.unreadable && user !== undefined) {
      report({ ...claim.origin, event: 'sys_password_digest_unreadable', userId: user.id })
    }
    return { user, subject, check, failures: await throttle.countFailures(subject) }
  }

  /** The digest of a new password, or of this one at today's parameters, or the one that is stored. */
  async function digestToStore(
    claim: PasswordClaim,
    check: PasswordCheck,
    stored: string | null,
  ): Promise<string | null> {
    const { network } = claim.origin
    if (claim.newPassword !== undefined) return passwords.hash(network, claim.newPassword)
    return check.outdated && stored !== null ? passwords.hash(network, claim.password, stored) : stored
  }

  async function refuse(
    { origin, wrong = 'Wrong username or password.' }: PasswordClaim,
    user: UserRow | undefined,
    subject: string,
  ): Promise<Error> {
    // Written for unknown names too: the answer must not come sooner for them.
    const keepMs = user === undefined ? keepFailuresMs.unknown : keepFailuresMs.account
    const failures = await throttle.countFailure(subject, keepMs)
    const known = user === undefined ? {} : { userId: user.id }
    report({ ...origin, ...known, event: 'authn_login_fail', count: failures })
    if (user !== undefined && failures === lockAfter)
      report({ ...origin, ...known, event: 'authn_login_lock' })
    return new LatchkeyError('UNAUTHENTICATED', wrong, { reason: 'CREDENTIALS' })
  }
}

/** Forgets the failed attempts on an account, by whichever name they were made. */
export async function forgiveAccount(
  throttle: Throttle,
  db: Kysely<Tables>,
  user: Pick<UserRow, 'id' | 'username' | 'email'>,
): Promise<void> {
  await throttle.clearFailures(db, user.id)
  for (const id of nameKeysOf(user)) await throttle.clear(db, accountKey({ kind: 'name', id }))
}

/** The key that attempts with an account are counted under. */
function accountKey({ kind, id }: AttemptAccount): string {
  return throttleKey('account', `${kind} ${id}`)
}

/** Whose wrong passwords in a row are counted. */
function subjectOf({ kind, id }: AttemptAccount, user: UserRow | undefined): string {
  if (kind === 'device') return `device ${id}`
  return user?.id ?? `unknown ${id}`
}

/** What comes between for want of room or of a database is no failed attempt. */
async function orGiveBack<T>(attempt: Attempt, work: Promise<T>): Promise<T> {
  try {
    return await work
  } catch (error) {
    await attempt.cancel()
    throw error
  }
}
