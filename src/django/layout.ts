import type { RawBuilder } from 'kysely'
import { type ForeignDatabase, ForeignDatabaseError, type ForeignTable } from './foreign-database.ts'

/** Where users are; null for columns that the table does not have. */
export interface UserLayout {
  identifier: RawBuilder<unknown>
  id: string
  password: string
  username: string | null
  email: string | null
  active: string | null
  superuser: string | null
  joined: string | null
  lastSignIn: string | null
}

/** Where tokens are: those of Django REST Framework by themselves, or digests of Knox. */
export interface TokenLayout {
  form: 'drf' | 'knox'
  identifier: RawBuilder<unknown>
  stored: string
  created: string | null
  expiry: string | null
  /** Whether each digest has a salt of its own, so that no token can be looked up. */
  salted: boolean
}

/** Which tables to read; null for what Django, its REST framework and Knox call theirs. */
export interface TableNames {
  userTable: string | null
  usernameColumn: string | null
  knoxTable: string | null
}

/** A table of tokens that is not read: there is none, or its tokens are of users in another table. */
export interface TableLeftOut {
  table: string
  reason: 'MISSING' | 'OTHER_USERS'
}

/** Finds the tables, or rejects with what there is in their place. */
export async function findLayouts(
  database: ForeignDatabase,
  names: TableNames,
): Promise<{ users: UserLayout; tokens: TokenLayout[]; tablesLeftOut: TableLeftOut[] }> {
  const { userTable, usernameColumn, knoxTable } = names
  const table = await database.findTable(userTable ?? 'auth_user')
  if (table === null) throw await explainMissing(database, userTable ?? 'auth_user')
  const users = toUserLayout(table, usernameColumn)
  const tokens: TokenLayout[] = []
  const tablesLeftOut: TableLeftOut[] = []
  const wanted = [
    { name: 'authtoken_token', form: 'drf', stored: 'key', isNamed: false },
    { name: knoxTable ?? 'knox_authtoken', form: 'knox', stored: 'digest', isNamed: knoxTable !== null },
  ] as const
  for (const { name, form, stored, isNamed } of wanted) {
    const found = await database.findTable(name)
    if (found !== null && !isOfOthers(found, table)) {
      tokens.push(toTokenLayout(found, form, stored))
      continue
    }
    if (isNamed) {
      throw new ForeignDatabaseError(
        found === null
          ? `There is no table ${name}.`
          : `The tokens in ${name} are not of users in ${table.name}.`,
      )
    }
    tablesLeftOut.push({ table: name, reason: found === null ? 'MISSING' : 'OTHER_USERS' })
  }
  return { users, tokens, tablesLeftOut }
}

function toUserLayout(table: ForeignTable, usernameColumn: string | null): UserLayout {
  const { identifier } = table
  const optional = (name: string): string | null => (hasColumn(table, name) ? name : null)
  const layout = {
    identifier,
    id: requireKey(table),
    password: requireColumn(table, 'password'),
    username: usernameColumn === null ? optional('username') : requireColumn(table, usernameColumn),
    email: optional('email'),
    active: optional('is_active'),
    superuser: optional('is_superuser'),
    joined: optional('date_joined'),
    lastSignIn: optional('last_login'),
  }
  if (layout.username !== null || layout.email !== null) return layout
  throw new ForeignDatabaseError(
    `The table ${table.name} has neither a column username nor email. Name the one that users sign in with by --username-column. ${listColumns(table)}`,
  )
}

/** The same number is another user in another table. */
function isOfOthers({ columns }: ForeignTable, users: ForeignTable): boolean {
  const references = columns.find(({ name }) => name === 'user_id')?.references ?? null
  return references !== null && references !== users.id
}

function toTokenLayout(table: ForeignTable, form: TokenLayout['form'], stored: string): TokenLayout {
  requireColumn(table, 'user_id')
  const optional = (...names: string[]): string | null => names.find((name) => hasColumn(table, name)) ?? null
  return {
    form,
    identifier: table.identifier,
    stored: requireColumn(table, stored),
    created: optional('created'),
    expiry: form === 'knox' ? optional('expiry', 'expires') : null, // `expires` before Knox 4
    salted: form === 'knox' && hasColumn(table, 'salt'), // before Knox 4.2
  }
}

/** `id`, or else the primary key: a model may call it anything. */
function requireKey(table: ForeignTable): string {
  if (hasColumn(table, 'id')) return 'id'
  const keys = table.columns.filter(({ isPrimaryKey }) => isPrimaryKey)
  const [key] = keys
  if (key !== undefined && keys.length === 1) return key.name
  throw new ForeignDatabaseError(
    `The table ${table.name} has neither a column id nor another primary key. ${listColumns(table)}`,
  )
}

function requireColumn(table: ForeignTable, name: string): string {
  if (hasColumn(table, name)) return name
  throw new ForeignDatabaseError(`The table ${table.name} has no column ${name}. ${listColumns(table)}`)
}

function hasColumn({ columns }: ForeignTable, name: string): boolean {
  return columns.some((column) => column.name === name)
}

function listColumns({ columns }: ForeignTable): string {
  return `It has: ${columns.map(({ name }) => name).join(', ')}.`
}

async function explainMissing(database: ForeignDatabase, name: string): Promise<ForeignDatabaseError> {
  const others = await database.listUserTables()
  const hint =
    others.length > 0
      ? `These look like tables of users: ${others.join(', ')}. Name one with --user-table.`
      : 'No other table looks like one of users: is this the database of Django?'
  return new ForeignDatabaseError(`There is no table ${name}. ${hint}`)
}
