import type { Kysely } from 'kysely'
import { digestToBytes, uuidText, uuidToBytes } from './bytes.ts'
import type { Database, FindOne } from './open.ts'
import type { Tables } from './tables.ts'
import { type TokenWithUserRow, tokenColumns, userColumns } from './tokens.ts'

/** What is kept of a token that was rotated; the nonce is there as long as no other rotation followed. */
export interface Predecessor {
  nonce: Uint8Array | null
  rotatedAt: number
}

/** A token with its user, found by what it was before a rotation. */
export type PredecessorRow = TokenWithUserRow & Predecessor

const columns = [
  'latchkey_token_predecessors.nonce',
  'latchkey_token_predecessors.rotated_at as rotatedAt',
] as const

/** What the request path asks for a digest that no token has: the token that had it before. */
export function prepareFindPredecessor(database: Database): FindOne<PredecessorRow> {
  const findByBytes = database.prepareOne((db) =>
    db
      .selectFrom('latchkey_token_predecessors')
      .innerJoin('latchkey_tokens', 'latchkey_tokens.id', 'latchkey_token_predecessors.token_id')
      .leftJoin('latchkey_users', 'latchkey_users.id', 'latchkey_tokens.user_id')
      .select(tokenColumns)
      .select(userColumns)
      .select(columns)
      .where('latchkey_token_predecessors.digest', 'in', [new Uint8Array()])
      .compile(),
  )
  return (digest) => findByBytes(digestToBytes(digest))
}

/** The same in a transaction, with the token's id alone, by any of some digests. */
export function findPredecessor(
  db: Kysely<Tables>,
  digests: readonly string[],
): Promise<(Predecessor & { tokenId: string }) | undefined> {
  return db
    .selectFrom('latchkey_token_predecessors')
    .select(columns)
    .select(uuidText('latchkey_token_predecessors.token_id').as('tokenId'))
    .where('digest', 'in', digests.map(digestToBytes))
    .executeTakeFirst()
}

/**
 * Gives a token another digest, if it still has this one and has not been revoked; whether it did. In a transaction: it
 * takes the nonce of the rotation before, and notes the predecessor.
 */
export async function markTokenRotated(
  db: Kysely<Tables>,
  rotation: {
    id: string
    digest: string
    successor: string
    nonce: Uint8Array
    rotatedAt: number
    expiresAt: number
  },
): Promise<boolean> {
  const tokenId = uuidToBytes(rotation.id)
  const digest = digestToBytes(rotation.digest)
  const { numUpdatedRows } = await db
    .updateTable('latchkey_tokens')
    .set({ digest: digestToBytes(rotation.successor), expires_at: rotation.expiresAt })
    .where('id', '=', tokenId)
    .where('digest', '=', digest)
    .where('revoked_at', 'is', null)
    .executeTakeFirst()
  if (numUpdatedRows === 0n) return false
  await db
    .updateTable('latchkey_token_predecessors')
    .set({ nonce: null })
    .where('token_id', '=', tokenId)
    .where('nonce', 'is not', null)
    .execute()
  await db
    .insertInto('latchkey_token_predecessors')
    .values({ digest, token_id: tokenId, nonce: rotation.nonce, rotated_at: rotation.rotatedAt })
    .execute()
  return true
}

/** Ends a token of which a predecessor was shown; true for the one who did it. */
export async function markFamilyEnded(db: Kysely<Tables>, id: string, now: number): Promise<boolean> {
  const { numUpdatedRows } = await db
    .updateTable('latchkey_tokens')
    .set({ revoked_at: now })
    .where('id', '=', uuidToBytes(id))
    .where('revoked_at', 'is', null)
    .executeTakeFirst()
  return numUpdatedRows > 0n
}
