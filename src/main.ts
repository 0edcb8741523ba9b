import cluster from 'node:cluster'
import { availableParallelism } from 'node:os'
import closeWithGrace from 'close-with-grace'
import { closeGraceMs, closeLimitMs } from './closing.ts'
import type { Settings } from './config.ts'
import { workerVariable } from './workers/messages.ts'

/** What the command line has to say. */
export interface Console {
  /** Reads the settings, at the start and when workers are restarted. */
  loadSettings(options?: { quiet: boolean }): Settings
  /** Says a line to whoever started the process. */
  write(line: string): void
  /** An error in a sentence. */
  describeFailure(error: Error): string
}

/**
 * Runs the service until it is told to stop: opens and migrates the database, listens, and says where. With several
 * workers this process runs them, or is one of them. Throws an `Error` that says what is in the way.
 */
export async function serve(console: Console): Promise<void> {
  const worker = process.env[workerVariable]
  if (worker !== undefined) {
    const { serveWorker } = await import('./workers/worker.ts')
    return serveWorker(Number(worker), console, process.env)
  }
  const settings = console.loadSettings()
  const workers = settings.workers === 'auto' ? availableParallelism() : settings.workers
  // In a cluster of somebody else's this process is one of many already.
  if (workers === 1 || cluster.isWorker) return serveAlone(settings, console)
  const { servePrimary } = await import('./workers/primary.ts')
  return servePrimary(workers, settings, console)
}

async function serveAlone(settings: Settings, console: Console): Promise<void> {
  const { startService } = await import('./service.ts')
  const service = startService(settings, { env: process.env })
  const closing = closeWithGrace(
    {
      delay: settings.shutdownDelay + closeLimitMs,
      skip: ['uncaughtException', 'unhandledRejection', 'SIGHUP'],
    },
    async ({ signal = '' }) => (await service).stop(signal, closeGraceMs),
  )
  try {
    const { announcement, app } = await service
    process.on('SIGHUP', () => app.log.warn('SIGHUP restarts workers, and this process is alone: it goes on'))
    announcement.forEach(console.write)
  } catch (error) {
    closing.uninstall() // or it would end the process with success
    throw error
  }
}
