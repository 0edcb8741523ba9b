import { randomBytes } from 'node:crypto'
import { closeSync, fsyncSync, openSync, writeFileSync } from 'node:fs'
import { hashSync } from '@node-rs/argon2'
import Database from 'better-sqlite3'
import { v4 as uuidv4, v7 as uuidv7 } from 'uuid'
import { digestToken, generateToken } from '../src/auth/token-format.ts'
import { digestToBytes, uuidToBytes } from '../src/db/bytes.ts'
import { migrateToLatest } from '../src/db/migrate.ts'
import { openDatabase } from '../src/db/open.ts'

/** What a database holds when it is filled. */
export interface Filling {
  /** Users in all. They are called `user000000000` and up, and all have the password below. */
  users: number
  /** Tokens to add, each of a random user. */
  tokens: number
  /** The share of tokens that were revoked some time ago; none unless said. */
  revoked?: number
  /** The share of tokens that went out of use long ago and are to be pruned, the oldest ones; none unless said. */
  expired?: number
  /** How many live tokens are known in full, picked at random. */
  known?: number
}

/** The password of every user. */
export const password = 'correct horse battery staple'

const dayMs = 86_400_000
const transactionSize = 50_000
/** So that writing at random places does not go to the disk each time; a negative number is in KiB. */
const cacheKib = -4_000_000

/**
 * Adds users and tokens as life does: in the order of their creation, each token of a random user, into a table whose
 * indexes are there already. That is what leaves the pages of the indexes two thirds full; packed ones would flatter.
 * Returns the tokens that are known, in random order.
 */
export async function fill(file: string, filling: Filling): Promise<string[]> {
  const database = openDatabase(`sqlite:${file}`)
  await migrateToLatest(database)
  await database.close()
  const db = new Database(file)
  try {
    // Nobody else is here, and a file that is lost is filled again.
    db.unsafeMode(true)
    db.pragma('journal_mode = OFF')
    db.pragma('synchronous = OFF')
    db.pragma(`cache_size = ${cacheKib}`)
    db.pragma('foreign_keys = OFF')
    const users = addUsers(db, filling.users)
    return addTokens(db, users, filling)
  } finally {
    db.pragma('journal_mode = WAL')
    db.close()
    writeToDisk(file)
  }
}

/** Or the system would do it while something is measured. */
function writeToDisk(file: string): void {
  const descriptor = openSync(file, 'r+')
  fsyncSync(descriptor)
  closeSync(descriptor)
}

/** Fills a new file, and writes the known tokens beside it, one a line. */
export async function fillNew(file: string, filling: Filling): Promise<{ file: string; tokens: string }> {
  const tokens = `${file}.tokens`
  writeFileSync(tokens, (await fill(file, filling)).join('\n'))
  return { file, tokens }
}

/** The ids of all users, once there are `count`. */
function addUsers(db: Database.Database, count: number): string[] {
  const ids = db.prepare<[], string>('SELECT id FROM latchkey_users').pluck().all()
  const digest = hashSync(password, { memoryCost: 19_456, timeCost: 2, parallelism: 1 })
  const insert = db.prepare(`
    INSERT INTO latchkey_users (id, username, username_key, password_digest, role, active, created_at)
    VALUES (?, ?, ?, ?, 'USER', 1, ?)`)
  db.transaction(() => {
    for (let index = ids.length; index < count; index++) {
      const name = `user${String(index).padStart(9, '0')}`
      const id = uuidv7()
      insert.run(id, name, name, digest, Date.now())
      ids.push(id)
    }
  })()
  return ids
}

