import { hash } from 'node:crypto'
import Database from 'better-sqlite3'

/** Where each server listens. */
export const address = { host: '127.0.0.1', port: Number(process.env.PORT) }

/** What each GraphQL peer serves: the part of Latchkey's schema that the benchmark asks for. */
export const typeDefs = /* GraphQL */ `
  type Query {
    viewer: User
  }
  type User {
    id: ID!
    username: String!
  }
`

/** The answer of the servers that do not authenticate. */
export const someone = { id: '019abfa0-0000-7000-8000-000000000001', username: 'user0001' }

/** Fastify's logger as Latchkey has it here: only what is wrong is written. */
export const logger = { level: 'warn' }

/**
 * Authentication as an application would write it by hand: an opaque token, looked up by its digest with one prepared
 * statement. It reads the same tables with the same indexes as Latchkey, and asks as Latchkey does: not by `=`, which
 * better-sqlite3's build of SQLite (STAT4) would plan anew for each value, at three times the cost.
 */
export function createAuthenticate() {
  const db = new Database(process.env.DATABASE_FILE)
  db.pragma('journal_mode = WAL')
  const findUser = db.prepare(`
    SELECT users.id, users.username
    FROM latchkey_tokens AS tokens
    JOIN latchkey_users AS users ON users.id = tokens.user_id
    WHERE tokens.digest IN (?) AND tokens.revoked_at IS NULL AND tokens.expires_at > ? AND users.active = 1`)

  return (authorization) => {
    if (!authorization?.startsWith('Token ')) return null
    return findUser.get(hash('sha256', authorization.slice(6), 'buffer'), Date.now()) ?? null
  }
}
