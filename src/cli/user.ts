import type { Command } from 'commander'
import type { UserFilter } from '../auth/administration.ts'
import type { Auth } from '../auth/auth.ts'
import type { Role } from '../auth/principal.ts'
import type { TemporaryPassword } from '../auth/temporary-passwords.ts'
import type { UserRow } from '../db/users.ts'
import { LatchkeyError } from '../errors.ts'
import { askNewPassword, confirm } from './ask.ts'
import { withAuth } from './domain.ts'
import { type Item, print, printItem, printList, printOutcome, time, warn } from './output.ts'

interface Options {
  json?: true
  yes?: true
}

interface ListOptions extends Options {
  search?: string
  role?: string
  active?: true
  inactive?: true
}

interface PasswordOptions extends Options {
  passwordStdin?: true
  temporary?: true
}

interface CreateOptions extends PasswordOptions {
  email?: string
  admin?: true
  service?: true
}

const pageSize = 100

const temporaryOption =
  'have a password made that its user has to replace, and print it: this is the only time it is shown'

/** `latchkey user …`. */
export function addUserCommands(program: Command): void {
  const user = program.command('user').description('Create accounts, and decide what becomes of them.')
  const named = (name: string, description: string): Command =>
    user
      .command(`${name} <user>`)
      .description(`${description} <user> is a username, an email address or an id.`)

  user
    .command('create <username>')
    .description('Create an account. The password is asked for.')
    .option('--email <address>', 'an email address, with which one can sign in as well')
    .option('--admin', 'with the role ADMIN')
    .option('--service', 'for machines: without a password; `token create` issues its tokens')
    .option('--password-stdin', 'read the password from standard input')
    .option('--temporary', temporaryOption)
    .option('--json', 'as JSON')
    .action((username: string, options: CreateOptions, command: Command) =>
      withAuth(async (auth) => {
        // Told before the password is typed twice; that the names are free is decided where the account is stored.
        for (const name of [username, options.email]) {
          if (name !== undefined && (await auth.findUser(name))) {
            throw new LatchkeyError('CONFLICT', `There is a user ${name} already.`)
          }
        }
        const { service = false } = options
        if (service && (options.passwordStdin || options.temporary))
          command.error('error: a service account has no password')
        const request = { username, email: options.email, role: options.admin ? 'ADMIN' : 'USER' } as const
        const { user: created, temporaryPassword } = service
          ? { user: await auth.createUser({ ...request, password: null, service }), temporaryPassword: null }
          : await auth.createAccount({ ...request, ...(await askWish(command, options)) })
        const { id, username: name, email, role } = created
        const item = { id, username: name, email, role, service }
        await printPassword(item, options.json, `Created ${name} (id ${id}).`, temporaryPassword)
      }),
    )

  user
    .command('list')
    .description('List accounts in the order of their creation or, where one searches, by name.')
    .option('--search <text>', 'whose username or email address begins so')
    .option('--role <role>', 'with the role USER or ADMIN')
    .option('--active', 'those that are not disabled')
    .option('--inactive', 'those that are')
    .option('--json', 'as JSON')
    .action(({ search, json, ...options }: ListOptions, command: Command) => {
      if (options.active && options.inactive) command.error('error: give one of: --active, --inactive')
      const active = options.active ?? (options.inactive ? false : null)
      const role = options.role === undefined ? null : readRole(options.role, command)
      const filter = { search, role, active }
      const isAll = search === undefined && role === null && active === null
      const nothing = isAll ? 'There are no users.' : 'There are no such users.'
      return withAuth((auth) => printList(userPages(auth, filter), json, nothing))
    })

  named('show', 'Show an account with its live tokens and failed sign-ins.')
    .option('--json', 'as JSON')
    .action((name: string, options: Options) =>
      withAuth(async (auth, settings) => {
        const row = await requireAccount(auth, name)
        const failedSignIns = await auth.countFailures(row.id)
        const item = {
          ...toItem(row),
          liveTokens: await auth.countTokens(row.id),
          failedSignIns,
          passwordExpiresAt: time(row.passwordExpiresAt),
          passwordLocked: failedSignIns >= settings.rateLimitLockAfter,
        }
        await printItem(item, options.json)
      }),
    )

  named('disable', 'Refuse an account; its tokens end at once.')
    .option('--json', 'as JSON')
    .action((name: string, options: Options) =>
      withAuth(async (auth) => {
        const { id, username } = await requireAccount(auth, name)
        const endedTokens = await auth.setActive(id, false)
        const sentence = `${username} is disabled; ${tokens(endedTokens)} ended.`
        await printOutcome({ id, username, active: false, endedTokens }, options.json, sentence)
      }),
    )

  named('enable', 'Let a disabled account sign in again.')
    .option('--json', 'as JSON')
    .action((name: string, options: Options) =>
      withAuth(async (auth) => {
        const { id, username } = await requireAccount(auth, name)
        await auth.setActive(id, true)
        await printOutcome({ id, username, active: true }, options.json, `${username} is enabled.`)
      }),
    )

  user
    .command('set-role <user> <role>')
    .description('Give an account the role USER or ADMIN. <user> is a username, an email address or an id.')
    .option('--json', 'as JSON')
    .action((name: string, wanted: string, options: Options, command: Command) => {
      const role = readRole(wanted, command)
      return withAuth(async (auth) => {
        const { id, username } = await requireAccount(auth, name)
        await auth.setRole(id, role)
        await printOutcome({ id, username, role }, options.json, `${username} has the role ${role}.`)
      })
    })

  named('set-password', 'Set a password, which is asked for; all tokens of the account end.')
    .option('--password-stdin', 'read the password from standard input')
    .option('--temporary', temporaryOption)
    .option('--json', 'as JSON')
    .action((name: string, options: PasswordOptions, command: Command) =>
      withAuth(async (auth) => {
        const { id, username } = await requireAccount(auth, name)
        const wish = await askWish(command, options)
        const { revokedTokens: endedTokens, temporaryPassword } = await auth.setUserPassword(id, wish)
        const sentence = `${username} has a new password; ${tokens(endedTokens)} ended.`
        await printPassword({ id, username, endedTokens }, options.json, sentence, temporaryPassword)
      }),
    )

  named('delete', 'Delete an account; its tokens end at once.')
    .option('--yes', 'without asking')
    .option('--json', 'as JSON')
    .action((name: string, options: Options, command: Command) =>
      withAuth(async (auth) => {
        const { id, username } = await requireAccount(auth, name)
        if (!options.yes) {
          const live = tokens(await auth.countTokens(id))
          await confirm(command, `Delete ${username} (id ${id}, ${live}) for good?`)
        }
        const endedTokens = await auth.deleteUser(id)
        const sentence = `${username} is deleted; ${tokens(endedTokens)} ended.`
        await printOutcome({ id, username, endedTokens }, options.json, sentence)
      }),
    )
}

