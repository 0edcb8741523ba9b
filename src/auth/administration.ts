import type { Database } from '../db/open.ts'
import { findUserById, listUsersAlong, type PlacedUserRow, type UserPath, type UserRow } from '../db/users.ts'
import { badInput, LatchkeyError } from '../errors.ts'
import type { AccountRequest, Accounts } from './accounts.ts'
import { requireNameKey, toNameKey } from './names.ts'
import type { Actor } from './origin.ts'
import { notACursor, type Page, readPage, requireFirst, requireIdCursor } from './pages.ts'
import { type Role, toUser, type User } from './principal.ts'
import type { TemporaryPassword } from './temporary-passwords.ts'

/** A page of accounts. */
export type UserPage = Page<User>

/** Which accounts are looked for; all that is given has to fit. */
export interface UserFilter {
  /** What a username or an email address begins with. */
  search?: string | null | undefined
  active?: boolean | null | undefined
  role?: Role | null | undefined
}

/** A password that an administrator chooses for somebody, or that the server is to make, for the user to replace. */
export interface PasswordWish {
  password?: string | null | undefined
  temporaryPassword?: boolean | undefined
}

/** What administrators do beside what `Accounts` and `Operator` do for them. */
export interface Administration {
  /**
   * Accounts, `first` at a time, from behind the cursor `after`: in the order of creation or, for a search, by username
   * and then by email address. `BAD_USER_INPUT` for what cannot be.
   */
  searchUsers(filter: UserFilter, first: number, after: string | null): Promise<UserPage>
  /** The same, with the accounts as they are stored. */
  searchAccounts(filter: UserFilter, first: number, after: string | null): Promise<Page<UserRow>>
  /** The account with this id, or `NOT_FOUND`. */
  getUser(id: string): Promise<User>
  /** `setActive`, with the account as it is then. */
  setUserActive(id: string, active: boolean, actor: Actor): Promise<{ user: User; revokedTokens: number }>
  /** `setRole`, with the account as it is then. */
  setUserRole(id: string, role: Role, actor: Actor): Promise<User>
  /** `createUser`, also with a temporary password, which this answer alone has. */
  createAccount(
    request: Pick<AccountRequest, 'username' | 'email' | 'role'> & PasswordWish,
    actor?: Actor,
  ): Promise<{ user: User; temporaryPassword: TemporaryPassword | null }>
  /** `setPassword` by id, also to a temporary password, which this answer alone has. */
  setUserPassword(
    id: string,
    wish: PasswordWish,
    actor?: Actor,
  ): Promise<{ revokedTokens: number; temporaryPassword: TemporaryPassword | null }>
}

export function createAdministration({
  database,
  accounts,
  makeTemporary,
}: {
  database: Database
  accounts: Pick<Accounts, 'createUser' | 'setActive' | 'setRole' | 'setPassword'>
  makeTemporary: () => TemporaryPassword
}): Administration {
  async function getRow(id: string): Promise<UserRow> {
    const row = await database.run((db) => findUserById(db, id))
    if (row === undefined) throw new LatchkeyError('NOT_FOUND', 'There is no such user.')
    return row
  }
  const getUser = async (id: string): Promise<User> => toUser(await getRow(id))

  function read(path: UserPath, behind: string | null, limit: number): Promise<PlacedUserRow[]> {
    return database.list((db) => listUsersAlong(db, path, behind, limit))
  }

  function search<T>(
    toNode: (row: UserRow) => T,
    { search: beginning, ...rest }: UserFilter,
    first: number,
    after: string | null,
  ): Promise<Page<T>> {
    const key = beginning ? requireNameKey(beginning, 'search') : ''
    const list = key === '' ? listInOrder(rest, after, read) : listByName(key, rest, after, read)
    return readPage(list.after, { ...list, first: requireFirst(first) }, toNode)
  }

  function choosePassword({ password = null, temporaryPassword }: PasswordWish): AccountRequest['password'] {
    if (!temporaryPassword) return password
    if (password !== null) throw notOne()
    return makeTemporary()
  }

  return {
    searchUsers: async (...request) => search(toUser, ...request),
    searchAccounts: async (...request) => search((row) => row, ...request),
    getUser,
    async setUserActive(id, active, actor) {
      const revokedTokens = await accounts.setActive(id, active, actor)
      return { user: await getUser(id), revokedTokens }
    },
    async setUserRole(id, role, actor) {
      await accounts.setRole(id, role, actor)
      return getUser(id)
    },
    async createAccount({ password, temporaryPassword, ...request }, actor) {
      const chosen = choosePassword({ password, temporaryPassword })
      const user = await accounts.createUser({ ...request, password: chosen }, actor)
      return { user, temporaryPassword: shown(chosen) }
    },
    async setUserPassword(id, wish, actor) {
      const chosen = choosePassword(wish)
      if (chosen === null) throw notOne()
      const revokedTokens = await accounts.setPassword(await getRow(id), chosen, actor)
      return { revokedTokens, temporaryPassword: shown(chosen) }
    },
  }
}

function shown(password: AccountRequest['password']): TemporaryPassword | null {
  return typeof password === 'object' ? password : null
}

function notOne(): LatchkeyError {
  return badInput('password', 'ONE_OF', 'Give a password, or have a temporary one made.')
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
