import { setTimeout as sleep } from 'node:timers/promises'
import type { Command } from 'commander'
import type { Auth } from '../auth/auth.ts'
import type { ImportSummary } from '../auth/import-summary.ts'
import type { Settings } from '../config.ts'
import type { TableLeftOut } from '../django/layout.ts'
import type { DjangoSource } from '../django/source.ts'
import { showProgress } from './ask.ts'
import { withAuth, withUnchangedAuth } from './domain.ts'
import { describeImport } from './import-report.ts'
import { print, printJson } from './output.ts'

interface Options {
  database: string
  dryRun?: boolean
  json?: true
  admins?: boolean
  userTable?: string
  usernameColumn?: string
  knoxTable?: string
}

/** Users that are stored in one transaction with their tokens: a service beside it waits for no more than these. */
const batchSize = 200

/** `latchkey import django`. */
export function addImportCommand(program: Command): void {
  program
    .command('import')
    .description('Take users and tokens over from another system.')
    .command('django')
    .description(
      'Take over what users, passwords and tokens (of Django REST Framework and Knox) a Django project has. Run again, it adds what is new.',
    )
    .requiredOption('--database <address>', "Django's: a file of SQLite's, or postgres://user@host/name")
    .option('--dry-run', 'say what would be imported, and write nothing')
    .option('--admins', 'give superusers the role ADMIN')
    .option('--user-table <name>', 'where users are, if not in auth_user')
    .option('--username-column <name>', 'what users sign in with, if not username or else email')
    .option('--knox-table <name>', "where Knox's tokens are, if not in knox_authtoken")
    .option('--json', 'as JSON')
    .action((options: Options) => {
      const { dryRun = false } = options
      const run = dryRun ? withUnchangedAuth : withAuth
      return run(async (auth, settings) => {
        const { summary, tablesLeftOut, total } = await importFrom(auth, settings, options)
        if (options.json) return printJson({ dryRun, ...summary, tablesLeftOut })
        await print(describeImport(summary, { dryRun, tablesLeftOut, total }))
      })
    })
}

async function importFrom(
  auth: Auth,
  { tokenLimit }: Settings,
  options: Options,
): Promise<{ summary: ImportSummary; tablesLeftOut: TableLeftOut[]; total: number }> {
  // Loaded here: no other command needs the driver of another database.
  const { openDjango } = await import('../django/source.ts')
  const source = await openDjango(options.database, {
    userTable: options.userTable ?? null,
    usernameColumn: options.usernameColumn ?? null,
    knoxTable: options.knoxTable ?? null,
  })
  try {
    const summary = await takeAll(auth, source, options, tokenLimit)
    return { summary, tablesLeftOut: source.tablesLeftOut, total: source.total }
  } finally {
    await source.close()
  }
}

async function takeAll(
  auth: Auth,
  source: DjangoSource,
  { dryRun = false, admins = false }: Options,
  tokenLimit: number,
): Promise<ImportSummary> {
  const progress = showProgress()
  const { take, finish, summary } = auth.startImport({ dryRun, admins })
  let done = 0
  try {
    for await (const accounts of source.pages(batchSize, { now: Date.now(), tokenLimit })) {
      const began = performance.now()
      await take(accounts)
      done += accounts.length
      progress.show(
        `${done} of ${source.total} users (${Math.floor((100 * done) / Math.max(done, source.total))} %)`,
      )
      // Half of the time is for others who want to write.
      if (!dryRun) await sleep(performance.now() - began)
    }
  } finally {
    progress.clear()
    finish()
  }
  return summary
}
