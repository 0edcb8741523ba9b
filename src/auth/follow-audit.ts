import { setTimeout as sleep } from 'node:timers/promises'
import { firstIdAt, listAuditEvents, toAuditRow } from '../db/audit.ts'
import type { Database } from '../db/open.ts'
import type { AuditEvent } from './audit-log.ts'
import type { FollowChanges } from './follow-changes.ts'

/** Tells of what happens, to those who are subscribed. */
export interface FollowAudit {
  /** Records as they are written, by whichever process, oldest first, until the signal is aborted. */
  followAudit(signal: AbortSignal): AsyncGenerator<AuditEvent>
  /** Says each time that the account or the tokens of a user have changed; several changes may be one. */
  followUser(userId: string, signal: AbortSignal): AsyncGenerator<void>
}

/** How often new records are looked for; processes write theirs once a second. */
const intervalMs = 1_000

/** What is written later than so long after it happened is not told of: a minute's repetitions, or a database that was away. */
const windowMs = 150_000

const pageSize = 200

const lastId = 'ffffffff-ffff-ffff-ffff-ffffffffffff'

export function createFollowAudit(deps: {
  database: Database
  clock: () => number
  followChanges: FollowChanges
}): FollowAudit {
  const { database, clock, followChanges } = deps

  /** All records of the window, oldest first. */
  async function listRecent(): Promise<AuditEvent[]> {
    const behind = firstIdAt(clock() - windowMs)
    const rows: AuditEvent[] = []
    let page = pageSize
    while (page === pageSize) {
      const before = rows.at(-1)?.id ?? lastId
      const found = await database.run((db) => listAuditEvents(db, 'all', { behind, before }, pageSize))
      rows.push(...found.map(toAuditRow))
      page = found.length
    }
    return rows.reverse()
  }

  return {
    async *followAudit(signal) {
      // Records come late and out of order: what is new is told by what was there before.
      let known = new Set((await listRecent()).map(({ id }) => id))
      while (await pause(signal)) {
        const rows = await listRecent().catch(() => null)
        if (rows === null) continue // the database is away for the moment
        const before = known
        known = new Set(rows.map(({ id }) => id))
        for (const row of rows) if (!before.has(row.id)) yield row
      }
    },

    async *followUser(userId, signal) {
      let wake: (() => void) | null = null
      let hasChanged = false
      const stop = followChanges((changes) => {
        if (changes !== null && !changes.includes(userId)) return
        hasChanged = true
        wake?.()
      })
      const end = (): void => wake?.()
      signal.addEventListener('abort', end)
      try {
        while (!signal.aborted) {
          if (!hasChanged) {
            await new Promise<void>((resolve) => {
              wake = resolve
            })
            continue
          }
          hasChanged = false
          yield
        }
      } finally {
        stop()
        signal.removeEventListener('abort', end)
      }
    },
  }
}

/** Whether there is anything to do after a while: not once the signal is aborted. */
function pause(signal: AbortSignal): Promise<boolean> {
  return sleep(intervalMs, true, { signal, ref: false }).catch(() => false)
}
