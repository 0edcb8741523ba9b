import { setTimeout as sleep } from 'node:timers/promises'
import { LatchkeyError, rateLimited } from '../errors.ts'

/** How long another process's write lock is waited for, in milliseconds. */
export const busyLimitMs = 5_000

/** What is wrong with a database file, and what to do about it, in a sentence for the operator. */
export function explainDatabaseFault(error: unknown): string {
  const code = sqliteCode(error) || String((error as NodeJS.ErrnoException).code)
  if (code.startsWith('SQLITE_NOTADB'))
    return 'it is not an SQLite database. Point DATABASE_URL at another file.'
  if (code.startsWith('SQLITE_CORRUPT')) return 'it is damaged. Restore it from a backup.'
  if (code.startsWith('SQLITE_READONLY') || code === 'EROFS')
    return 'it cannot be written. Make the file and its folder writable for this user.'
  if (code.startsWith('SQLITE_FULL') || code === 'ENOSPC')
    return 'the disk is full. Free some space and start again.'
  if (code === 'EACCES' || code === 'EPERM' || code.startsWith('SQLITE_CANTOPEN'))
    return 'permission denied. Make the file and its folder readable and writable for this user.'
  if (code === 'EISDIR') return 'it is a folder. Point DATABASE_URL at a file.'
  if (code === 'ENOTDIR' || code === 'EEXIST')
    return 'a file stands where its folder should be. Point DATABASE_URL elsewhere.'
  if (code.startsWith('SQLITE_IOERR'))
    return 'the disk cannot be read or written. See whether it is full or failing.'
  if (code.startsWith('SQLITE_BUSY')) return 'another process holds it locked. Try again when that is done.'
  return (error as Error).message
}

/** How an engine says what is wrong. */
export interface Faults {
  /** Whether others stood in the way, and trying again is worth it. */
  isBusy(error: unknown): boolean
  /** A fault of the database as `SERVICE_UNAVAILABLE`; anything else as it is. */
  translate(error: unknown): unknown
}

/** Has the faults of a database thrown as `SERVICE_UNAVAILABLE`. */
export function asLatchkeyErrors<T>(work: () => T): T {
  try {
    return work()
  } catch (error) {
    throw toLatchkeyError(error)
  }
}

export type RetryWhileBusy = <T>(work: () => Promise<T>) => Promise<T>

/**
 * Repeats what another process's write lock refuses, until it gives up as `RATE_LIMITED` / `BUSY`. What waits stands in
 * line and only the first asks again: each question holds the event loop a little. `onLine` hears when a line begins and
 * when it is over.
 */
export function createRetryWhileBusy(
  onLine: (isWaiting: boolean) => void = () => {},
  { isBusy, translate }: Faults = sqliteFaults,
): RetryWhileBusy {
  let last = Promise.resolve()
  let waiting = 0

  async function retryInLine<T>(work: () => Promise<T>): Promise<T> {
    const giveUpAt = performance.now() + busyLimitMs
    const before = last
    const { promise, resolve: leave } = Promise.withResolvers<void>()
    last = promise
    if (++waiting === 1) onLine(true)
    try {
      await before
      for (let attempt = 0; performance.now() < giveUpAt; attempt++) {
        await sleep(Math.min(50, 2 ** attempt) * (0.5 + Math.random()))
        try {
          return await work()
        } catch (error) {
          if (!isBusy(error)) throw translate(error)
        }
      }
      throw busy()
    } finally {
      if (--waiting === 0) onLine(false)
      leave()
    }
  }

  return async (work) => {
    try {
      return await work()
    } catch (error) {
      if (!isBusy(error)) throw translate(error)
      return retryInLine(work)
    }
  }
}

const sqliteFaults: Faults = { isBusy, translate: toLatchkeyError }

function toLatchkeyError(error: unknown): unknown {
  const code = sqliteCode(error)
  return code === '' || code.startsWith('SQLITE_CONSTRAINT') ? error : unavailable(error)
}

/** What clients are told of a database that cannot be used; the cause is for the operator. */
export function unavailable(cause: unknown): LatchkeyError {
  return new LatchkeyError(
    'SERVICE_UNAVAILABLE',
    'The service cannot reach its database. Try again later.',
    { reason: 'DATABASE', retryAfter: 5 },
    { cause },
  )
}

function busy(): LatchkeyError {
  return rateLimited('BUSY', 1_000, 'The database is busy. Try again in a moment.')
}

export function isBusy(error: unknown): boolean {
  const code = sqliteCode(error)
  return code.startsWith('SQLITE_BUSY') || code.startsWith('SQLITE_LOCKED')
}

function sqliteCode(error: unknown): string {
  // By name, for an application may have a copy of better-sqlite3 of its own.
  return error instanceof Error && error.name === 'SqliteError'
    ? String((error as { code?: unknown }).code)
    : ''
}
