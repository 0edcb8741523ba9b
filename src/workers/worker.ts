import cluster, { type Worker } from 'node:cluster'
import { availableParallelism } from 'node:os'
import { closeGraceMs, closeLimitMs } from '../closing.ts'
import type { Settings } from '../config.ts'
import { type Service, startService } from '../service.ts'
import { createLessee } from './lessee.ts'
import { ignore, type ToPrimary, type ToWorker } from './messages.ts'
import type { QuestionKind } from './questions.ts'

/** POSIX has pipes take at least so much in one piece: lines of several processes do not mix. */
const pipeBytes = 4_096

/** Serves as worker `number`, from 1 on, of a primary that started this process. */
export async function serveWorker(
  number: number,
  console: {
    loadSettings(options: { quiet: boolean }): Settings
    describeFailure(error: Error): string
  },
  env: Record<string, string | undefined>,
): Promise<void> {
  const primary = cluster.worker as Worker
  const tell = (message: ToPrimary): unknown => primary.send(message, ignore)
  let service: Service | undefined
  let stopping = false

  const lessee = createLessee(
    (id, request) => tell({ kind: 'lease', id, request }),
    // requests are counted once there is a service
    () =>
      (service as Service).app.log.error(
        'the primary does not answer: this worker counts requests by itself',
      ),
  )

  let shutdownDelayMs = 0

  async function stop(
    cause: string,
    graceMs: number,
    delayMs: number | null = shutdownDelayMs,
  ): Promise<void> {
    if (stopping) return
    stopping = true
    setTimeout(() => process.exit(1), (delayMs ?? 0) + graceMs + closeLimitMs)
    await service?.stop(cause, graceMs, delayMs)
    const snapshot = await service?.takeSnapshot()
    if (!snapshot) process.exit(0)
    const counted: ToPrimary = { kind: 'counted', snapshot }
    primary.send(counted, () => process.exit(0))
  }

  async function answer(id: number, question: QuestionKind): Promise<void> {
    const { isReady, takeSnapshot } = service as Service // only those that listen are asked
    const answers = { ready: isReady, metrics: takeSnapshot }
    tell({ kind: 'answer', id, answer: await answers[question]() })
  }

  primary.on('message', (message: ToWorker) => {
    if (message.kind === 'lease') lessee.receive(message.id, message.lease)
    else if (message.kind === 'ask') void answer(message.id, message.question)
    else void stop(message.cause, message.graceMs, message.delayMs)
  })
  primary.on('error', ignore)
  primary.on('disconnect', () => {
    primary.exitedAfterDisconnect = true // or Node would end this process at once
    void stop('the primary is gone', closeGraceMs)
  })
  // Of its terminal or its group this process gets them as the primary does, which has the last word on a restart.
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    process.once(signal, () => {
      process.once(signal, () => process.exit(1))
      void stop(signal, closeGraceMs)
    })
  }
  process.on('SIGHUP', () => {})

  try {
    const settings = console.loadSettings({ quiet: true })
    shutdownDelayMs = settings.shutdownDelay
    service = await startService(shareAmongWorkers(settings), {
      primary: { askForLease: lessee.ask, prunes: number === 1 },
      logBatchBytes: pipeBytes,
      env,
    })
    tell({ kind: 'ready', announcement: service.announcement })
  } catch (error) {
    stopping = true
    const failed: ToPrimary = { kind: 'failed', sentence: console.describeFailure(error as Error) }
    primary.send(failed, () => process.exit(1))
  }
}

/** Settings that hold for all workers together, but for the limits on requests, which the primary keeps account of. */
function shareAmongWorkers(settings: Settings): Settings {
  const workers = Number(settings.workers) // a number: the primary has set it
  const hashes = settings.passwordHashConcurrency || availableParallelism() - 1
  return {
    ...settings,
    passwordHashConcurrency: Math.max(1, Math.floor(hashes / workers)),
    passwordHashQueue: Math.ceil(settings.passwordHashQueue / workers),
  }
}