/** The password that is to be set: one that is asked for, or one that is to be made. */
async function askWish(
  command: Command,
  { passwordStdin, temporary }: PasswordOptions,
): Promise<{ password: string | null; temporaryPassword: boolean }> {
  if (temporary && passwordStdin) command.error('error: give one of: --password-stdin, --temporary')
  const password = temporary ? null : await askNewPassword(command, passwordStdin)
  return { password, temporaryPassword: temporary === true }
}

/** Prints an outcome and, where one was made, the temporary password; by itself on standard output. */
async function printPassword(
  item: Item,
  asJson: boolean | undefined,
  sentence: string,
  made: TemporaryPassword | null,
): Promise<void> {
  if (made === null) return printOutcome(item, asJson, sentence)
  const { password, expiresAt } = made
  if (asJson) return printItem({ ...item, password, passwordExpiresAt: time(expiresAt) }, true)
  warn(`${sentence} The temporary password works until ${time(expiresAt)}:`)
  await print(`${password}\n`)
}

/** The account that a command names, or the error that says that there is none. */
export async function requireAccount(auth: Auth, name: string): Promise<UserRow> {
  const row = await auth.findAccount(name)
  if (row === undefined) throw new LatchkeyError('NOT_FOUND', `There is no user ${name}.`)
  return row
}

/** `1 token`, `2 tokens`. */
export function tokens(count: number): string {
  return `${count} token${count === 1 ? '' : 's'}`
}

function readRole(text: string, command: Command): Role {
  const role = text.toUpperCase()
  if (role === 'USER' || role === 'ADMIN') return role
  return command.error('error: a role is USER or ADMIN')
}

async function* userPages(auth: Auth, filter: UserFilter): AsyncGenerator<Item[]> {
  let after: string | null = null
  let hasNextPage = true
  while (hasNextPage) {
    const page = await auth.searchAccounts(filter, pageSize, after)
    yield page.items.map(({ node }) => toItem(node))
    hasNextPage = page.hasNextPage
    after = page.endCursor
  }
}

function toItem(row: UserRow): Item {
  return {
    id: row.id,
    username: row.username,
    email: row.email,
    role: row.role,
    active: row.active === 1,
    service: row.service === 1,
    createdAt: time(row.createdAt),
    lastSignInAt: time(row.lastSignInAt),
  }
}
