import type { Command } from 'commander'
import { loadSettings } from './environment.ts'
import { print } from './output.ts'

/** `latchkey serve`. */
export function addServeCommand(program: Command): void {
  program
    .command('serve')
    .description('Run the service: migrate the database, listen, and answer until told to stop.')
    .action(async () => {
      const settings = loadSettings()
      const { serve } = await import('../main.ts')
      // Who does not read what it says does not stop the service.
      await serve(settings, (line) => void print(`${line}\n`).catch(() => {}))
    })
}
