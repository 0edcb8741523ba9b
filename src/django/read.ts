import { type Kysely, type RawBuilder, sql } from 'kysely'
import type { ForeignAccount, ForeignToken } from '../auth/import-account.ts'
import type { TokenLayout, UserLayout } from './layout.ts'

/** What is read of a text: more than is accepted, and no more than fits memory many times over. */
const textMaxLength = 1_000

interface UserRow {
  key: unknown
  id: string
  username: string | null
  email: string | null
  password: string | null
  active: string | null
  superuser: string | null
  joined: string | null
  lastSignIn: string | null
}

/** A user as a row, with the key as the database has it. */
export interface PlacedAccount {
  key: unknown
  account: Omit<ForeignAccount, 'tokens' | 'otherTokens'>
}

/** How many users there are. */
export async function countUsers(db: Kysely<unknown>, { identifier }: UserLayout): Promise<number> {
  const { rows } = await sql<{ count: unknown }>`select count(*) as count from ${identifier}`.execute(db)
  return Number(rows[0]?.count)
}

/** Up to `limit` users in the order of their keys, from behind one, or from the first for undefined. */
export async function listUsers(
  db: Kysely<unknown>,
  layout: UserLayout,
  behind: unknown,
  limit: number,
): Promise<PlacedAccount[]> {
  const id = own(layout.id)
  const { rows } = await sql<UserRow>`
    select ${id} as key, ${text(layout.id)} as id, ${text(layout.username ?? layout.email)} as username,
      ${text(layout.email)} as email, ${text(layout.password)} as password, ${text(layout.active)} as active,
      ${text(layout.superuser)} as superuser, ${text(layout.joined)} as joined,
      ${text(layout.lastSignIn)} as "lastSignIn"
    from ${layout.identifier} as own
    where ${behind === undefined ? sql`${id} is not null` : sql`${id} > ${behind}`}
    order by ${id} limit ${limit}`.execute(db)
  return rows.map((row) => ({
    key: row.key,
    account: {
      id: row.id,
      username: row.username,
      email: row.email,
      password: row.password,
      active: layout.active === null || isTrue(row.active),
      superuser: isTrue(row.superuser),
      joinedAt: parseTime(row.joined),
      lastSignInAt: parseTime(row.lastSignIn),
    },
  }))
}

/** What tokens some users have, by the user's key as text. */
export type TokensOfUsers = Map<string, Pick<ForeignAccount, 'tokens' | 'otherTokens'>>

/** The newest `limit` tokens of each of these users that have not expired at `now`, and how many more there are. */
export async function listTokens(
  db: Kysely<unknown>,
  layout: TokenLayout,
  keys: readonly unknown[],
  { now, limit }: { now: number; limit: number },
): Promise<TokensOfUsers> {
  const mine = sql`${own('user_id')} in (${sql.join(keys)})`
  const isLive = isLiveAt(layout, now)
  const counts = await sql<{ owner: string; total: unknown; live: unknown }>`
    select ${text('user_id')} as owner, count(*) as total, sum(case when ${isLive} then 1 else 0 end) as live
    from ${layout.identifier} as own where ${mine} group by ${own('user_id')}`.execute(db)
  const newest = layout.salted || counts.rows.length === 0 ? [] : await listNewest()
  const tokensOf = Map.groupBy(newest, ({ owner }) => owner)
  return new Map(
    counts.rows.map(({ owner, ...count }) => {
      const [total, live] = [Number(count.total), Number(count.live)]
      const found = (tokensOf.get(owner) ?? []).map(toToken)
      const otherTokens = layout.salted
        ? { SALTED: total }
        : { EXPIRED: total - live, LIMIT: live - found.length }
      return [owner, { tokens: found, otherTokens }]
    }),
  )

  async function listNewest(): Promise<{ owner: string; stored: string | null; expiry: string | null }[]> {
    const byAge = layout.created === null ? sql`` : sql`${own(layout.created)} desc,`
    const { rows } = await sql<{ owner: string; stored: string | null; expiry: string | null }>`
      select owner, stored, expiry from (
        select ${text('user_id')} as owner, ${text(layout.stored)} as stored, ${text(layout.expiry)} as expiry,
          row_number() over (partition by ${own('user_id')} order by ${byAge} ${own(layout.stored)}) as place
        from ${layout.identifier} as own where ${mine} and ${isLive}) as newest
      where place <= ${limit} order by owner, place`.execute(db)
    return rows
  }

  function toToken({ stored, expiry }: { stored: string | null; expiry: string | null }): ForeignToken {
    const expiresAt = parseTime(expiry)
    // One with an expiry that cannot be read would live on: it is left out, as what is no token is.
    const isReadable = expiry === null || expiry === 'infinity' || expiresAt !== null
    return { form: layout.form, stored: isReadable ? (stored ?? '') : '', expiresAt }
  }
}

/** Times of SQLite are text, in Django's form; those of PostgreSQL are compared with text that it reads. */
function isLiveAt({ expiry }: TokenLayout, now: number): RawBuilder<boolean> {
  if (expiry === null) return sql<boolean>`1 = 1`
  const moment = new Date(now).toISOString().replace('T', ' ').replace('Z', '')
  return sql<boolean>`(${own(expiry)} is null or ${own(expiry)} > ${moment})`
}

/** A column of the table, which is called `own`: by its bare name, `order by` would take what is selected under that name. */
function own(column: string): RawBuilder<unknown> {
  return sql.id('own', column)
}

/** A column as text, whatever its type, or null for none. */
function text(column: string | null): RawBuilder<string | null> {
  if (column === null) return sql<string | null>`null`
  return sql<string | null>`substr(cast(${own(column)} as text), 1, ${sql.lit(textMaxLength)})`
}

function isTrue(value: string | null): boolean {
  return value === '1' || value === 'true'
}

/** `2026-11-23 09:00:00.123456+00`, without an offset in UTC → milliseconds since 1970; null for anything else, and before. */
function parseTime(value: string | null): number | null {
  const match = /^(\d{4}-\d\d-\d\d)[ T](\d\d:\d\d:\d\d(?:\.\d{1,9})?)(Z|[+-]\d\d(?::?\d\d)?)?$/.exec(
    value ?? '',
  )
  if (match === null) return null
  const [, day, time, zone = 'Z'] = match
  const offset = /^[+-]\d\d$/.test(zone) ? `${zone}:00` : zone.replace(/^([+-]\d\d)(\d\d)$/, '$1:$2')
  const parsed = Date.parse(`${day}T${time}${offset}`)
  return parsed >= 0 ? parsed : null // a day that there is not is no number
}
