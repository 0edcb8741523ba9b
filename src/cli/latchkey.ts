import { Command, CommanderError } from 'commander'
import { version } from '../version.ts'
import { addAuditCommands } from './audit.ts'
import { addConfigCommand } from './config.ts'
import { addDbCommands } from './db.ts'
import { describeFailure } from './failure.ts'
import { addImportCommand } from './import.ts'
import { addMigrateCommand } from './migrate.ts'
import { isBrokenPipe, warn } from './output.ts'
import { addSchemaCommands } from './schema.ts'
import { addServeCommand } from './serve.ts'
import { addTokenCommands } from './token.ts'
import { addUserCommands } from './user.ts'

/** The `latchkey` command. Exit status: 0 done, 1 failed, 2 wrong usage. */
const program = new Command('latchkey')
  .description('Token authentication for GraphQL.')
  .version(version)
  .exitOverride()
  .configureOutput({ outputError: (text, write) => write(withoutValues(text)) })
  .showHelpAfterError('Add --help to see how it is used.')

for (const add of [
  addServeCommand,
  addMigrateCommand,
  addDbCommands,
  addUserCommands,
  addTokenCommands,
  addImportCommand,
  addAuditCommands,
  addSchemaCommands,
  addConfigCommand,
]) {
  add(program)
}

// What is left unread by `latchkey user list | head` is no fault; writing says so to who awaits it.
for (const stream of [process.stdout, process.stderr]) stream.on('error', () => {})

try {
  await program.parseAsync()
} catch (error) {
  process.exitCode = endWith(error)
}

function endWith(error: unknown): number {
  // Commander has written what there is to say; it calls help that nobody asked for an error as well.
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2
  if (isBrokenPipe(error)) return 0
  warn(describeFailure(error as Error)) // nothing else is thrown
  return 1
}

/** What is wrong about a command line without what may be a password or a token in the wrong place. */
function withoutValues(text: string): string {
  return text.replace(/(but got \d+): .*/s, '$1.\n').replace(/^(error: unknown option '[^=']*)=.*'/s, "$1'")
}