function addTokens(db: Database.Database, users: readonly string[], filling: Filling): string[] {
  const { tokens, revoked = 0, expired = 0, known = 0 } = filling
  const insert = db.prepare(`
    INSERT INTO latchkey_tokens (id, user_id, digest, name, device_id, device_name, device_platform, user_agent_id,
      created_at, expires_at, max_expires_at, last_used_at, last_used_address, revoked_at)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`)
  const agentIdOf = createFindAgent(db)
  const expiredCount = Math.round(tokens * expired)
  const live = tokens - expiredCount
  if (known > live) throw new Error(`Of ${live} live tokens ${known} cannot be known.`)
  // The known ones are live, so that more of the others are revoked.
  const revokedOfOthers = (revoked * live) / Math.max(1, live - known)
  const firstMs = latestIn(db)
  const stepMs = (Date.now() - firstMs) / tokens
  const picked: string[] = []
  const add = (index: number): void => {
    const isExpired = index < expiredCount
    const createdAt = Math.round(firstMs + index * stepMs) - (isExpired ? 120 * dayMs : 0)
    // Exactly as many as asked for, each as likely as any other (Knuth's algorithm S).
    const isKnown = !isExpired && Math.random() * (tokens - index) < known - picked.length
    const isRevoked = !isExpired && !isKnown && Math.random() < revokedOfOthers
    const token = isKnown ? generateToken('lk_') : null
    if (token !== null) picked.push(token)
    const { id, name, platform, userAgent } = deviceOf()
    const usedAt = isExpired ? createdAt : Date.now() - randomInt(dayMs)
    insert.run(
      uuidToBytes(uuidv7({ msecs: createdAt })),
      users[randomInt(users.length)],
      token === null ? randomDigest() : digestToBytes(digestToken(token)),
      name,
      id,
      name,
      platform,
      agentIdOf(userAgent),
      createdAt,
      createdAt + 30 * dayMs,
      createdAt + 90 * dayMs,
      usedAt,
      addressOf(),
      isRevoked ? usedAt : null,
    )
  }
  for (let from = 0; from < tokens; from += transactionSize) {
    db.transaction(() => {
      for (let index = from; index < Math.min(tokens, from + transactionSize); index++) add(index)
    })()
  }
  return shuffle(picked)
}

/** The number of a user agent, which is added where it is new. */
function createFindAgent(db: Database.Database): (text: string) => number {
  const add = db.prepare('INSERT INTO latchkey_user_agents (text) VALUES (?) ON CONFLICT DO NOTHING')
  const find = db.prepare<[string], number>('SELECT id FROM latchkey_user_agents WHERE text = ?').pluck()
  const known = new Map<string, number>()
  return (text) => {
    let id = known.get(text)
    if (id === undefined) {
      add.run(text)
      id = find.get(text) as number // added
      known.set(text, id)
    }
    return id
  }
}

/** Tokens are issued over the last ten days, or since the last one that is there. */
function latestIn(db: Database.Database): number {
  const latest = db.prepare<[], number | null>('SELECT max(created_at) FROM latchkey_tokens').pluck().get()
  return latest ?? Date.now() - 10 * dayMs
}

const phones = ['iPhone 17 Pro', 'Pixel 10', 'Galaxy S26', 'iPhone SE']
const systems = ['Windows NT 10.0; Win64; x64', 'Macintosh; Intel Mac OS X 10_15_7', 'X11; Linux x86_64']

/**
 * Half of the tokens are a browser's, with a user agent of about 110 characters and no device id; three in ten are a
 * phone's with a short one; one in five is a script's with no device at all.
 */
function deviceOf(): {
  id: string | null
  name: string
  platform: string | null
  userAgent: string
} {
  const kind = randomInt(10)
  if (kind < 5) {
    const userAgent = `Mozilla/5.0 (${systems[randomInt(systems.length)]}) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/${90 + randomInt(60)}.0.0.0 Safari/537.36`
    return { id: null, name: 'Chrome on a laptop', platform: 'web', userAgent }
  }
  if (kind < 8) {
    const name = `Ada's ${phones[randomInt(phones.length)]}`
    const platform = name.includes('iPhone') ? 'ios' : 'android'
    return { id: uuidv4(), name, platform, userAgent: `Notes/${randomInt(400)} okhttp/4.12.0` }
  }
  return { id: null, name: 'backup script', platform: null, userAgent: 'curl/8.14.1' }
}

function addressOf(): string {
  return `${randomInt(223)}.${randomInt(256)}.${randomInt(256)}.${randomInt(256)}`
}

let pool = Buffer.alloc(0)

/** What the digest of a token that nobody knows looks like. */
function randomDigest(): Buffer {
  if (pool.length === 0) pool = randomBytes(1 << 20)
  const digest = pool.subarray(0, 32)
  pool = pool.subarray(32)
  return digest
}

/** Nothing here is a secret, and ten million rows want many. */
function randomInt(below: number): number {
  return Math.floor(Math.random() * below)
}

function shuffle(values: string[]): string[] {
  for (let last = values.length - 1; last > 0; last--) {
    const other = randomInt(last + 1)
    const value = values[last] as string // in range
    values[last] = values[other] as string
    values[other] = value
  }
  return values
}
