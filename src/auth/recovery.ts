import type { Kysely } from 'kysely'
import { findMailToken, type MailTokenRow, takeMailToken } from '../db/mail-tokens.ts'
import type { Database } from '../db/open.ts'
import type { Tables } from '../db/tables.ts'
import { markTokensRevoked } from '../db/tokens.ts'
import { findUserById, isNameTaken, type UserRow, updateUser } from '../db/users.ts'
import { LatchkeyError } from '../errors.ts'
import type { Hooks } from './hooks.ts'
import { digestMailToken, mailTokenRefused } from './mail-token.ts'
import type { Mails } from './mails.ts'
import { nameKeysOf, requireNameKey, toNameKey } from './names.ts'
import { type ReportEvent, type RequestOrigin, reportEnds } from './origin.ts'
import { forgiveAccount } from './password-proof.ts'
import { type Passwords, requireNewPassword } from './passwords.ts'
import { toUser, type UserPrincipal } from './principal.ts'
import { type Attempt, type Throttle, throttleKey } from './throttle.ts'

/** What the owner of an address can do with a mail. */
export interface Recovery {
  /**
   * Has a link sent with which the password can be set anew, if there is such an account. Whether there is, neither the
   * answer nor its time tells: that is looked up when the mail is sent. `RATE_LIMITED` for who asks often.
   */
  requestPasswordReset(name: string, origin: RequestOrigin): Promise<void>
  /** Sets a password with the token of such a mail; every token of the user ends. Returns how many. */
  resetPassword(request: { token: string; newPassword: string }, origin: RequestOrigin): Promise<number>
  /** Has a link sent that shows the address to be the user's; false where that is known already. */
  requestEmailVerification(principal: UserPrincipal, origin: RequestOrigin): Promise<boolean>
  /** Takes the token of such a mail, or of one that confirms a change of address. Returns the address. */
  verifyEmail(token: string, origin: RequestOrigin): Promise<string>
}

