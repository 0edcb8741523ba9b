import { validate as isUuid } from 'uuid'
import { badInput } from '../errors.ts'

/** A page of a list, each item with the cursor that goes on behind it. */
export interface Page<T> {
  items: { cursor: string; node: T }[]
  hasNextPage: boolean
  hasPreviousPage: boolean
  /** Where the next page goes on; the last item's cursor, unless what was looked at behind it did not fit. */
  endCursor: string | null
}

/** What fits of some rows, and the cursor of the last one that was looked at; null where there are no more. */
export interface Found<Row> {
  rows: Row[]
  end: string | null
}

/** How a page is read: rows in the order of the list, of which only those count that `fits` lets through. */
export interface Reading<Row> {
  first: number
  /** Up to `limit` rows from behind a cursor, or from the start. */
  read: (behind: string | null, limit: number) => Promise<Row[]>
  /** Left out where every row fits. */
  fits?: ((row: Row) => boolean) | undefined
  /** Does both in the database, where it can: what fits among the next `limit` rows. */
  find?: ((behind: string | null, limit: number) => Promise<Found<Row>>) | undefined
  cursorOf: (row: Row) => string
}

/** Rows that are looked at for one page at the most, and at once: a search that finds little must not hold others up. */
const looks = { all: 10_000, here: 500, inDatabase: 2_500 }

/** Reads a page. Where much was looked at and little found, the page is short and says that there is more. */
export async function readPage<Row, T>(
  after: string | null,
  { first, read, fits, find, cursorOf }: Reading<Row>,
  toNode: (row: Row) => T,
): Promise<Page<T>> {
  const lookHere = async (behind: string | null, limit: number): Promise<Found<Row>> => {
    const rows = await read(behind, limit)
    const last = rows.at(-1)
    const end = last === undefined || rows.length < limit ? null : cursorOf(last)
    return { rows: fits === undefined ? rows : rows.filter(fits), end }
  }
  const look = find ?? lookHere
  const limit = find ? looks.inDatabase : fits ? looks.here : first + 1
  const found: Row[] = []
  let behind = after
  let isEnd = false
  for (let looked = 0; looked < looks.all && found.length <= first && !isEnd; looked += limit) {
    const { rows, end } = await look(behind, limit)
    found.push(...rows)
    isEnd = end === null
    behind = end
  }
  const items = found.slice(0, first).map((row) => ({ cursor: cursorOf(row), node: toNode(row) }))
  const isFull = found.length > first
  return {
    items,
    hasNextPage: isFull || !isEnd,
    hasPreviousPage: after !== null,
    endCursor: isFull || isEnd ? (items.at(-1)?.cursor ?? null) : behind,
  }
}

/** How many items a page may have, or `BAD_USER_INPUT`. */
export function requireFirst(first: number): number {
  if (Number.isInteger(first) && first >= 1 && first <= 100) return first
  throw badInput('first', 'RANGE', 'first must be from 1 to 100.')
}

/** A cursor that is an id, or `BAD_USER_INPUT`. */
export function requireIdCursor(after: string | null): string | null {
  if (after === null || isUuid(after)) return after?.toLowerCase() ?? null
  throw notACursor()
}

/** What a cursor is refused with that no list has given out. */
export function notACursor(): Error {
  return badInput('after', 'CURSOR', 'This is not a cursor of this list.')
}
