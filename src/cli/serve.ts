import { availableParallelism } from 'node:os'
import type { Command } from 'commander'
import type { Settings } from '../config.ts'
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
        loadSettings: (options) => {
          const settings = loadSettings(options)
          growThreadPool(settings)
          return settings
        },
        describeFailure,
        // Who does not read what it says does not stop the service.
        write: (line) => void print(`${line}\n`).catch(() => {}),
      })
    })
}

/** What the operator says, which this process's own choice does not replace. */
const givenThreads = process.env.UV_THREADPOOL_SIZE

/** The four threads that libuv starts, on first use, are soon all busy with passwords: files and host names need one. */
function growThreadPool({ passwordHashConcurrency }: Settings): void {
  const hashing = passwordHashConcurrency || availableParallelism() - 1
  process.env.UV_THREADPOOL_SIZE = givenThreads || String(Math.max(4, hashing + 1))
}
