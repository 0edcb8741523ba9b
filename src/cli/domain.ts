import { existsSync } from 'node:fs'
import { unlimitedAudit } from '../auth/audit.ts'
import { type Auth, createAuth } from '../auth/auth.ts'
import type { AuthEvent } from '../auth/origin.ts'
import { toAuthOptions, toServerOptions } from '../auth-options.ts'
import type { Settings } from '../config.ts'
import { listMigrations, migrateToLatest } from '../db/migrate.ts'
import { type Database, openDatabase } from '../db/open.ts'
import { loadSettings } from './environment.ts'
import { warn } from './output.ts'

/** Levels of the log at which events are written. */
const telling = ['info', 'debug', 'trace']

/** Runs a command on the domain, with the database opened, brought up to date and closed again. */
export function withAuth(act: (auth: Auth, settings: Settings) => Promise<void>): Promise<void> {
  return withDatabase(async (database, settings) => {
    const migrated = await migrateToLatest(database)
    if (migrated.length > 0) warn(`The database was brought up to date: ${migrated.join(', ')}.`)
    const auth = createOperatorsAuth(database, settings)
    try {
      await act(auth, settings)
    } finally {
      await auth.audit.finish()
    }
  })
}

/**
 * The same for a command that must write nothing: a database that is not there yet is taken for an empty one, and one
 * that is not up to date is refused.
 */
export async function withUnchangedAuth(
  act: (auth: Auth, settings: Settings) => Promise<void>,
): Promise<void> {
  const settings = loadSettings()
  const file = /^sqlite:(?:\/\/)?(.*)$/s.exec(settings.databaseUrl)?.[1]
  const isThere = file === undefined || existsSync(file)
  const database = openDatabase(isThere ? settings.databaseUrl : 'sqlite::memory:', toServerOptions(settings))
  try {
    if (!isThere) await migrateToLatest(database)
    if ((await listMigrations(database)).some(({ executedAt }) => executedAt === null)) {
      throw new Error(
        "Latchkey's database is not up to date, and nothing is to be written: run latchkey migrate first.",
      )
    }
    await act(createOperatorsAuth(database, settings), settings)
  } finally {
    await database.close()
  }
}

/** Runs a command on the database alone. */
export async function withDatabase(
  act: (database: Database, settings: Settings) => Promise<void>,
): Promise<void> {
  const settings = loadSettings()
  if (settings.databaseUrl.endsWith(':memory:')) {
    throw new Error(
      'DATABASE_URL is sqlite::memory:, a database that only the service itself can see. Use a file.',
    )
  }
  const database = openDatabase(settings.databaseUrl, toServerOptions(settings))
  try {
    await act(database, settings)
  } finally {
    await database.close()
  }
}

/** Who may read the database file needs no throttle, and sees at the terminal what happened; the audit has all of it. */
function createOperatorsAuth(database: Database, settings: Settings): Auth {
  const unlimited = async () => ({ isExceeded: false, ttl: 0 })
  return createAuth({
    database,
    clock: Date.now,
    options: toAuthOptions(settings),
    limiters: { account: unlimited, address: unlimited },
    report: reportEvent,
    auditLimits: unlimitedAudit,
  })
}

/**
 * Writes an event as the service does, to standard error, where the environment asks for a log. Without `LOG_LEVEL` the
 * command's own sentence is enough, and one in `.env` is meant for the service.
 */
function reportEvent(event: AuthEvent): void {
  if (!telling.includes(process.env.LOG_LEVEL ?? '')) return
  warn(JSON.stringify({ level: 30, time: Date.now(), ...event, msg: event.event }))
}
