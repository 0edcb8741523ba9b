import { statSync } from 'node:fs'
import { LatchkeyError } from '../errors.ts'

/** Throws `SERVICE_UNAVAILABLE` / `DATABASE` where the file's name no longer means the file that was opened. */
export interface FileGuard {
  /** Looks at the file. */
  requireFile(): void
  /** Looks at it, but not again within `glanceMs`: for the request path. */
  glanceAtFile(): void
}

const glanceMs = 100

/**
 * Guards a database file that is open. SQLite goes on with a file that was deleted or replaced: it would acknowledge
 * revocations that no other process sees and the next start knows nothing of
 * (https://sqlite.org/howtocorrupt.html#_unlinking_or_renaming_a_database_file_while_in_use).
 */
export function createFileGuard(path: string): FileGuard {
  const files = [path, `${path}-wal`, `${path}-shm`]
    .map((name) => ({ name, opened: identify(name) }))
    .filter(({ opened }) => opened !== null)
  let glancedAt = Number.NEGATIVE_INFINITY

  function requireFile(): void {
    for (const { name, opened } of files) if (identify(name) !== opened) throw moved(name)
  }

  return {
    requireFile,
    glanceAtFile() {
      if (performance.now() - glancedAt < glanceMs) return
      requireFile()
      glancedAt = performance.now()
    },
  }
}

/** What stays the same for as long as the name means the same file. */
function identify(path: string): string | null {
  const found = statSync(path, { throwIfNoEntry: false })
  return found === undefined ? null : `${found.dev} ${found.ino}`
}

function moved(path: string): LatchkeyError {
  return new LatchkeyError(
    'SERVICE_UNAVAILABLE',
    'The service cannot reach its database. Try again later.',
    { reason: 'DATABASE', retryAfter: 5 },
    {
      cause: new Error(`${path} was deleted, moved or replaced while in use. Put it back, or start again.`),
    },
  )
}
