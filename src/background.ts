import type { FastifyInstance } from 'fastify'
import type { Auth } from './auth/auth.ts'
import type { Settings } from './config.ts'
import type { Metrics } from './metrics/metrics.ts'

const pruneIntervalMs = 3_600_000

/** What a killed process may lose of the audit; the log has it at once. */
const auditIntervalMs = 1_000

/** Writes last uses and audit events, delivers what waits in the outbox, and deletes what ended long ago. A fault is logged, and the next turn tries again. */
export function runInBackground(
  app: FastifyInstance,
  auth: Auth,
  settings: Settings,
  prunes: boolean,
  metrics: Metrics | null,
): void {
  const closing = new AbortController()
  const { signal } = closing
  const flush = (): Promise<void> =>
    auth.flush().catch((error) => app.log.error({ err: error }, 'last uses of tokens could not be written'))
  let pruning: Promise<void> | null = null
  const prune = (): void => {
    if (pruning !== null) return // one that has much to do may go on for longer than an hour
    const start = performance.now()
    pruning = auth
      .prune({ background: true, signal })
      .then(
        (deleted) => {
          app.log.debug(deleted, 'pruned')
          metrics?.countPrune(deleted, performance.now() - start)
        },
        (error) => {
          if (signal.aborted) return // it ends with the application, between two batches; the next start goes on
          app.log.error({ err: error }, 'ended tokens could not be deleted')
          metrics?.countPrune(null, performance.now() - start)
        },
      )
      .finally(() => {
        pruning = null
      })
  }
  let auditFails = false
  const writeAudit = (write: () => Promise<void>): Promise<void> =>
    write().then(
      () => {
        auditFails = false
      },
      (error) => {
        // Once, not every second: what could not be written is tried again until it can.
        if (!auditFails) app.log.error({ err: error }, 'audit events could not be written')
        auditFails = true
      },
    )
  const timers = [
    setInterval(flush, settings.tokenFlushInterval),
    setInterval(() => writeAudit(auth.audit.flush), auditIntervalMs),
  ]
  if (prunes) timers.push(setInterval(prune, pruneIntervalMs))
  for (const timer of timers) timer.unref()
  auth.outbox.start()
  app.addHook('onClose', async () => {
    closing.abort()
    timers.forEach(clearInterval)
    await Promise.all([pruning, flush(), auth.outbox.stop()])
    await auth.settled()
    await writeAudit(auth.audit.finish)
  })
}
