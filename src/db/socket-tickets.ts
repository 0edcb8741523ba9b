import type { Kysely } from 'kysely'
import { digestToBytes } from './bytes.ts'
import type { Tables } from './tables.ts'

/** Stores a ticket for a token, and deletes those that nobody used in time. */
export async function insertSocketTicket(
  db: Kysely<Tables>,
  ticket: { digest: string; tokenDigests: readonly string[]; expiresAt: number },
  now: number,
): Promise<void> {
  await db.deleteFrom('latchkey_socket_tickets').where('expires_at', '<=', now).execute()
  await db
    .insertInto('latchkey_socket_tickets')
    .values({
      digest: digestToBytes(ticket.digest),
      token_digests: ticket.tokenDigests.join(' '),
      expires_at: ticket.expiresAt,
    })
    .execute()
}

/** Uses a ticket up: the digests of its token for the one who did it in time, else undefined. */
export async function takeSocketTicket(
  db: Kysely<Tables>,
  digest: string,
  now: number,
): Promise<string[] | undefined> {
  const taken = await db
    .deleteFrom('latchkey_socket_tickets')
    .where('digest', '=', digestToBytes(digest))
    .where('expires_at', '>', now)
    .returning('token_digests as tokenDigests')
    .executeTakeFirst()
  return taken?.tokenDigests.split(' ')
}
