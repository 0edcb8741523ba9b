import { validate as isUuid } from 'uuid'
import {
  type AuditMatch,
  type AuditPath,
  type AuditRange,
  type AuditRow,
  findAuditEvents,
  firstIdAt,
  listAuditEvents,
  toAuditRow,
  toId,
} from '../db/audit.ts'
import type { Database } from '../db/open.ts'
import { badInput } from '../errors.ts'
import { authEventNames } from './origin.ts'
import { type Page, readPage, requireFirst, requireIdCursor } from './pages.ts'

/** A record of what happened. */
export type AuditEvent = AuditRow

/** A page of records, newest first. */
export type AuditPage = Page<AuditEvent>

/** What is looked for; all that is given has to fit. Times in milliseconds since 1970. */
export interface AuditFilter {
  userId?: string | null | undefined
  events?: readonly string[] | null | undefined
  /** At this moment or later. */
  since?: number | null | undefined
  /** Before this moment. */
  until?: number | null | undefined
  address?: string | null | undefined
}

/** Reads what was recorded. */
export interface AuditLog {
  /** Records, newest first, `first` at a time, from behind the cursor `after`; `BAD_USER_INPUT` for what cannot be. */
  listAuditEvents(filter: AuditFilter, first: number, after: string | null): Promise<AuditPage>
}

const lastId = 'ffffffff-ffff-ffff-ffff-ffffffffffff'

const maxEvents = 20

const eventNames: ReadonlySet<string> = new Set(authEventNames)

export function createAuditLog({ database }: { database: Database }): AuditLog {
  return {
    async listAuditEvents(filter, first, after) {
      const { since, until, ...rest } = filter
      const paths = choosePaths(rest)
      const behind = firstIdAt(since ?? 0)
      const end = until === null || until === undefined ? lastId : firstIdAt(until)
      const range = (from: string | null): AuditRange => ({
        behind,
        before: from === null || from > end ? end : from,
      })
      const [path] = paths as [AuditPath]
      const left = leftToCheck(rest, path)
      return readPage(
        requireIdCursor(after),
        {
          first: requireFirst(first),
          cursorOf: ({ id }) => toId(id),
          async read(from, limit) {
            const lists = await Promise.all(
              paths.map((each) => database.list((db) => listAuditEvents(db, each, range(from), limit))),
            )
            const [only] = lists
            return lists.length === 1 ? (only as StoredRow[]) : mergeNewest(lists, limit)
          },
          find:
            left &&
            ((from, limit) => database.list((db) => findAuditEvents(db, path, range(from), left, limit))),
        },
        toAuditRow,
      )
    },
  }
}

type StoredRow = Awaited<ReturnType<typeof listAuditEvents>>[number]

type Criteria = Pick<AuditFilter, 'userId' | 'events' | 'address'>

/** The index that leaves the fewest records to look through; of several events one for each. */
function choosePaths({ userId, events, address }: Criteria): AuditPath[] {
  if (events && (events.length < 1 || events.length > maxEvents)) {
    throw badInput('filter.events', 'RANGE', `filter.events has 1 to ${maxEvents} names.`)
  }
  const unknown = events?.find((name) => !eventNames.has(name))
  if (unknown !== undefined) throw badInput('filter.events', 'EVENT', 'There is no event of this name.')
  if (userId) {
    if (!isUuid(userId)) throw badInput('filter.userId', 'ID', 'This is not the id of a user.')
    return [{ userId }]
  }
  if (address) return [{ address }]
  return events ? [...new Set(events)].map((event) => ({ event })) : ['all']
}

/** What the index has not seen to; undefined for nothing. */
function leftToCheck({ events, address }: Criteria, path: AuditPath): AuditMatch | undefined {
  const isByUser = typeof path === 'object' && 'userId' in path
  const isByAddress = typeof path === 'object' && 'address' in path
  if (!isByUser && !isByAddress) return undefined
  if (!events && !(isByUser && address)) return undefined
  return { events: events ?? null, address: address || null }
}

function mergeNewest(lists: StoredRow[][], limit: number): StoredRow[] {
  return lists
    .flat()
    .sort((one, other) => Buffer.compare(other.id, one.id))
    .slice(0, limit)
}
