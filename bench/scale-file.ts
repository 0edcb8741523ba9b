import { statSync } from 'node:fs'
import Database from 'better-sqlite3'
import type { Column } from './scale-remedies.ts'

/** What a table or an index takes in the file. */
export interface Part {
  name: string
  bytes: number
  /** The share of it that holds something. */
  full: number
}

/** A filled file, looked into. */
export interface FileReport {
  tokens: number
  /** All of the file; the log is empty. */
  bytes: number
  parts: readonly Part[]
  columns: readonly Column[]
}

/** Looks at every page of a file (SQLite's `dbstat`), and at the columns of some rows. */
export function inspectFile(file: string): FileReport {
  const db = new Database(file)
  try {
    db.pragma('wal_checkpoint(TRUNCATE)')
    const parts = db
      .prepare<[], { name: string; bytes: number; unused: number }>(
        `SELECT name, pgsize AS bytes, unused FROM dbstat WHERE aggregate = TRUE ORDER BY pgsize DESC`,
      )
      .all()
      .map(({ name, bytes, unused }) => ({ name, bytes, full: 1 - unused / bytes }))
    const tokens = db.prepare<[], number>('SELECT count(*) FROM latchkey_tokens').pluck().get() as number
    return { tokens, bytes: statSync(file).size, parts, columns: measureColumns(db) }
  } finally {
    db.close()
  }
}

function measureColumns(db: Database.Database): Column[] {
  const names = db.pragma('table_info(latchkey_tokens)') as { name: string }[]
  const sample = 'SELECT * FROM latchkey_tokens LIMIT 100000'
  const sizes = names.map(
    ({ name }) =>
      `avg(CASE WHEN typeof(${name}) = 'integer' THEN 6 ELSE coalesce(octet_length(${name}), 0) END)`,
  )
  const averages =
    db
      .prepare<[], number[]>(`SELECT ${sizes.join(', ')} FROM (${sample})`)
      .raw()
      .get() ?? []
  return names.map(({ name }, index) => ({ name, bytes: averages[index] ?? 0 }))
}
