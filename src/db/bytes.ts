import { type RawBuilder, sql } from 'kysely'
import { byEngine } from './engine-words.ts'

/** A UUID as the 16 bytes in which the ids of tokens are stored, whose order is that of the text; '' comes before all. */
export function uuidToBytes(id: string): Uint8Array {
  return Buffer.from(id.replaceAll('-', ''), 'hex')
}

/** A UUID that is stored as bytes, read as text. */
export function uuidText(column: string): RawBuilder<string> {
  const hex = sql`hex(${sql.ref(column)})`
  return byEngine<string>({
    sqlite: sql`lower(substr(${hex}, 1, 8) || '-' || substr(${hex}, 9, 4) || '-' || substr(${hex}, 13, 4) || '-' ||
    substr(${hex}, 17, 4) || '-' || substr(${hex}, 21))`,
    postgres: sql`cast(cast(encode(${sql.ref(column)}, 'hex') as uuid) as text)`,
  })
}

/** A digest (base64url) as the bytes in which it is stored; there may be 32 of them, or 64. */
export function digestToBytes(digest: string): Uint8Array {
  return Buffer.from(digest, 'base64url')
}
