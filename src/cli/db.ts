import type { Command } from 'commander'
import { backUp } from '../db/backup.ts'
import { type Restored, restore } from '../db/restore.ts'
import { confirm, showProgress } from './ask.ts'
import { loadSettings } from './environment.ts'
import { printOutcome, warn } from './output.ts'

interface Options {
  json?: true
}

/** `latchkey db backup|restore`. */
export function addDbCommands(program: Command): void {
  const db = program.command('db').description('Back the database up, or restore it.')

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
}

function describe({ file, endedTokens, keptTokens }: Restored): string {
  return `Restored ${file}: ${endedTokens} token(s) of the backup ended, ${keptTokens} go on.`
}

/** What the operator may want to put right. */
function describeDifferences({ olderPasswords, returnedUsers, disabledUsers }: Restored): void {
  const lines: [users: string[], what: string][] = [
    [olderPasswords, 'changed the password since, and have the former one again'],
    [returnedUsers, 'had been deleted since, and are there again'],
    [disabledUsers, 'had been disabled since, and still are'],
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
