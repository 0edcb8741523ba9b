import type { Kysely } from 'kysely'
import { v7 as uuidv7 } from 'uuid'
import { findAskedMailToken, type MailTokenRow, replaceMailToken } from '../db/mail-tokens.ts'
import type { Database } from '../db/open.ts'
import type { Tables } from '../db/tables.ts'
import { findUserById, findUserByName, isNameTaken, type UserRow } from '../db/users.ts'
import { generateMailToken } from './mail-token.ts'
import {
  type LinkMail,
  type Mail,
  type MailOptions,
  type MailRequest,
  type Mails,
  nameOf,
  type SendMail,
} from './mails.ts'
import { toNameKey } from './names.ts'
import type { ReportEvent } from './origin.ts'
import { type Delivery, type OutboxHandler, Undeliverable } from './outbox.ts'
import { digestToken } from './token-format.ts'

/** A mail, and whose it is. */
interface Prepared {
  mail: Mail
  userId: string
}

/**
 * Delivers mails out of the outbox. The secret of a link is made with each attempt and stored as a digest, in the place of
 * the one before: what was sent last is what works.
 */
export function createMailDelivery(deps: {
  database: Database
  clock: () => number
  options: MailOptions
  mails: Mails
  send: SendMail
  report: ReportEvent
}): OutboxHandler {
  const { database, clock, options, mails, send, report } = deps

  return {
    async deliver(payload, delivery) {
      const request = payload as MailRequest | null
      if (request === null) throw new Undeliverable('the stored mail cannot be read')
      const prepared = await database.transaction((db) => prepare(db, request, delivery))
      if (prepared === null) return
      await send(prepared.mail)
      report({ event: 'mail_sent', userId: prepared.userId, detail: request.mail })
    },
    giveUp(payload) {
      const request = payload as MailRequest | null
      const known = request !== null && 'userId' in request ? { userId: request.userId } : {}
      report({ event: 'mail_failed', ...known, ...(request ? { detail: request.mail } : {}) })
    },
  }

  /** The mail to send, or null where it has lost its sense, or its address has had enough. */
  async function prepare(
    db: Kysely<Tables>,
    request: MailRequest,
    delivery: Delivery,
  ): Promise<Prepared | null> {
    const isFirst = delivery.attempt === 1
    switch (request.mail) {
      case 'reset': {
        const user = await findUserByName(db, request.name)
        if (isFirst) {
          const known = user === undefined ? {} : { userId: user.id }
          report({ ...request.origin, event: 'authn_password_reset_requested', ...known })
        }
        // Without a password there is nothing to reset: whoever made the account meant it so.
        if (user?.active !== 1 || user.email === null || user.passwordDigest === null) return null
        return withLink(db, user, newToken(user, user.email, 'reset'), isFirst)
      }
      case 'verification': {
        const user = await findUserById(db, request.userId)
        if (user?.active !== 1 || user.email === null || user.emailVerifiedAt !== null) return null
        return withLink(db, user, newToken(user, user.email, 'verification'), isFirst)
      }
      case 'change': {
        const user = await findUserById(db, request.userId)
        const token = await findAskedMailToken(db, request.tokenId)
        // Nor does an address that has an account learn that somebody wanted it.
        if (user?.active !== 1 || token === undefined || (await isNameTaken(db, token.emailKey, user.id))) {
          return null
        }
        return withLink(db, user, token, isFirst)
      }
      default: {
        const { mail: kind, to, values, userId } = request
        const isEnough = isFirst && !(await mails.count(db, kind, toNameKey(to)))
        return isEnough ? null : { mail: { kind, to, values }, userId }
      }
    }
  }

  async function withLink(
    db: Kysely<Tables>,
    user: UserRow,
    row: MailTokenRow,
    isFirst: boolean,
  ): Promise<Prepared | null> {
    if (isFirst && !(await mails.count(db, row.purpose, row.emailKey))) {
      report({ event: 'excess_rate_limit_exceeded', userId: user.id, detail: 'mail' })
      return null
    }
    const ttlMs = row.purpose === 'reset' ? options.resetTtlMs : options.verifyTtlMs
    const token = generateMailToken()
    await replaceMailToken(db, { ...row, digest: digestToken(token), expiresAt: clock() + ttlMs })
    const values = { account: nameOf(user), email: row.email, validFor: describeDuration(ttlMs), token }
    return { mail: { kind: row.purpose, to: row.email, values }, userId: user.id }
  }

  function newToken(user: UserRow, email: string, purpose: LinkMail): MailTokenRow {
    return { id: uuidv7({ msecs: clock() }), purpose, userId: user.id, email, emailKey: toNameKey(email) }
  }
}

/** As people say it: `1 hour`, `90 minutes`. */
export function describeDuration(ms: number): string {
  const [name, unitMs] =
    (
      [
        ['day', 86_400_000],
        ['hour', 3_600_000],
        ['minute', 60_000],
      ] as const
    ).find(([, unitMs]) => ms % unitMs === 0 && ms >= unitMs) ?? (['second', 1_000] as const)
  const count = Math.ceil(ms / unitMs)
  return `${count} ${name}${count === 1 ? '' : 's'}`
}
