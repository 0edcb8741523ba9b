import Database from 'better-sqlite3'
import { v7 as uuidv7 } from 'uuid'
import { insertAuditEvents } from '../src/db/audit.ts'
import { openDatabase } from '../src/db/open.ts'

/** Who is in a file whose accounts were made various. */
export interface Cast {
  /** With a token of its own among the known ones. */
  adminId: string
  /** The user to whom a tenth of all records belong. */
  busyId: string
}

/** How often what happens, of a thousand. */
const events: readonly [name: string, share: number][] = [
  ['authn_login_success', 500],
  ['authn_token_created', 250],
  ['authn_token_revoked', 120],
  ['authn_login_fail', 100],
  ['authn_password_change', 29],
  ['user_deleted', 1],
]

const dayMs = 86_400_000
const batch = 1_000

/** The address of every tenth record. */
export const busyAddress = '203.0.113.7'

/** A record that is found once in a thousand. */
export const rareEvent = 'user_deleted'

/**
 * Makes accounts of a filled file various: each has an email address, every tenth is disabled, every thousandth is an
 * administrator, as is the owner of the token with this digest.
 */
export function varyUsers(file: string, adminDigest: Buffer): Cast {
  const db = new Database(file)
  try {
    db.exec(`
      UPDATE latchkey_users SET email = username || '@example.org', email_key = username_key || '@example.org',
        active = iif(rowid % 10 = 3, 0, 1), role = iif(rowid % 1000 = 7, 'ADMIN', 'USER')`)
    const adminId = db
      .prepare<[Buffer], string>('SELECT user_id FROM latchkey_tokens WHERE digest = ?')
      .pluck()
      .get(adminDigest) as string // filled in
    db.prepare(`UPDATE latchkey_users SET role = 'ADMIN', active = 1 WHERE id = ?`).run(adminId)
    const busyId = db
      .prepare<[string], string>('SELECT id FROM latchkey_users WHERE id <> ? ORDER BY random() LIMIT 1')
      .pluck()
      .get(adminId) as string // there are many
    return { adminId, busyId }
  } finally {
    db.close()
  }
}

/** Adds records of the last 170 days, in their order: a tenth of one user, a tenth from one address, the rest of anybody. */
export async function fillAudit(file: string, { busyId }: Cast, count: number): Promise<void> {
  const reader = new Database(file)
  const ids = reader.prepare<[], string>('SELECT id FROM latchkey_users').pluck().all()
  reader.close()
  const database = openDatabase(`sqlite:${file}`)
  const firstMs = Date.now() - 170 * dayMs
  const rowAt = (index: number) => {
    const at = Math.round(firstMs + (index * 170 * dayMs) / count)
    return {
      id: uuidv7({ msecs: at, seq: index }),
      at,
      event: eventOf(index),
      userId: index % 10 === 0 ? busyId : (ids[(index * 7_919) % ids.length] as string), // in range
      actorId: null,
      tokenId: uuidv7({ msecs: at }),
      address: index % 10 === 5 ? busyAddress : `198.51.${index % 200}.${(index * 31) % 250}`,
      userAgent: 'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0',
      requestId: `req-${index.toString(36)}`,
      count: null,
      times: 1,
      detail: null,
    }
  }
  try {
    for (let from = 0; from < count; from += batch) {
      const rows = Array.from({ length: Math.min(batch, count - from) }, (_, index) => rowAt(from + index))
      await database.run((db) => insertAuditEvents(db, rows))
    }
  } finally {
    await database.close()
  }
}

/** The kinds take turns by their shares, spread over all records. */
function eventOf(index: number): string {
  let place = (index * 617) % 1_000
  for (const [name, share] of events) {
    if (place < share) return name
    place -= share
  }
  return rareEvent
}
