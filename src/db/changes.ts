import type { Kysely } from 'kysely'
import type { ChangeFeed, Changes } from './feed.ts'
import type { Database } from './open.ts'
import type { Tables } from './tables.ts'

/**
 * The users whose accounts or tokens changed since the last question; null where it cannot be told which, and everything may
 * have. By this alone a process learns of changes: its cache of tokens asks before each use, and its sockets several times a
 * second, each by a reader of its own. What a database sends by itself (`ChangeFeed`) is collected
 * between two questions.
 */
export type ReadChanges = () => Changes

/** Rows read at once; with more, forgetting everything is less work. */
const readLimit = 1_000

/** Rows kept for readers that come late. */
const keptRows = 10_000

const none: readonly string[] = []

/**
 * Follows what any process has committed. What is committed when the question is asked is in its answer; of a database
 * that tells of changes by itself, what was told by then. Null where the database cannot be asked at once.
 */
export function createReadChanges(database: Database): ReadChanges | null {
  const { commits, feed } = database
  if (feed !== null) return createReadFeed(feed)
  if (commits === null) return null
  const listFrom = commits.prepareAll((db) =>
    db
      .selectFrom('latchkey_changes')
      .select(['seq', 'user_id as userId'])
      .where('seq', '>=', 0)
      .orderBy('seq')
      .limit(readLimit + 2)
      .compile(),
  )
  const findLast = commits.prepareAll((db) =>
    db
      .selectFrom('latchkey_changes')
      .select(['seq', 'user_id as userId'])
      .where('seq', '>=', 0)
      .orderBy('seq', 'desc')
      .limit(1)
      .compile(),
  )
  let version = Number.NaN
  let last: Change | undefined

  return () => {
    const now = commits.version()
    if (now === version) return none
    const rows: Change[] = last === undefined ? [] : listFrom(last.seq)
    const isFollowed = follows(rows, last)
    last = (isFollowed ? rows : findLast(0)).at(-1)
    version = now
    return isFollowed ? rows.slice(1).map(({ userId }) => userId) : null
  }
}

/** The first question begins to listen. */
function createReadFeed(feed: ChangeFeed): ReadChanges {
  let isListening = false
  let heard: string[] | null = null

  function hear(changes: Changes): void {
    if (heard === null) return
    if (changes === null || heard.length + changes.length > readLimit) heard = null
    else heard.push(...changes)
  }

  return () => {
    if (!isListening) feed.subscribe(hear)
    isListening = true
    if (heard?.length === 0) return none
    const changes = heard
    heard = []
    return changes
  }
}

/** The same where the driver takes its time: what was committed before the question was asked is in its answer. */
export function createAskForChanges(database: Database): () => Promise<Changes> {
  let last: Change | undefined

  async function list(from: number | undefined): Promise<Change[]> {
    return database.run((db) => {
      const query = db.selectFrom('latchkey_changes').select(['seq', 'user_id as userId'])
      return from === undefined
        ? query.orderBy('seq', 'desc').limit(1).execute()
        : query
            .where('seq', '>=', from)
            .orderBy('seq')
            .limit(readLimit + 2)
            .execute()
    })
  }

  return async () => {
    const rows = last === undefined ? [] : await list(last.seq)
    const isFollowed = follows(rows, last)
    last = (isFollowed ? rows : await list(undefined)).at(-1)
    return isFollowed ? rows.slice(1).map(({ userId }) => userId) : null
  }
}

/** Whether rows go on from the one that was read last, and are all there are. */
function follows(rows: readonly Change[], last: Change | undefined): boolean {
  const [first] = rows
  return (
    first !== undefined &&
    first.seq === last?.seq &&
    first.userId === last.userId &&
    rows.length <= readLimit + 1
  )
}

interface Change {
  seq: number
  userId: string
}

/** Deletes up to `limit` rows that no reader is likely to be behind of; one that is forgets everything it knows. */
export async function deleteOldChanges(db: Kysely<Tables>, limit: number): Promise<number> {
  const { numDeletedRows } = await db
    .deleteFrom('latchkey_changes')
    .where('seq', 'in', (from) =>
      from
        .selectFrom('latchkey_changes')
        .select('seq')
        .where('seq', '<=', (newest) =>
          newest
            .selectFrom('latchkey_changes')
            .select((select) => select(select.fn.max<number>('seq'), '-', keptRows).as('seq')),
        )
        .orderBy('seq')
        .limit(limit),
    )
    .executeTakeFirst()
  return Number(numDeletedRows)
}
