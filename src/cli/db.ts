import { existsSync } from 'node:fs'
import type { Command } from 'commander'
import { toServerOptions } from '../auth-options.ts'
import { backUp } from '../db/backup.ts'
import { type CopiedRows, copyInto } from '../db/copy.ts'
import { findCopySource } from '../db/half-copied.ts'
import { openDatabase, sqliteFileOf } from '../db/open.ts'
import { type Restored, restore } from '../db/restore.ts'
import { databaseAddress } from '../setting-parsers.ts'
import { confirm, showProgress } from './ask.ts'
import { loadSettings } from './environment.ts'
import { describeFailure } from './failure.ts'
import { print, printable, printJson, printOutcome, warn } from './output.ts'

interface Options {
  json?: true
}

/** `latchkey db backup|restore|copy`. */
export function addDbCommands(program: Command): void {
  const db = program.command('db').description('Back the database up, restore it, or move to another one.')

  db.command('backup')
    .description('Copy an SQLite database into a new file, while services go on using it.')
    .argument('<file>', 'the new file')
    .option('--force', 'replace a file that is there')
    .option('--json', 'as JSON')
    .action(async (file: string, options: Options & { force?: true }) => {
      const backup = await withProgress('copied', (onProgress) =>
        backUp(loadSettings().databaseUrl, file, { force: options.force, onProgress }),
      )
      const size = `${(backup.bytes / 1_048_576).toFixed(1)} MiB`
      await printOutcome({ ...backup }, options.json, `Backed up to ${backup.file} (${size}).`)
    })

  db.command('restore')
    .description(
      'Put a backup in the place of an SQLite database. All tokens end: some may have been revoked since.',
    )
    .argument('<file>', 'the backup')
    .option('--keep-live', 'keep tokens that are live in the database of now as well')
    .option('--yes', 'replace the database without asking')
    .option('--json', 'as JSON')
    .action(
      async (
        file: string,
        options: Options & { keepLive?: true; yes?: true },
        command: Command,
      ): Promise<void> => {
        const { databaseUrl } = loadSettings()
        if (!options.yes)
          await confirm(command, 'Put the backup in the place of the database? What happened since is lost.')
        const { keepLive } = options
        const restored = await withProgress('read', (onProgress) =>
          restore(databaseUrl, file, { keepLive, now: Date.now(), onProgress }),
        )
        describeDifferences(restored)
        await printOutcome({ ...restored }, options.json, describe(restored))
      },
    )

  db.command('copy')
    .description(
      'Copy the database into another one, from SQLite to PostgreSQL or back, and compare all of it. Run again, it goes on where it was.',
    )
    .requiredOption('--to <address>', 'the other database, as in DATABASE_URL; it has to be empty')
    .option(
      '--ahead',
      'copy while services go on; a last run without this has to follow, once they are stopped',
    )
    .option('--json', 'as JSON')
    .action((options: Options & { to: string; ahead?: true }) => copy(options))
}

async function copy({ to, ahead, json }: Options & { to: string; ahead?: true }): Promise<void> {
  const settings = loadSettings()
  const { databaseUrl } = settings
  requireAddress(to)
  const name = nameOf(databaseUrl)
  if (name === nameOf(to)) throw new Error('The database cannot be copied into itself. Name another one.')
  if (databaseUrl.startsWith('sqlite:') && !existsSync(sqliteFileOf(databaseUrl)))
    throw new Error(`There is no database at ${sqliteFileOf(databaseUrl)}.`)
  const source = openDatabase(databaseUrl, toServerOptions(settings))
  const target = openDatabase(to, toServerOptions(settings))
  const progress = showProgress()
  try {
    await target.run(findCopySource).catch((error) => {
      const cause = describeFailure(error).replaceAll('DATABASE_URL', '--to')
      throw new Error(`The database of --to: ${cause}`, { cause: error })
    })
    const tables = await copyInto(source, target, {
      name,
      ahead,
      onProgress: (what, table, share) => progress.show(`${table}: ${Math.floor(share * 100)} % ${what}`),
    })
    progress.clear()
    if (json) await printJson({ source: name, target: nameOf(to), isFinished: !ahead, tables })
    else await print(describeCopy(tables, nameOf(to), ahead))
  } finally {
    progress.clear()
    await Promise.all([target.close(), source.close()])
  }
}

function requireAddress(to: string): void {
  try {
    databaseAddress(to)
  } catch (error) {
    throw new Error(`--to must be ${(error as Error).message}.`)
  }
}

/** An address without what is secret in it. */
function nameOf(url: string): string {
  if (url.startsWith('sqlite:')) return `sqlite:${sqliteFileOf(url)}`
  const { host, pathname, searchParams } = new URL(url)
  return `postgres://${host || (searchParams.get('host') ?? '')}${pathname}`
}

function describeCopy(tables: CopiedRows[], target: string, ahead: true | undefined): string {
  const lines = tables.map(
    ({ table, rows, changed, sha256 }) =>
      `${table}: ${rows} row(s), ${changed} written now, SHA-256 ${sha256}`,
  )
  const next = ahead
    ? 'Stop the services, run the same without --ahead, and start them with the new DATABASE_URL.'
    : `Both are the same. Start the services with DATABASE_URL of ${target}.`
  return [...lines, next].map((line) => `${printable(line)}\n`).join('')
}

function describe({ file, endedTokens, keptTokens }: Restored): string {
  return `Restored ${file}: ${endedTokens} token(s) of the backup ended, ${keptTokens} go on.`
}

/** What the operator may want to put right. */
function describeDifferences(restored: Restored): void {
  const { olderPasswords, returnedUsers, disabledUsers, demotedAdmins } = restored
  const lines: [users: string[], what: string][] = [
    [olderPasswords, 'changed the password since, and have the former one again'],
    [returnedUsers, 'had been deleted since, and are there again'],
    [disabledUsers, 'had been disabled since, and still are'],
    [demotedAdmins, 'had lost the role ADMIN since, and do not get it back'],
  ]
  for (const [users, what] of lines) if (users.length > 0) warn(`These ${what}: ${shorten(users)}.`)
}

const shownNames = 20

function shorten(users: string[]): string {
  const more = users.length > shownNames ? ` and ${users.length - shownNames} more (--json has all)` : ''
  return `${users.slice(0, shownNames).join(', ')}${more}`
}

async function withProgress<T>(
  what: string,
  work: (onProgress: (share: number) => void) => Promise<T>,
): Promise<T> {
  const progress = showProgress()
  try {
    return await work((share) => progress.show(`${Math.floor(share * 100)} % ${what}`))
  } finally {
    progress.clear()
  }
}
