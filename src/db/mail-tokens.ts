import type { Kysely } from 'kysely'
import type { MailTokensTable, Tables } from './tables.ts'

/** What a one-time token of a mail is for. */
export type MailPurpose = MailTokensTable['purpose']

/** A one-time token: whose it is, and the address it was made for. */
export interface MailTokenRow {
  id: string
  purpose: MailPurpose
  userId: string
  email: string
  emailKey: string
}

const columns = ['id', 'purpose', 'user_id as userId', 'email', 'email_key as emailKey'] as const

/** Stores a token in the place of all that the user had for this purpose. The digest is null until its mail is sent. */
export async function replaceMailToken(
  db: Kysely<Tables>,
  row: MailTokenRow & { digest: string | null; expiresAt: number },
): Promise<void> {
  await db
    .deleteFrom('latchkey_mail_tokens')
    .where('user_id', '=', row.userId)
    .where('purpose', '=', row.purpose)
    .execute()
  await db
    .insertInto('latchkey_mail_tokens')
    .values({
      id: row.id,
      digest: row.digest,
      purpose: row.purpose,
      user_id: row.userId,
      email: row.email,
      email_key: row.emailKey,
      expires_at: row.expiresAt,
    })
    .execute()
}

/** A token that was asked for, whether its mail is sent or not; undefined where it is used or void. */
export function findAskedMailToken(db: Kysely<Tables>, id: string): Promise<MailTokenRow | undefined> {
  return db.selectFrom('latchkey_mail_tokens').select(columns).where('id', '=', id).executeTakeFirst()
}

/** A token that is in force. */
export function findMailToken(
  db: Kysely<Tables>,
  digest: string,
  now: number,
): Promise<MailTokenRow | undefined> {
  return db
    .selectFrom('latchkey_mail_tokens')
    .select(columns)
    .where('digest', '=', digest)
    .where('expires_at', '>', now)
    .executeTakeFirst()
}

/** Uses a token up: of all who present it at once, one gets it. */
export function takeMailToken(
  db: Kysely<Tables>,
  digest: string,
  now: number,
): Promise<MailTokenRow | undefined> {
  return db
    .deleteFrom('latchkey_mail_tokens')
    .where('digest', '=', digest)
    .where('expires_at', '>', now)
    .returning(columns)
    .executeTakeFirst()
}

/** Takes all that a user has who is about to be deleted. */
export async function deleteMailTokensOf(db: Kysely<Tables>, userId: string): Promise<void> {
  await db.deleteFrom('latchkey_mail_tokens').where('user_id', '=', userId).execute()
}

/** Deletes up to `limit` that are past their time; returns how many. */
export async function deleteExpiredMailTokens(
  db: Kysely<Tables>,
  now: number,
  limit: number,
): Promise<number> {
  const { numDeletedRows } = await db
    .deleteFrom('latchkey_mail_tokens')
    .where('id', 'in', (from) =>
      from.selectFrom('latchkey_mail_tokens').select('id').where('expires_at', '<=', now).limit(limit),
    )
    .executeTakeFirst()
  return Number(numDeletedRows)
}
