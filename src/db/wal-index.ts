import { fstatSync, readdirSync, readlinkSync, readSync, realpathSync, type Stats } from 'node:fs'

/** Whether the database may have been written since the last question; at first, and where in doubt, it may. */
export type MayHaveChanged = () => boolean

/** The header of the WAL index, which each commit changes (https://sqlite.org/walformat.html#the_wal_index_header). */
const headerBytes = 48

const glanceMs = 100

/**
 * Watches the header of a database's WAL index, at a fraction of what `PRAGMA data_version` costs: it is what SQLite
 * itself compares to find out. Where its descriptor cannot be found, as anywhere but on Linux, the answer is always yes.
 *
 * The file is read through SQLite's own descriptor, never opened: to close one's own would give up the locks that SQLite
 * holds on the file (POSIX advisory locks). So the watch ends with the connection.
 */
export function watchWalIndex(databasePath: string): MayHaveChanged {
  const descriptor = findDescriptor(`${databasePath}-shm`)
  if (descriptor === null) return always
  const opened = fstatSync(descriptor)
  let known = Buffer.alloc(headerBytes)
  let read = Buffer.alloc(headerBytes)
  let isOurs = true
  let glancedAt = performance.now()

  /** A second copy of SQLite in this process may have closed it, and its number stand for another file since. */
  function glance(): void {
    if (performance.now() - glancedAt < glanceMs) return
    isOurs = isSame(fstatSync(descriptor as number), opened)
    glancedAt = performance.now()
  }

  return () => {
    try {
      if (isOurs) glance()
      if (!isOurs) return true
      const length = readSync(descriptor, read, 0, headerBytes, 0)
      if (length === headerBytes && read.equals(known)) return false
    } catch {
      isOurs = false
      return true
    }
    const spare = known
    known = read
    read = spare
    return true
  }
}

function always(): boolean {
  return true
}

function isSame(one: Stats, other: Stats): boolean {
  return one.dev === other.dev && one.ino === other.ino
}

/** The descriptor of a file that this process has open. */
function findDescriptor(path: string): number | null {
  try {
    const real = realpathSync(path)
    const found = readdirSync('/proc/self/fd').find((name) => pathOf(name) === real)
    return found === undefined ? null : Number(found)
  } catch {
    return null
  }
}

function pathOf(descriptor: string): string | null {
  try {
    return readlinkSync(`/proc/self/fd/${descriptor}`)
  } catch {
    return null // closed meanwhile
  }
}
