import { betterAuth } from 'better-auth'
import { bearer } from 'better-auth/plugins'
import Database from 'better-sqlite3'

/** better-auth with its bearer plugin on SQLite; the rate limit is off, as it is for everyone here. */
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
    // Session and user with one statement, as the guide "Optimizing for Performance" recommends.
    experimental: { joins: true },
  })
}
