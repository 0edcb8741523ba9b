import { closeSync, existsSync, fsyncSync, openSync, renameSync, rmSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import SqliteDatabase from 'better-sqlite3'
import { explainDatabaseFault } from './faults.ts'
import { sqliteFileOf } from './open.ts'

/** A backup that was made. */
export interface Backup {
  file: string
  bytes: number
}

/** Pages that are copied between two turns of others: four megabytes. */
export const pagesAtOnce = 1_024

/**
 * Copies a database into a new file, as it is at this moment, while others go on using it (SQLite's online backup). The
 * file is whole and checked when it appears under its name, and for the owner alone. Throws an `Error` that says what is in
 * the way.
 */
export async function backUp(
  databaseUrl: string,
  target: string,
  options: { force?: boolean | undefined; onProgress: (share: number) => void },
): Promise<Backup> {
  const source = sqliteFileOf(databaseUrl)
  const file = resolve(target)
  if (!existsSync(source)) throw new Error(`There is no database at ${source}.`)
  if (file === source) throw new Error('The backup cannot be the database itself. Name another file.')
  if (existsSync(file) && !options.force)
    throw new Error(`${file} is there already. Name another file, or add --force to replace it.`)
  const partial = `${file}.partial-${process.pid}`
  try {
    closeSync(openSync(partial, 'wx', 0o600))
    await copyDatabase(source, partial, options.onProgress)
    const bytes = checkCopy(partial)
    putInPlace(partial, file)
    return { file, bytes }
  } catch (error) {
    rmSync(partial, { force: true })
    throw new Error(`Cannot back up ${source} to ${file}: ${explainDatabaseFault(error)}`, { cause: error })
  }
}

/** What others write meanwhile is not in it: a transaction holds the moment, or each write would begin the copy anew. */
export async function copyDatabase(
  source: string,
  target: string,
  onProgress: (share: number) => void,
): Promise<void> {
  const connection = new SqliteDatabase(source, { fileMustExist: true })
  try {
    connection.exec('begin')
    connection.pragma('user_version') // from this first read on
    await connection.backup(target, {
      progress({ totalPages, remainingPages }) {
        onProgress(1 - remainingPages / Math.max(totalPages, 1))
        return pagesAtOnce
      },
    })
  } finally {
    connection.close()
  }
}

/** One file alone, without the two that go with WAL; returns its size. */
function checkCopy(file: string): number {
  const copy = new SqliteDatabase(file)
  try {
    copy.pragma('journal_mode = DELETE')
    requireWhole(copy)
    const { bytes } = copy
      .prepare<[], { bytes: number }>(
        'select page_count * page_size as bytes from pragma_page_count, pragma_page_size',
      )
      .get() as { bytes: number } // it always has a row
    return bytes
  } finally {
    copy.close()
  }
}

/** Throws where a database is damaged. */
export function requireWhole(connection: SqliteDatabase.Database): void {
  const verdict = connection.pragma('quick_check(1)', { simple: true })
  if (verdict !== 'ok') throw new Error(`it is damaged (${String(verdict).trim()}).`)
}

/** Gives a file that is on the disk its name, for good. */
function putInPlace(partial: string, file: string): void {
  syncToDisk(partial)
  renameSync(partial, file)
  syncToDisk(dirname(file))
}

/** Has what was written of a file, or of a folder's names, survive a power cut. */
export function syncToDisk(path: string): void {
  const descriptor = openSync(path, 'r')
  fsyncSync(descriptor)
  closeSync(descriptor)
}
