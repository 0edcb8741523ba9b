import type { LogEvent } from 'kysely'
import type { FindOne, OnQuery, RunQuery } from './database.ts'

/** What has Kysely tell of each statement; nothing where nobody listens, for it would take the time of each then. */
export function logTo(
  onQuery: OnQuery | null,
  engine: RunQuery['engine'],
): { log?: (event: LogEvent) => void } {
  if (onQuery === null) return {}
  return {
    log: ({ level, query: { sql }, queryDurationMillis: durationMs }) =>
      onQuery({ engine, sql, durationMs, failed: level === 'error' }),
  }
}

/** Tells of each run of a statement that does not go through Kysely. */
export function timed<Row, Value extends string | Uint8Array>(
  engine: RunQuery['engine'],
  sql: string,
  find: FindOne<Row, Value>,
  onQuery: OnQuery,
): FindOne<Row, Value> {
  return (value) => {
    const began = performance.now()
    const tell = (failed: boolean): void =>
      onQuery({ engine, sql, durationMs: performance.now() - began, failed })
    try {
      const found = find(value)
      if (found instanceof Promise)
        found.then(
          () => tell(false),
          () => tell(true),
        )
      else tell(false)
      return found
    } catch (error) {
      tell(true)
      throw error
    }
  }
}
