import { setImmediate as turn } from 'node:timers/promises'
import { v7 as uuidv7 } from 'uuid'
import { type AuditRow, eraseAuditDetails, insertAuditEvents } from '../db/audit.ts'
import type { Database } from '../db/open.ts'
import type { AuthEvent, AuthEventName, ReportEvent } from './origin.ts'

/** Keeps events in the database, without anybody waiting for it: they are gathered in memory and written in batches. */
export interface Audit {
  /** Takes an event. Past what a minute may hold, events of one kind, user and network are counted instead. */
  record: ReportEvent
  /** Writes what was gathered. What cannot be written is kept for the next time. */
  flush(): Promise<void>
  /** The same with what has been counted so far, when nothing more is to come. */
  finish(): Promise<void>
}

/** How much is taken before events are counted instead of recorded, and before they are lost. */
export interface AuditLimits {
  /** Records a minute of one event, user and network. */
  rows: number
  /** Users and networks a minute whose events are told apart: of events that anybody can cause, and of all. */
  sources: { repeated: number; all: number }
  /** Events that wait in memory while nothing can be written. */
  pending: number
}

/** For the operator, whom nobody floods: each of many events is recorded, as long as somebody flushes meanwhile. */
export const unlimitedAudit: AuditLimits = {
  rows: Number.POSITIVE_INFINITY,
  sources: { repeated: Number.POSITIVE_INFINITY, all: Number.POSITIVE_INFINITY },
  pending: 10_000,
}

const defaultLimits: AuditLimits = { rows: 100, sources: { repeated: 200, all: 10_000 }, pending: 10_000 }

/** What anybody can cause as often as they like. The first one in a minute is recorded, and how many followed. */
const repeated: ReadonlySet<AuthEventName> = new Set([
  'authn_login_fail',
  'authn_login_fail_max',
  'authn_password_change_fail',
  'authn_password_reset_requested',
  'authn_password_reset_fail',
  'authn_token_expired',
  'email_verification_requested',
  'authz_fail',
  'excess_rate_limit_exceeded',
  'sys_password_digest_unreadable',
])

const minuteMs = 60_000

/** Rows of one statement: it takes some two milliseconds. */
const batchSize = 200

/** What one event, user and network amounts to in a minute. */
interface Tally {
  rows: number
  /** How many were not recorded by themselves, and the last of them. */
  times: number
  last: AuthEvent
  lastAt: number
}

export function createAudit(deps: {
  database: Database
  clock: () => number
  /** Hears how many events could not be kept, once others can be written again. */
  onLost: (count: number) => void
  limits?: AuditLimits | undefined
}): Audit {
  const { database, clock, onLost, limits = defaultLimits } = deps
  const pending: AuditRow[] = []
  /** Users who were deleted: what is still to be written of them must not bring back where they were. */
  const deleted = new Set<string>()
  let tallies = new Map<string, Tally>()
  let repeatedSources = 0
  let minute = 0
  let sequence = 0
  let lost = 0
  let writing: Promise<void> | null = null

  function add(event: AuthEvent, at: number, times: number): void {
    if (pending.length >= limits.pending) lost += times
    else pending.push(toRow(event, at, times, sequence++))
  }

  /** Adds what was counted in the minute that is over. */
  function close(): void {
    for (const { last, lastAt, times } of tallies.values()) if (times > 0) add(last, lastAt, times)
    tallies = new Map()
    repeatedSources = 0
  }

  function turnMinute(now: number): void {
    const current = Math.floor(now / minuteMs)
    if (current === minute) return
    close()
    minute = current
  }

  /** The tally of an event; a crowd of sources shares one, which does not say who or where. */
  function tallyOf(event: AuthEvent, isRepeated: boolean): { tally: Tally; event: AuthEvent } {
    const { event: name, userId, actorId, network, detail } = event
    const key = JSON.stringify([name, userId, actorId, network, detail])
    const known = tallies.get(key)
    if (known !== undefined) return { tally: known, event }
    const isCrowded =
      tallies.size >= limits.sources.all || (isRepeated && repeatedSources >= limits.sources.repeated)
    if (isCrowded) return { tally: begin(name, { rows: Number.POSITIVE_INFINITY }), event: { event: name } }
    if (isRepeated) repeatedSources++
    return { tally: begin(key, { rows: 0 }), event }

    function begin(of: string, { rows }: { rows: number }): Tally {
      const tally = tallies.get(of) ?? { rows, times: 0, last: event, lastAt: 0 }
      tallies.set(of, tally)
      return tally
    }
  }

  async function write(): Promise<void> {
    try {
      while (pending.length > 0) {
        const batch = pending.slice(0, batchSize)
        await database.transaction((db) => insertAuditEvents(db, batch))
        pending.splice(0, batch.length)
        await turn()
      }
      for (const userId of deleted) {
        await database.run((db) => eraseAuditDetails(db, userId))
        deleted.delete(userId)
      }
    } finally {
      writing = null
    }
    if (lost === 0) return
    const count = lost
    lost = 0
    onLost(count)
  }

  function flush(): Promise<void> {
    turnMinute(clock())
    writing ??= pending.length + deleted.size === 0 ? null : write()
    return writing ?? Promise.resolve()
  }

  return {
    record(taken) {
      const now = clock()
      turnMinute(now)
      if (taken.event === 'user_deleted' && taken.userId !== undefined) deleted.add(taken.userId)
      const isRepeated = repeated.has(taken.event)
      const { tally, event } = tallyOf(taken, isRepeated)
      if (tally.rows < (isRepeated ? 1 : limits.rows)) {
        tally.rows++
        add(event, now, 1)
        return
      }
      tally.times++
      tally.last = event
      tally.lastAt = now
    },
    flush,
    finish() {
      close()
      return flush()
    },
  }
}

function toRow(event: AuthEvent, at: number, times: number, sequence: number): AuditRow {
  return {
    id: uuidv7({ msecs: at, seq: sequence }), // in the order in which they came, within a millisecond too
    at,
    event: event.event,
    userId: event.userId ?? null,
    actorId: event.actorId ?? null,
    tokenId: event.tokenId ?? null,
    address: event.address ?? null,
    userAgent: event.userAgent ?? null,
    requestId: event.requestId ?? null,
    count: event.count ?? null,
    times,
    detail: event.detail ?? null,
  }
}
