import { type Kysely, type OperationNode, PostgresAdapter, type RawBuilder, type RawNode, sql } from 'kysely'
import type { Tables } from './tables.ts'

/** Whether a database, or a transaction in it, is one of PostgreSQL. */
export function isOnPostgres(db: Kysely<Tables>): boolean {
  return db.getExecutor().adapter instanceof PostgresAdapter
}

/** A piece of SQL with what PostgreSQL says in its place, which the compiler of that dialect looks for. */
interface TwofoldNode extends RawNode {
  readonly postgres: OperationNode
}

/** One meaning in the words of each engine; it is decided when a query is compiled. */
export function byEngine<T>(words: {
  sqlite: RawBuilder<unknown>
  postgres: RawBuilder<unknown>
}): RawBuilder<T> {
  const sqlite = words.sqlite.toOperationNode() as RawNode // what the template makes
  const node: TwofoldNode = { ...sqlite, postgres: words.postgres.toOperationNode() }
  return sql<T>`${{ toOperationNode: () => node, expressionType: undefined }}`
}

/** What PostgreSQL says in the place of a piece of SQL, where that is another thing. */
export function inPostgres(node: RawNode): OperationNode | undefined {
  return (node as Partial<TwofoldNode>).postgres
}

/** The entries of a JSON array of arrays, one row each with a column `value`: one parameter for any number. */
export function rowsOfJson(json: string): RawBuilder<unknown> {
  return byEngine({
    sqlite: sql`json_each(${json})`,
    postgres: sql`json_array_elements(cast(${json} as json))`,
  })
}

/** A UUID of such a row as bytes. */
export function bytesAt(index: number): RawBuilder<Uint8Array> {
  const text = sql`value ->> ${sql.lit(index)}`
  return byEngine({
    sqlite: sql`unhex(${text}, '-')`,
    postgres: sql`decode(replace(${text}, '-', ''), 'hex')`,
  })
}

/** A whole number of such a row. */
export function numberAt(index: number): RawBuilder<number> {
  const text = sql`value ->> ${sql.lit(index)}`
  return byEngine({ sqlite: text, postgres: sql`cast(${text} as bigint)` })
}

/** The entries of a JSON array of texts, one row each with a column `value`. */
export function textsOfJson(json: string): RawBuilder<unknown> {
  return byEngine({
    sqlite: sql`json_each(${json})`,
    postgres: sql`json_array_elements_text(cast(${json} as json)) as texts(value)`,
  })
}