export function createRecovery(deps: {
  database: Database
  clock: () => number
  passwords: Passwords
  throttle: Throttle
  mails: Mails
  report: ReportEvent
  hooks: Hooks
}): Recovery {
  const { database, clock, passwords, throttle, mails, report, hooks } = deps

  /** Counts a try at a token, unless it was right or nothing was tried after all; apart from sign-ins, for links grow old by themselves. */
  async function guessing<T>(origin: RequestOrigin, work: (attempt: Attempt) => Promise<T>): Promise<T> {
    const attempt = await throttle.begin({
      address: throttleKey('address', `link ${origin.network}`),
      request: origin,
    })
    try {
      const result = await work(attempt).catch(async (error) => {
        if (error.details?.reason !== 'MAIL_TOKEN') await attempt.cancel()
        throw error
      })
      return result
    } finally {
      attempt.end()
    }
  }

  /** Who may set a password with a token: the user, as long as the address is the one it was sent to. */
  async function findResetter(
    db: Kysely<Tables>,
    token: MailTokenRow | undefined,
  ): Promise<UserRow | undefined> {
    if (token?.purpose !== 'reset') return undefined
    const user = await findUserById(db, token.userId)
    return user?.active === 1 && user.email === token.email ? user : undefined
  }

  return {
    async requestPasswordReset(name, origin) {
      mails.requireEnabled()
      const nameKey = requireNameKey(name, 'username')
      await askingForMail(throttle, origin, resetKey(nameKey), () =>
        database.transaction((db) => mails.sendReset(db, nameKey, origin)),
      )
    },

    resetPassword: ({ token, newPassword }, origin) =>
      guessing(origin, async (attempt) => {
        const refuse = (): Error => {
          report({ ...origin, event: 'authn_password_reset_fail' })
          return mailTokenRefused()
        }
        const digest = digestMailToken(token)
        if (digest === null) throw refuse()
        const user = await database.run(async (db) =>
          findResetter(db, await findMailToken(db, digest, clock())),
        )
        if (user === undefined) throw refuse()
        const accepted = await requireNewPassword(newPassword, 'newPassword', passwords.minLength, user)
        await hooks.before('beforePasswordChange', { user: toUser(user), origin })
        const passwordDigest = await passwords.hash(origin.network, accepted)
        const ended = await database.transaction(async (db) => {
          const current = await findResetter(db, await takeMailToken(db, digest, clock()))
          if (current === undefined) return null
          const now = clock()
          // Whoever has read the mail has the address as well.
          const emailVerifiedAt = current.emailVerifiedAt ?? now
          await updateUser(db, user.id, {
            password_digest: passwordDigest,
            password_expires_at: null,
            email_verified_at: emailVerifiedAt,
          })
          await forgiveAccount(throttle, db, current)
          for (const name of nameKeysOf(current)) await throttle.clear(db, resetKey(name))
          await attempt.clear(db)
          await mails.notify(db, { ...current, emailVerifiedAt }, 'password-changed', { origin })
          return markTokensRevoked(db, { userId: user.id }, now)
        })
        if (ended === null) throw refuse()
        reportEnds(report, user.id, ended, origin)
        report({ ...origin, event: 'authn_password_reset', userId: user.id, count: ended.length })
        return ended.length
      }),

    async requestEmailVerification({ user, token }, origin) {
      mails.requireEnabled()
      if (user.email === null) {
        throw new LatchkeyError('CONFLICT', 'The account has no email address.', { reason: 'NO_EMAIL' })
      }
      if (user.emailVerified) return false
      await askingForMail(throttle, origin, mailKey(user.id), () =>
        database.transaction((db) => mails.sendVerification(db, user.id)),
      )
      report({ ...origin, event: 'email_verification_requested', userId: user.id, tokenId: token.id })
      return true
    },

    verifyEmail: (text, origin) =>
      guessing(origin, async (attempt) => {
        const digest = digestMailToken(text)
        if (digest === null) throw mailTokenRefused()
        const done = await database.transaction(async (db) => {
          const token = await takeMailToken(db, digest, clock())
          const user = token && (await findUserById(db, token.userId))
          if (token === undefined || token.purpose === 'reset' || user?.active !== 1) throw mailTokenRefused()
          if (token.purpose === 'verification' && token.email !== user.email) throw mailTokenRefused()
          if (token.purpose === 'change') await changeEmail(db, user, token, origin)
          else await updateUser(db, user.id, { email_verified_at: clock() })
          await attempt.clear(db)
          return token
        })
        const event = done.purpose === 'change' ? 'email_changed' : 'email_verified'
        report({ ...origin, event, userId: done.userId })
        return done.email
      }),
  }

  async function changeEmail(
    db: Kysely<Tables>,
    user: UserRow,
    { email, emailKey }: MailTokenRow,
    origin: RequestOrigin,
  ): Promise<void> {
    if (await isNameTaken(db, emailKey, user.id)) {
      throw new LatchkeyError('CONFLICT', 'This email address is taken.', { reason: 'TAKEN', field: 'email' })
    }
    // A username that is the email address stays so.
    const isUsername = user.email !== null && toNameKey(user.username) === toNameKey(user.email)
    await updateUser(db, user.id, {
      email,
      email_key: emailKey,
      email_verified_at: clock(),
      ...(isUsername ? { username: email, username_key: emailKey } : {}),
    })
    await mails.notify(db, user, 'email-changed', { origin, email })
  }
}

/**
 * Counts each request for a mail against the address it comes from, apart from its sign-ins, and whom it is about; none of
 * them is forgotten.
 */
export async function askingForMail<T>(
  throttle: Throttle,
  origin: RequestOrigin,
  account: string,
  work: () => Promise<T>,
): Promise<T> {
  const address = throttleKey('address', `mail ${origin.network}`)
  const attempt = await throttle.begin({ address, account, request: origin })
  try {
    return await work().catch(async (error) => {
      await attempt.cancel()
      throw error
    })
  } finally {
    attempt.end()
  }
}

/** What requests for mails to an account's own user count against. */
export function mailKey(userId: string): string {
  return throttleKey('account', `mail ${userId}`)
}

function resetKey(nameKey: string): string {
  return throttleKey('account', `reset ${nameKey}`)
}
