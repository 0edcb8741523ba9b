import { Argument, type Command } from 'commander'
import { listMigrations, migrateDown, migrateToLatest } from '../db/migrate.ts'
import type { Database } from '../db/open.ts'
import { confirm } from './ask.ts'
import { withDatabase } from './domain.ts'
import { type Item, printList, printOutcome, time, warn } from './output.ts'

interface Options {
  json?: true
  yes?: true
}

/** `latchkey migrate up|down|status`. */
export function addMigrateCommand(program: Command): void {
  program
    .command('migrate')
    .description("Change the database's schema, or see how far it is.")
    .addArgument(
      new Argument('[action]', 'run what is missing, take the newest back, or list them')
        .choices(['up', 'down', 'status'])
        .default('up'),
    )
    .option('--yes', 'take back without asking: the data in it is lost')
    .option('--json', 'as JSON')
    .action((action: string, options: Options, command: Command) =>
      withDatabase((database) => {
        if (action === 'status') return printStatus(database, options)
        return action === 'down' ? down(database, options, command) : up(database, options)
      }),
    )
}

async function up(database: Database, { json }: Options): Promise<void> {
  const names = await migrateToLatest(database)
  const sentence =
    names.length > 0 ? `Ran ${names.join(', ')}.` : 'There is nothing to run: the database is up to date.'
  await printOutcome({ action: 'up', migrations: names }, json, sentence)
}

async function down(database: Database, { json, yes }: Options, command: Command): Promise<void> {
  const newest = (await listMigrations(database)).findLast(({ executedAt }) => executedAt !== null)
  if (newest !== undefined && !yes) {
    await confirm(command, `Take back ${newest.name}? What is stored in its tables is lost.`)
  }
  const names = await migrateDown(database)
  const sentence = names.length > 0 ? `Took back ${names.join(', ')}.` : 'There is nothing to take back.'
  await printOutcome({ action: 'down', migrations: names }, json, sentence)
}

async function printStatus(database: Database, { json }: Options): Promise<void> {
  const migrations = await listMigrations(database)
  const items = migrations.map(
    ({ name, executedAt, known }): Item => ({ name, ranAt: time(executedAt?.getTime() ?? null), known }),
  )
  await printList([items], json)
  if (items.some(({ known }) => !known)) warn('The database is from a newer Latchkey than this one.')
}
