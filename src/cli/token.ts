import type { Command } from 'commander'
import type { Auth } from '../auth/auth.ts'
import type { Introspection } from '../auth/operator.ts'
import type { Token } from '../auth/principal.ts'
import { parseDuration } from '../auth/token-life.ts'
import { toRights } from '../auth/token-rights.ts'
import { askToken, showProgress } from './ask.ts'
import { withAuth } from './domain.ts'
import { type Item, print, printItem, printList, printOutcome, time, warn } from './output.ts'
import { revokeFromFile } from './revoke-from-file.ts'
import { requireAccount, tokens } from './user.ts'

interface Json {
  json?: true
}

const pageSize = 100

/** `latchkey token …`. */
export function addTokenCommands(program: Command): void {
  const token = program.command('token').description('Issue, list, revoke and look into tokens.')

  token
    .command('create <user>')
    .description('Issue a token without a password, and print it: this is the only time it is shown.')
    .option('--name <name>', 'what it is called in the list of devices', 'Command line')
    .option(
      '--scopes <names>',
      'what it may be used for, as ACCOUNT,TOKENS; all of it where this is left out',
    )
    .option(
      '--expires-in <duration>',
      'such as 12h; TOKEN_TTL unless given, PERSONAL_TOKEN_MAX_TTL at the most',
    )
    .option('--json', 'as JSON')
    .action((name: string, options: Json & { name: string; expiresIn?: string; scopes?: string }) =>
      withAuth(async (auth, { personalTokenMaxTtl }) => {
        const { id: userId, username } = await requireAccount(auth, name)
        const expiresIn = options.expiresIn ?? null
        const scopes = readScopes(options.scopes)
        const issued = await auth.createToken(userId, { name: options.name, expiresIn, scopes })
        const { id, name: tokenName, kind, createdAt, expiresAt } = issued.tokenInfo
        if (expiresIn !== null && Number(parseDuration(expiresIn)) > personalTokenMaxTtl) {
          warn('It expires sooner than asked for: PERSONAL_TOKEN_MAX_TTL is the most.')
        }
        if (options.json) {
          const times = { createdAt: time(createdAt), expiresAt: time(expiresAt) }
          const rights = { kind, scopes: issued.tokenInfo.scopes ?? 'all' }
          return printItem(
            { token: issued.token, id, userId, username, name: tokenName, ...rights, ...times },
            true,
          )
        }
        warn(`Token ${id} of ${username}, valid until ${time(expiresAt)}:`)
        await print(`${issued.token}\n`)
      }),
    )

  token
    .command('list <user>')
    .description("List a user's live tokens, newest first.")
    .option('--json', 'as JSON')
    .action((name: string, options: Json) =>
      withAuth(async (auth) => {
        const { id, username } = await requireAccount(auth, name)
        await printList(tokenPages(auth, id), options.json, `${username} has no live tokens.`)
      }),
    )

  token
    .command('revoke [id]')
    .description('End a token at once: by its id, by itself, or all tokens of a user or of a file.')
    .option('--all <user>', 'all tokens of this user')
    .option('--token-stdin', 'the token that is read from standard input, such as one that leaked')
    .option(
      '--from-file <file>',
      'tokens that leaked, or their ids, one a line; - for standard input. Their owners are told',
    )
    .option('--json', 'as JSON')
    .action((id: string | undefined, options: RevokeOptions, command: Command) => {
      const { all, tokenStdin, fromFile, json } = options
      const ways = [id, all, tokenStdin, fromFile].filter((way) => way !== undefined)
      if (ways.length !== 1)
        command.error('error: give one of: an id, --all <user>, --token-stdin, --from-file <file>')
      return fromFile === undefined
        ? withAuth((auth) => revoke(auth, id, options))
        : revokeFromFile(fromFile, json)
    })

  token
    .command('prune')
    .description('Delete tokens that ended longer ago than TOKEN_RETENTION, and counters that are over.')
    .option('--json', 'as JSON')
    .action((options: Json) =>
      withAuth(async (auth) => {
        const progress = showProgress()
        const deleted = await auth
          .prune({ onProgress: (count) => progress.show(`${tokens(count)} deleted so far`) })
          .finally(progress.clear)
        const sentence = `Deleted ${tokens(deleted.tokens)}, ${deleted.counters} counter(s) of failed sign-ins and ${deleted.auditEvents} audit event(s).`
        await printOutcome({ ...deleted }, options.json, sentence)
      }),
    )

  token
    .command('inspect')
    .description('Say what a token is worth. It is read from a prompt or standard input.')
    .option('--json', 'as JSON')
    .action((options: Json) =>
      withAuth(async (auth) =>
        printItem(toReport(await auth.introspectToken(await askToken())), options.json),
      ),
    )
}

/** `ACCOUNT,NOTES_WRITE` → the names. A scope of an application's is not known here, and so one that is mistyped is not seen. */
function readScopes(text: string | undefined): string[] | null {
  if (text === undefined) return null
  const scopes = text.split(',').map((name) => name.trim())
  const foreign = scopes.filter((name) => !ownScopes.includes(name))
  if (foreign.length > 0) warn(`${foreign.join(', ')}: no scope of Latchkey's own; it is taken as written.`)
  return scopes
}

const ownScopes: readonly string[] = ['ACCOUNT', 'TOKENS', 'ADMIN']

interface RevokeOptions extends Json {
  all?: string
  tokenStdin?: true
  fromFile?: string
}

async function revoke(auth: Auth, id: string | undefined, options: RevokeOptions): Promise<void> {
  if (options.all !== undefined) {
    const { id: userId, username } = await requireAccount(auth, options.all)
    const endedTokens = await auth.endTokens(userId)
    const sentence = `${tokens(endedTokens)} of ${username} ended.`
    return printOutcome({ userId, username, endedTokens }, options.json, sentence)
  }
  const { token, ended } = await auth.endToken(id === undefined ? { token: await askToken() } : { id })
  const item = { id: token.id, userId: token.userId, ended }
  await printOutcome(item, options.json, `Token ${token.id} ${ended ? 'is revoked' : 'had ended before'}.`)
}

async function* tokenPages(auth: Auth, userId: string): AsyncGenerator<Item[]> {
  let after: string | null = null
  do {
    const page = await auth.listTokens(userId, pageSize, after)
    yield page.tokens.map(toItem)
    after = page.hasNextPage ? (page.tokens.at(-1) as Token).id : null // a page that has a next one is not empty
  } while (after !== null)
}

function toItem(token: Token): Item {
  return {
    id: token.id,
    name: token.name,
    kind: token.kind,
    scopes: token.scopes ?? 'all',
    device: token.device.id,
    platform: token.device.platform,
    createdAt: time(token.createdAt),
    lastUsedAt: time(token.lastUsedAt),
    lastAddress: token.lastUsedAddress,
    expiresAt: time(token.expiresAt),
  }
}

function toReport({ found, ...said }: Introspection): Item {
  const form = { ...said, found: found !== null }
  if (found === null) return { ...form, live: false, reason: 'Invalid token.' }
  const { token, username, refusal } = found
  const { kind, scopes } = toRights(token)
  return {
    ...form,
    live: refusal === null,
    reason: refusal?.message ?? null,
    id: token.id,
    name: token.name,
    kind,
    scopes: scopes ?? 'all',
    userId: token.userId,
    username,
    createdAt: time(token.createdAt),
    lastUsedAt: time(token.lastUsedAt),
    expiresAt: time(token.expiresAt),
    revokedAt: time(token.revokedAt),
  }
}
