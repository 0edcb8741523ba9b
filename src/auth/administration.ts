import type { Database } from '../db/open.ts'
import { findUserById, listUsersAlong, type PlacedUserRow, type UserPath, type UserRow } from '../db/users.ts'
import { LatchkeyError } from '../errors.ts'
import type { Accounts } from './accounts.ts'
import { requireNameKey, toNameKey } from './names.ts'
import type { Actor } from './origin.ts'
import { notACursor, type Page, readPage, requireFirst, requireIdCursor } from './pages.ts'
import { type Role, toUser, type User } from './principal.ts'

/** A page of accounts. */
export type UserPage = Page<User>

/** Which accounts are looked for; all that is given has to fit. */
export interface UserFilter {
  /** What a username or an email address begins with. */
  search?: string | null | undefined
  active?: boolean | null | undefined
  role?: Role | null | undefined
}

/** What administrators do beside what `Accounts` and `Operator` do for them. */
export interface Administration {
  /**
   * Accounts, `first` at a time, from behind the cursor `after`: in the order of creation or, for a search, by username
   * and then by email address. `BAD_USER_INPUT` for what cannot be.
   */
  searchUsers(filter: UserFilter, first: number, after: string | null): Promise<UserPage>
  /** The account with this id, or `NOT_FOUND`. */
  getUser(id: string): Promise<User>
  /** `setActive`, with the account as it is then. */
  setUserActive(id: string, active: boolean, actor: Actor): Promise<{ user: User; revokedTokens: number }>
  /** `setRole`, with the account as it is then. */
  setUserRole(id: string, role: Role, actor: Actor): Promise<User>
  /** `setPassword` by id. */
  setUserPassword(id: string, password: string, actor: Actor): Promise<number>
}

export function createAdministration({
  database,
  accounts,
}: {
  database: Database
  accounts: Pick<Accounts, 'setActive' | 'setRole' | 'setPassword'>
}): Administration {
  async function getRow(id: string): Promise<UserRow> {
    const row = await database.run((db) => findUserById(db, id))
    if (row === undefined) throw new LatchkeyError('NOT_FOUND', 'There is no such user.')
    return row
  }
  const getUser = async (id: string): Promise<User> => toUser(await getRow(id))

  function read(path: UserPath, behind: string | null, limit: number): Promise<PlacedUserRow[]> {
    return database.run((db) => listUsersAlong(db, path, behind, limit))
  }

  return {
    async searchUsers({ search, ...rest }, first, after) {
      const key = search ? requireNameKey(search, 'search') : ''
      const list = key === '' ? listInOrder(rest, after, read) : listByName(key, rest, after, read)
      return readPage(list.after, { ...list, first: requireFirst(first) }, toUser)
    },
    getUser,
    async setUserActive(id, active, actor) {
      const revokedTokens = await accounts.setActive(id, active, actor)
      return { user: await getUser(id), revokedTokens }
    },
    async setUserRole(id, role, actor) {
      await accounts.setRole(id, role, actor)
      return getUser(id)
    },
    setUserPassword: async (id, password, actor) => accounts.setPassword(await getRow(id), password, actor),
  }
}

type Criteria = Omit<UserFilter, 'search'>

type Read = (path: UserPath, behind: string | null, limit: number) => Promise<PlacedUserRow[]>

interface ListedRow extends UserRow {
  cursor: string
  /** Whether it was listed before, by its username. */
  isRepeated: boolean
}

interface List {
  after: string | null
  read: (behind: string | null, limit: number) => Promise<ListedRow[]>
  fits?: ((row: ListedRow) => boolean) | undefined
  cursorOf: (row: ListedRow) => string
}

const cursorOf = ({ cursor }: ListedRow): string => cursor

function listInOrder(criteria: Criteria, after: string | null, read: Read): List {
  const { active, role } = criteria
  const isByActive = typeof active === 'boolean'
  const path = role === 'ADMIN' ? 'admins' : isByActive ? { active } : 'all'
  const isAllAlong = role === 'ADMIN' ? !isByActive : !role
  return {
    after: requireIdCursor(after),
    read: async (behind, limit) =>
      (await read(path, behind, limit)).map((row) => ({ ...row, cursor: row.id, isRepeated: false })),
    fits: isAllAlong ? undefined : (row) => fitsCriteria(row, criteria),
    cursorOf,
  }
}

/** Usernames that begin so, and then email addresses that do while their username does not. */
function listByName(prefix: string, criteria: Criteria, after: string | null, read: Read): List {
  const readBy = async (of: Name, behind: string | null, limit: number): Promise<ListedRow[]> =>
    (await read({ prefix, of }, behind, limit)).map((row) => ({
      ...row,
      cursor: toCursor(of, row.place),
      isRepeated: of === 'email' && toNameKey(row.username).startsWith(prefix),
    }))
  if (after !== null && !fromCursor(after).key.startsWith(prefix)) throw notACursor()
  return {
    after,
    async read(behind, limit) {
      const { of, key } = behind === null ? { of: 'username', key: null } : fromCursor(behind)
      if (of === 'email') return readBy(of, key, limit)
      const rows = await readBy('username', key, limit)
      return [...rows, ...(await readBy('email', null, limit - rows.length))]
    },
    fits: (row) => !row.isRepeated && fitsCriteria(row, criteria),
    cursorOf,
  }
}

type Name = 'username' | 'email'

function toCursor(of: Name, key: string): string {
  return Buffer.from(`${of}:${key}`).toString('base64url')
}

function fromCursor(cursor: string): { of: Name; key: string } {
  const match = /^(username|email):(.+)$/su.exec(Buffer.from(cursor, 'base64url').toString())
  if (match === null) throw notACursor()
  return { of: match[1] as Name, key: match[2] as string }
}

function fitsCriteria(row: UserRow, { active, role }: Criteria): boolean {
  return (typeof active !== 'boolean' || (row.active === 1) === active) && (!role || row.role === role)
}
