import { hash } from 'node:crypto'
import Database from 'better-sqlite3'
import Fastify from 'fastify'
import mercurius, { type MercuriusContext } from 'mercurius'
import { logWarnings, type user } from './alike.ts'
import { announce } from './announce.ts'

declare module 'mercurius' {
  interface MercuriusContext {
    user?: typeof user | null
  }
}

/**
 * Mercurius with its JIT and authentication as it would be written by hand: one prepared statement per request, on
 * Latchkey's own tables. It asks as Latchkey does: not by `=`, which better-sqlite3's build of SQLite (STAT4) would plan
 * anew for each value.
 */
const db = new Database(process.argv[2])
db.pragma('journal_mode = WAL')
const findUser = db.prepare<[Buffer, number], typeof user>(`
  SELECT users.id, users.username
  FROM latchkey_tokens AS tokens
  JOIN latchkey_users AS users ON users.id = tokens.user_id
  WHERE tokens.digest IN (?) AND tokens.revoked_at IS NULL AND tokens.expires_at > ? AND users.active = 1`)

const app = Fastify(logWarnings)
await app.register(mercurius, {
  schema: 'type Query { viewer: User } type User { id: ID! username: String! }',
  resolvers: {
    Query: { viewer: (_parent: unknown, _arguments: object, context: MercuriusContext) => context.user },
  },
  jit: 1,
  context: ({ headers }) => ({ user: authenticate(headers.authorization) }),
})
await announce(app)

function authenticate(authorization: string | undefined): typeof user | null {
  if (!authorization?.startsWith('Token ')) return null
  return findUser.get(hash('sha256', authorization.slice(6), 'buffer'), Date.now()) ?? null
}
