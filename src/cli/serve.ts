import type { Command } from 'commander'
import { loadSettings } from './environment.ts'
import { describeFailure } from './failure.ts'
import { print } from './output.ts'

/** `latchkey serve`. */
export function addServeCommand(program: Command): void {
  program
    .command('serve')
    .description('Run the service: migrate the database, listen, and answer until told to stop.')
    .action(async () => {
      const { serve } = await import('../main.ts')
      await serve({
        loadSettings,
        describeFailure,
        // Who does not read what it says does not stop the service.
        write: (line) => void print(`${line}\n`).catch(() => {}),
      })
    })
}
