import type { Client } from 'pg'
import type { ChangeSource, Changes, OpenSource } from './feed.ts'

/** Opens a connection of its own. */
export type ConnectClient = () => Promise<Client>

/** Where triggers say whose principals changed; the migrations have the same word. */
const channel = 'latchkey_changes'

/** Hears by LISTEN: what was committed before the server answers a question is heard before the answer. */
export function createListener(connect: ConnectClient): OpenSource {
  return async (hear, onEnd) => {
    const client = await connect()
    client.on('notification', ({ payload = '' }) => hear(toChanges([payload])))
    const source = toSource(client, onEnd, async () => {
      await client.query('select 1')
    })
    return withFirst(source, () => client.query(`listen ${channel}`))
  }
}

/** Asks the table of changes again and again, where there is no LISTEN. */
export function createPoller(connect: ConnectClient): OpenSource {
  return async (hear, onEnd) => {
    const client = await connect()
    const read = createReadTable(client)
    const source = toSource(client, onEnd, async () => {
      const changes = await read()
      if (changes === null || changes.length > 0) hear(changes)
    })
    return withFirst(source, read)
  }
}

function toSource(client: Client, onEnd: () => void, beat: () => Promise<void>): ChangeSource {
  client.on('error', onEnd)
  client.on('end', onEnd)
  return {
    beat,
    async close() {
      client.removeListener('end', onEnd)
      // One that does not answer is not waited for.
      client.connection.stream.destroy()
    },
  }
}

/** A source once it has begun; a connection on which it cannot is closed. */
async function withFirst(source: ChangeSource, begin: () => Promise<unknown>): Promise<ChangeSource> {
  try {
    await begin()
    return source
  } catch (error) {
    await source.close()
    throw error
  }
}

/** A change of nobody in particular, as where a table was emptied, is one of all. */
function toChanges(userIds: readonly string[]): Changes {
  return userIds.includes('') ? null : userIds
}

/** Rows read at once, and numbers missed at once; with more, forgetting everything is less work. */
const readLimit = 1_000

/** After how long a number that is missing is that of a transaction that was rolled back: none lasts as long. */
const missingMs = 120_000

interface Row {
  seq: number
  user_id: string
}

/**
 * Reads what was added to the table of changes. The order of its numbers is not quite that of the commits: a number that
 * was passed over is asked for again until it comes, or cannot come any more.
 */
export function createReadTable(
  client: Pick<Client, 'query'>,
  clock: () => number = () => performance.now(),
): () => Promise<Changes> {
  let last: Row | null = null
  const missing = new Map<number, number>()

  function miss(after: number, before: number): void {
    for (let seq = after + 1; seq < before; seq++) missing.set(seq, clock() + missingMs)
  }

  /** Numbers from before may be missing as well, of transactions that are under way. */
  async function begin(): Promise<null> {
    const { rows } = await client.query<Row>(
      'select seq, user_id from latchkey_changes order by seq desc limit $1',
      [readLimit],
    )
    missing.clear()
    last = rows[0] ?? null
    rows.reduce((later, row) => {
      if (later.seq - row.seq <= readLimit) miss(row.seq, later.seq)
      return row
    }, last as Row)
    return null
  }

  return async () => {
    if (last === null) return begin()
    const from: Row = last
    for (const [seq, until] of missing) if (until <= clock()) missing.delete(seq)
    const { rows } = await client.query<Row>(
      'select seq, user_id from latchkey_changes where seq >= $1 or seq = any($2::bigint[]) order by seq limit $3',
      [from.seq, [...missing.keys()], readLimit + 2],
    )
    // Without the row that was the last one the table is another, as after a restore.
    const isFollowed = rows.some(({ seq, user_id }) => seq === from.seq && user_id === from.user_id)
    const newest = rows.at(-1)
    if (!isFollowed || newest === undefined || rows.length > readLimit + 1) return begin()
    if (newest.seq - from.seq > 2 * readLimit) return begin()
    const news = rows.filter(({ seq }) => seq !== from.seq)
    for (const row of news) {
      if (missing.delete(row.seq)) continue
      miss(last.seq, row.seq)
      last = row
    }
    return toChanges(news.map(({ user_id }) => user_id))
  }
}
