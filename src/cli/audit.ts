import type { Command } from 'commander'
import { validate as isUuid } from 'uuid'
import type { AuditEvent, AuditFilter } from '../auth/audit-log.ts'
import type { Auth } from '../auth/auth.ts'
import { authEventNames } from '../auth/origin.ts'
import { parseDuration } from '../auth/token-life.ts'
import { withAuth } from './domain.ts'
import { type Item, printable, printList, time } from './output.ts'
import { requireAccount } from './user.ts'

interface Options {
  user?: string
  event?: string
  since?: string
  until?: string
  address?: string
  json?: true
}

const pageSize = 100

/** `latchkey audit …`. */
export function addAuditCommands(program: Command): void {
  const audit = program.command('audit').description('Look into what happened.')

  audit
    .command('list')
    .description('List the records of what happened, newest first; all that is given has to fit.')
    .option('--user <user>', 'of this user: a username, an email address or an id, of a deleted account too')
    .option('--event <names>', 'one of these events, as authn_login_fail,authn_login_lock')
    .option('--since <time>', 'from this moment on, as 24h (ago) or 2026-11-23T09:30:00Z')
    .option('--until <time>', 'before this moment')
    .option('--address <address>', 'from this network address')
    .option('--json', 'as JSON, with all that is recorded')
    .action(({ json, ...options }: Options, command: Command) => {
      const times = {
        since: readTime('since', options.since, command),
        until: readTime('until', options.until, command),
      }
      const events = readEvents(options.event, command)
      return withAuth(async (auth) => {
        const filter = {
          ...times,
          userId: options.user === undefined ? null : await findUserId(auth, options.user),
          events,
          address: options.address,
        }
        await printList(eventPages(auth, filter, json ? toItem : toRow), json, 'There are no such records.')
      })
    })
}

/** `authn_login_fail,authn_login_lock` → the names. */
function readEvents(text: string | undefined, command: Command): string[] | undefined {
  const names = text?.split(',').map((name) => name.trim())
  const unknown = names?.find((name) => !(authEventNames as readonly string[]).includes(name))
  if (unknown === undefined) return names
  return command.error(
    `error: there is no event ${printable(unknown)}. There are ${authEventNames.join(', ')}`,
  )
}

/** `24h` → so long ago; a date or a time (RFC 3339) → that moment. In milliseconds since 1970. */
function readTime(name: string, text: string | undefined, command: Command): number | null {
  if (text === undefined) return null
  const agoMs = parseDuration(text)
  const moment = agoMs === null ? Date.parse(isTime.test(text) ? text : '') : Date.now() - agoMs
  if (!Number.isNaN(moment)) return moment
  return command.error(`error: --${name} is a time such as 24h, 2026-11-23 or 2026-11-23T09:30:00Z`)
}

/** Without an offset a time would be that of wherever the command runs. */
const isTime = /^\d{4}-\d\d-\d\d(T.*(Z|[+-]\d\d:\d\d))?$/i

/** What happened outlives the account. */
async function findUserId(auth: Auth, name: string): Promise<string> {
  return isUuid(name) ? name.toLowerCase() : (await requireAccount(auth, name)).id
}

async function* eventPages(
  auth: Auth,
  filter: AuditFilter,
  toLine: (event: AuditEvent) => Item,
): AsyncGenerator<Item[]> {
  let after: string | null = null
  let hasNextPage = true
  while (hasNextPage) {
    const page = await auth.listAuditEvents(filter, pageSize, after)
    yield page.items.map(({ node }) => toLine(node))
    hasNextPage = page.hasNextPage
    after = page.endCursor
  }
}

function toItem({ id, at, ...rest }: AuditEvent): Item {
  return { id, at: time(at), ...rest }
}

/** What fits in a line. */
function toRow({ at, event, userId, actorId, tokenId, address, times, detail }: AuditEvent): Item {
  return { time: time(at), event, user: userId, actor: actorId, token: tokenId, address, times, detail }
}
