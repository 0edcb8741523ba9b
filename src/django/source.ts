import type { ForeignAccount, UnreadToken } from '../auth/import-account.ts'
import { type ForeignDatabase, ForeignDatabaseError } from './foreign-database.ts'
import { findLayouts, type TableLeftOut, type TableNames } from './layout.ts'
import { openPostgres } from './postgres.ts'
import { countUsers, listTokens, listUsers, type TokensOfUsers } from './read.ts'
import { openSqlite } from './sqlite.ts'

/** The accounts of a Django project. */
export interface DjangoSource {
  /** How many users there are. */
  total: number
  tablesLeftOut: TableLeftOut[]
  /** Users in the order of their keys, with their tokens. */
  pages(size: number, options: { now: number; tokenLimit: number }): AsyncGenerator<ForeignAccount[]>
  close(): Promise<void>
}

/**
 * Opens the database of a Django project for reading: `postgres://…`, or a file of SQLite's. Rejects with a
 * `ForeignDatabaseError` where it cannot be read, or where its tables are not those of Django.
 */
export async function openDjango(address: string, names: TableNames): Promise<DjangoSource> {
  const database = /^postgres(ql)?:/.test(address)
    ? await openPostgres(address)
    : openSqlite(address.replace(/^sqlite:(\/\/)?/, ''))
  try {
    return await asReadError(readSource(database, names))
  } catch (error) {
    await database.close()
    throw error
  }
}

async function readSource(database: ForeignDatabase, names: TableNames): Promise<DjangoSource> {
  const { kysely } = database
  const { users, tokens: layouts, tablesLeftOut } = await findLayouts(database, names)

  async function readPage(behind: unknown, size: number, tokens: { now: number; limit: number }) {
    const page = await listUsers(kysely, users, behind, size)
    const keys = page.map(({ key }) => key)
    const found: TokensOfUsers[] = []
    if (keys.length > 0) {
      for (const layout of layouts) found.push(await listTokens(kysely, layout, keys, tokens))
    }
    const accounts = page.map(({ account }) => ({ ...account, ...joinTokens(found, account.id) }))
    return { accounts, last: keys.at(-1) }
  }

  return {
    total: await countUsers(kysely, users),
    tablesLeftOut,
    async *pages(size, { now, tokenLimit }) {
      const read = (behind: unknown) => asReadError(readPage(behind, size, { now, limit: tokenLimit }))
      let page = await read(undefined)
      while (page.accounts.length > 0) {
        yield page.accounts
        page = await read(page.last)
      }
    },
    close: database.close,
  }
}

/** The tokens of one user out of all tables. */
function joinTokens(found: TokensOfUsers[], id: string): Pick<ForeignAccount, 'tokens' | 'otherTokens'> {
  const all = found.flatMap((tokensOf) => tokensOf.get(id) ?? [])
  const count = (reason: UnreadToken): number =>
    all.reduce((sum, { otherTokens }) => sum + (otherTokens[reason] ?? 0), 0)
  return {
    tokens: all.flatMap(({ tokens }) => tokens),
    otherTokens: { EXPIRED: count('EXPIRED'), LIMIT: count('LIMIT'), SALTED: count('SALTED') },
  }
}

/** Says which database it is that fails: there are two. */
async function asReadError<T>(reading: Promise<T>): Promise<T> {
  try {
    return await reading
  } catch (error) {
    if (error instanceof ForeignDatabaseError) throw error
    throw new ForeignDatabaseError(`Django's database cannot be read: ${(error as Error).message}.`, {
      cause: error,
    })
  }
}
