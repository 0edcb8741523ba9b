import { betterAuth } from 'better-auth'
import { bearer } from 'better-auth/plugins'
import Database from 'better-sqlite3'

/**
 * better-auth with its bearer plugin on SQLite; the rate limit is off, as it is for everyone here. Its experimental joins
 * stay off as well: with them, a request costs about a fifth more.
 */
export function createAuth() {
  const database = new Database(process.env.DATABASE_FILE)
  database.pragma('journal_mode = WAL')
  return betterAuth({
    database,
    baseURL: `http://127.0.0.1:${process.env.PORT}`,
    secret: 'a secret of this benchmark alone, 32 characters or more',
    plugins: [bearer()],
    rateLimit: { enabled: false },
    logger: { level: 'warn' },
    telemetry: { enabled: false },
  })
}
