import { createHash } from 'node:crypto'
import { type RawBuilder, sql } from 'kysely'
import type { Database } from './database.ts'
import { byEngine } from './engine-words.ts'
import type { ApplicationKysely } from './tables.ts'

/** A table whose rows are carried from one database into another, whatever the engines. */
export interface CopiedTable {
  name: string
  /** The columns by which a row is told from others, and the order in which rows are read. */
  key: string[]
  /** All that is carried, the key among it. */
  columns: string[]
  /** Columns beside the key in which no two rows have the same value. */
  unique: string[]
  /** What is carried of it; all where it is null. */
  where: RawBuilder<unknown> | null
}

/** A row as both drivers have it: texts, numbers, bytes and nulls. */
export type Row = Record<string, string | number | Uint8Array | null>

type Key = Row[string][]

/** Rows in the order of the keys, with the bounds between which there are no others in the source. */
export interface Page {
  after: Key | null
  /** Null where no row comes after these. */
  upTo: Key | null
  rows: Row[]
}

/** Rows that are read at once. */
const pageRows = 1_500

/** Rows of one statement that writes: few texts of SQL, which SQLite keeps prepared, and each far from its limits. */
const writtenAtOnce = 100

/** Reads a table page by page. */
export async function* readPages(db: ApplicationKysely, table: CopiedTable): AsyncGenerator<Page> {
  let after: Key | null = null
  do {
    const rows: Row[] = await readRows(db, table, { after, upTo: null })
    const last = rows.length < pageRows ? undefined : rows.at(-1)
    const upTo: Key | null = last === undefined ? null : keyOf(table, last)
    yield { after, upTo, rows }
    after = upTo
  } while (after !== null)
}

/** What there is to be done so that a page of the target says what the source says. */
export interface Difference {
  /** Rows that the source does not have, or has with another value in a unique column. */
  gone: Row[]
  /** Rows of the source that the target does not have, or has otherwise. */
  missing: Row[]
}

/**
 * Compares a page of the source with all rows of the target in its place, of which there may be any number: first what is
 * gone, piece by piece, and at the end what is missing.
 */
export async function* comparePage(
  target: Database,
  table: CopiedTable,
  page: Page,
): AsyncGenerator<Difference> {
  const all = { ...table, where: null }
  const wanted = new Map(page.rows.map((row) => [toLine(table.key, row), row]))
  const missing = new Map(wanted)
  let after: Key | null = page.after
  for (let isEnd = false; !isEnd; ) {
    const range = { after, upTo: page.upTo }
    const found = await target.run((db) => readRows(db, all, range))
    const gone = found.filter((row) => {
      const key = toLine(table.key, row)
      const source = wanted.get(key)
      if (source === undefined || toLine(table.unique, source) !== toLine(table.unique, row)) return true
      if (toLine(table.columns, source) === toLine(table.columns, row)) missing.delete(key)
      return false
    })
    yield { gone, missing: [] }
    const last = found.at(-1)
    isEnd = last === undefined || found.length < pageRows
    if (last !== undefined) after = keyOf(table, last)
  }
  yield { gone: [], missing: [...missing.values()] }
}

const deletedAtOnce = 200

/** Takes rows away, by their keys. */
export async function deleteRows(db: ApplicationKysely, table: CopiedTable, rows: Row[]): Promise<void> {
  for (let begin = 0; begin < rows.length; begin += deletedAtOnce) {
    await db
      .deleteFrom(table.name)
      .where((where) =>
        where.or(
          rows
            .slice(begin, begin + deletedAtOnce)
            .map((row) => where.and(table.key.map((column) => where(column, '=', row[column])))),
        ),
      )
      .execute()
  }
}

/** Writes rows, over what has the same key. */
export async function writeRows(db: ApplicationKysely, table: CopiedTable, rows: Row[]): Promise<void> {
  const others = table.columns.filter((column) => !table.key.includes(column))
  const replacements = Object.fromEntries(others.map((column) => [column, sql.ref(`excluded.${column}`)]))
  for (let begin = 0; begin < rows.length; begin += writtenAtOnce) {
    await db
      .insertInto(table.name)
      .values(rows.slice(begin, begin + writtenAtOnce))
      .onConflict((conflict) => conflict.columns(table.key).doUpdateSet(replacements))
      .execute()
  }
}

/** The columns of a table, in the order of their names: migrations have not left them in the same order everywhere. */
export async function listColumns(db: ApplicationKysely, table: string): Promise<string[]> {
  const { rows } = await byEngine<{ name: string }>({
    sqlite: sql`select name from pragma_table_info(${table})`,
    postgres: sql`
      select attname as name from pg_catalog.pg_attribute
      where attrelid = to_regclass(${table}) and attnum > 0 and not attisdropped`,
  }).execute(db)
  return rows.map(({ name }) => name).sort()
}

/** How many rows a table has, and the SHA-256 of all of them in order (hex), which is the same on either engine. */
export async function sumUp(
  db: ApplicationKysely,
  table: CopiedTable,
  onRows: (count: number) => void,
): Promise<{ rows: number; sha256: string }> {
  const digest = createHash('sha256')
  let count = 0
  for await (const { rows } of readPages(db, table)) {
    for (const row of rows) digest.update(`${toLine(table.columns, row)}\n`)
    count += rows.length
    onRows(rows.length)
  }
  return { rows: count, sha256: digest.digest('hex') }
}

/** How many rows of a table are carried. */
export async function countRows(db: ApplicationKysely, { name, where }: CopiedTable): Promise<number> {
  const { rows } = await sql<{ count: number }>`
    select cast(count(*) as bigint) as count from ${sql.table(name)} ${where === null ? sql`` : sql`where ${where}`}`.execute(
    db,
  )
  return Number(rows[0]?.count)
}

/** The next rows between two keys, as many as a page has. */
async function readRows(
  db: ApplicationKysely,
  { name, key, columns, where }: CopiedTable,
  { after, upTo }: Pick<Page, 'after' | 'upTo'>,
): Promise<Row[]> {
  const keys = sql.join(key.map((column) => sql.ref(column)))
  const conditions = [
    ...(after === null ? [] : [sql`(${keys}) > (${sql.join(after)})`]),
    ...(upTo === null ? [] : [sql`(${keys}) <= (${sql.join(upTo)})`]),
    ...(where === null ? [] : [where]),
  ]
  const { rows } = await sql<Row>`
    select ${sql.join(columns.map((column) => sql.ref(column)))} from ${sql.table(name)}
    ${conditions.length === 0 ? sql`` : sql`where ${sql.join(conditions, sql` and `)}`}
    order by ${keys} limit ${pageRows}`.execute(db)
  return rows
}

function keyOf({ key }: CopiedTable, row: Row): Key {
  return key.map((column) => row[column] as Row[string]) // columns of the key are among those that were read
}

/** Some columns of a row as text, the same for the same values on either engine. */
function toLine(columns: string[], row: Row): string {
  return JSON.stringify(
    columns.map((column) => {
      const value = row[column]
      return value instanceof Uint8Array ? { bytes: Buffer.from(value).toString('base64') } : value
    }),
  )
}
