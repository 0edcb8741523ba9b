import type { Kysely } from 'kysely'
import { v7 as uuidv7 } from 'uuid'
import { replaceMailToken } from '../db/mail-tokens.ts'
import type { Tables } from '../db/tables.ts'
import type { UserRow } from '../db/users.ts'
import { LatchkeyError, rateLimited } from '../errors.ts'
import { countInHour, hourMs } from './hour-count.ts'
import type { CanonicalName } from './names.ts'
import type { RequestOrigin } from './origin.ts'
import type { Outbox } from './outbox.ts'
import { throttleKey } from './throttle.ts'

/** What mails are sent, and how often; durations in milliseconds. */
export interface MailOptions {
  /** Whether mails are sent at all. */
  enabled: boolean
  /** How long the link of a reset works, */
  resetTtlMs: number
  /** and that of a verification. */
  verifyTtlMs: number
  /** How many mails of one kind an address gets per hour. */
  limit: number
}

/** The mails with a link. */
export type LinkMail = 'reset' | 'verification' | 'change'

/** The mails that tell of something. */
export type Notice =
  | 'change-asked'
  | 'email-changed'
  | 'username-changed'
  | 'password-changed'
  | 'new-device'
  | 'token-leaked'

/** A mail before it is written: what kind it is, and what its template may mention. */
export interface Mail {
  kind: LinkMail | Notice
  to: string
  values: Readonly<Record<string, string>>
}

/** Sends a mail, or throws; `Undeliverable` where trying again would be in vain. */
export type SendMail = (mail: Mail) => Promise<void>

/** A mail as it waits in the outbox. */
export type MailRequest =
  /** Who that is is looked up when it is sent: the answer to the request must not depend on it. */
  | { mail: 'reset'; name: string; origin: RequestOrigin }
  | { mail: 'verification'; userId: string }
  | { mail: 'change'; tokenId: string; userId: string }
  | { mail: Notice; userId: string; to: string; values: Record<string, string> }

/** The kind of mails in the outbox. */
export const mailKind = 'mail'

/** Has mails sent once the caller's transaction is committed. Where none are sent, a notice is nothing. */
export interface Mails {
  readonly enabled: boolean
  /** Refuses what needs mails where none are sent: `FORBIDDEN` / `DISABLED`. */
  requireEnabled(): void
  sendReset(db: Kysely<Tables>, nameKey: string, origin: RequestOrigin): Promise<void>
  sendVerification(db: Kysely<Tables>, userId: string): Promise<void>
  /** Asks the owner of a new address to confirm it, and tells the one of the old. `RATE_LIMITED` as `mayReachStranger` says. */
  sendChange(db: Kysely<Tables>, user: UserRow, email: CanonicalName, origin: RequestOrigin): Promise<void>
  /** Tells a user, or `to`, of something. `values` are mentioned by the template of the kind. */
  notify(
    db: Kysely<Tables>,
    user: UserRow,
    notice: Notice,
    details?: { to?: string; origin?: RequestOrigin; device?: string | null; email?: string; token?: string },
  ): Promise<void>
  /** Counts a mail to an address that nobody has shown to be theirs; false where the network has caused many. */
  mayReachStranger(db: Kysely<Tables>, network: string): Promise<boolean>
  /** Counts a mail; false where `whom` has had as many of the kind as it may. */
  count(db: Kysely<Tables>, kind: string, whom: string, limit?: number): Promise<boolean>
}

/** Mails to strangers that one address on the network brings about, by sign-ups and changes of address. */
const strangersPerHour = 20

export function createMails(deps: { outbox: Outbox; clock: () => number; options: MailOptions }): Mails {
  const { outbox, clock, options } = deps
  const add = (db: Kysely<Tables>, payload: MailRequest, owner: string): Promise<void> =>
    outbox.add(db, { kind: mailKind, payload, owner })

  const mails: Mails = {
    enabled: options.enabled,

    requireEnabled() {
      if (options.enabled) return
      throw new LatchkeyError('FORBIDDEN', 'This server sends no mail. Ask its operator.', {
        reason: 'DISABLED',
      })
    },

    sendReset: (db, name, { requestId, address, network, userAgent }) =>
      add(db, { mail: 'reset', name, origin: { requestId, address, network, userAgent } }, name),

    sendVerification: (db, userId) => add(db, { mail: 'verification', userId }, userId),

    mayReachStranger: (db, network) => mails.count(db, 'stranger', network, strangersPerHour),

    async sendChange(db, user, email, origin) {
      if (!(await mails.mayReachStranger(db, origin.network))) {
        throw rateLimited(
          'REQUESTS',
          hourMs,
          'Too many mails to new addresses. Wait before you ask for more.',
        )
      }
      const tokenId = uuidv7({ msecs: clock() })
      await replaceMailToken(db, {
        id: tokenId,
        digest: null,
        purpose: 'change',
        userId: user.id,
        email: email.text,
        emailKey: email.key,
        expiresAt: clock() + options.verifyTtlMs,
      })
      await add(db, { mail: 'change', tokenId, userId: user.id }, user.id)
      await mails.notify(db, user, 'change-asked', { origin, email: email.text })
    },

    async notify(db, user, mail, { to = user.email ?? undefined, origin, device, email, token } = {}) {
      if (!options.enabled || to === undefined) return
      // Who has not shown that the address is theirs shall not have us tell its owner what they have written themselves.
      const ownWords = (text: string | null | undefined): string =>
        user.emailVerifiedAt === null ? 'not shown, as this address is not verified' : (text ?? 'unknown')
      const values = {
        account: nameOf(user),
        time: describeTime(clock()),
        address: origin?.address ?? 'unknown',
        device: ownWords(device ?? origin?.userAgent),
        token: ownWords(token),
        email: user.emailVerifiedAt === null ? 'another one' : (email ?? ''),
      }
      await add(db, { mail, userId: user.id, to, values }, user.id)
    },

    async count(db, kind, whom, limit = options.limit) {
      return (await countInHour(db, throttleKey('mail', `${kind} ${whom}`), limit, clock)) === 0
    },
  }
  return mails
}

/** What a mail calls an account: a username, but to an address that somebody else may have given, the address itself. */
export function nameOf(user: UserRow): string {
  return user.emailVerifiedAt === null ? (user.email ?? user.username) : user.username
}

function describeTime(ms: number): string {
  return `${new Date(ms).toISOString().slice(0, 16).replace('T', ' ')} UTC`
}
