import * as fs from 'node:fs/promises'
import * as path from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import {
  FileMigrationProvider,
  type MigrationInfo,
  type MigrationResultSet,
  Migrator,
} from 'kysely/migration'
import type { Database } from './open.ts'

const folder = fileURLToPath(new URL('../../migrations', import.meta.url))

/** Brings the database to the newest schema; returns the names of the migrations it ran. Safe when two processes start at once. */
export async function migrateToLatest(database: Database): Promise<string[]> {
  return runMigrator(database, (migrator) => migrator.migrateToLatest())
}

/** Takes the newest migration back; returns its name, or nothing when none is left. */
export async function migrateDown(database: Database): Promise<string[]> {
  return runMigrator(database, (migrator) => migrator.migrateDown())
}

/** Every migration with the time it ran, or none. */
export async function listMigrations(database: Database): Promise<readonly MigrationInfo[]> {
  return database.run(() => createMigrator(database).getMigrations())
}

async function runMigrator(
  database: Database,
  act: (migrator: Migrator) => Promise<MigrationResultSet>,
): Promise<string[]> {
  return database.run(async () => {
    const { error, results } = await act(createMigrator(database))
    if (error !== undefined) throw explain(error)
    return (results ?? [])
      .filter((result) => result.status === 'Success')
      .map((result) => result.migrationName)
  })
}

function createMigrator(database: Database): Migrator {
  return new Migrator({
    db: database.kysely,
    provider: new FileMigrationProvider({
      fs,
      path,
      migrationFolder: folder,
      import: (file) => import(pathToFileURL(file).href),
    }),
    migrationTableName: 'latchkey_migration',
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
