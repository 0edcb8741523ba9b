import * as fs from 'node:fs/promises'
import * as path from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { type Kysely, sql } from 'kysely'
import { FileMigrationProvider, type MigrationResultSet, Migrator } from 'kysely/migration'
import { refuseHalfCopied } from './half-copied.ts'
import type { Database } from './open.ts'
import type { Tables } from './tables.ts'

const migrationTable = 'latchkey_migration'

const folder = fileURLToPath(new URL('../../migrations', import.meta.url))

/**
 * Brings the database to the newest schema; returns the names of the migrations it ran. Safe when two processes start at
 * once. Throws an `Error` where another database is being copied into it, unless that is what it is wanted for.
 */
export async function migrateToLatest(database: Database, { isCopy = false } = {}): Promise<string[]> {
  if (!isCopy) await database.run(refuseHalfCopied)
  return runMigrator(database, (migrator) => migrator.migrateToLatest())
}

/** Takes the newest migration back; returns its name, or nothing when none is left. */
export async function migrateDown(database: Database): Promise<string[]> {
  return runMigrator(database, (migrator) => migrator.migrateDown())
}

/** A migration, and when it ran here, if it did; an unknown one was run by a newer Latchkey. */
export interface MigrationState {
  name: string
  executedAt: Date | null
  known: boolean
}

/** Every migration, in their order. */
export async function listMigrations(database: Database): Promise<MigrationState[]> {
  return database.run(async (db) => {
    const known = (await createMigrator(db).getMigrations()).map(
      ({ name, executedAt = null }): MigrationState => ({ name, executedAt, known: true }),
    )
    if (known.every(({ executedAt }) => executedAt === null)) return known // perhaps without a table of migrations
    const { rows } = await sql<{ name: string; timestamp: string }>`
      select name, timestamp from ${sql.table(migrationTable)} order by name`.execute(db)
    const unknown = rows
      .filter(({ name }) => known.every((migration) => migration.name !== name))
      .map(({ name, timestamp }) => ({ name, executedAt: new Date(timestamp), known: false }))
    return [...known, ...unknown]
  })
}

/**
 * Asks whether all that this version needs was made, and with that whether the database answers at all. Migrations of a
 * newer version, which has begun to take over, are no matter.
 */
export function createIsMigrated(database: Database): () => Promise<boolean> {
  let known: string[] | undefined
  return () =>
    database.run(async (db) => {
      known ??= (await createMigrator(db).getMigrations()).map(({ name }) => name)
      const { rows } = await sql<{ name: string }>`select name from ${sql.table(migrationTable)}`.execute(db)
      const done = new Set(rows.map(({ name }) => name))
      return known.every((name) => done.has(name))
    })
}

async function runMigrator(
  database: Database,
  act: (migrator: Migrator) => Promise<MigrationResultSet>,
): Promise<string[]> {
  return database.migrate(async (db) => {
    const { error, results = [] } = await act(createMigrator(db))
    if (error !== undefined || results === undefined) throw explain(error)
    return results.filter((result) => result.status === 'Success').map((result) => result.migrationName)
  })
}

function createMigrator(db: Kysely<Tables>): Migrator {
  return new Migrator({
    db,
    provider: new FileMigrationProvider({
      fs,
      path,
      migrationFolder: folder,
      import: (file) => import(pathToFileURL(file).href),
    }),
    migrationTableName: migrationTable,
    migrationLockTableName: 'latchkey_migration_lock',
  })
}

function explain(error: unknown): unknown {
  if (error instanceof Error && /previously executed migration .* is missing/.test(error.message)) {
    return new Error(
      `The database is from a newer Latchkey: ${error.message}. Start that version, or restore a backup made by this one.`,
      { cause: error },
    )
  }
  return error
}
