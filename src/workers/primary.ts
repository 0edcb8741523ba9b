import cluster from 'node:cluster'
import { once } from 'node:events'
import { type AddressInfo, createServer } from 'node:net'
import { closeGraceMs, closeLimitMs, flushLimitMs, restartGraceMs } from '../closing.ts'
import { type Settings, variableOf } from '../config.ts'
import { createLedger } from './ledger.ts'
import { createLog } from './log.ts'
import { createPool } from './pool.ts'
import { createPrimaryAdmin } from './primary-admin.ts'

/** What workers go on with when they are restarted: they share it, or the primary has it. */
const fixed = ['host', 'port', 'adminHost', 'adminPort', 'shutdownDelay', 'workers', 'databaseUrl'] as const

/**
 * Runs `size` workers, and serves nothing itself: it holds the listening socket and the account of the limits, replaces
 * workers that end, restarts all at SIGHUP, and stops all at SIGTERM. Throws where a worker cannot start.
 */
export async function servePrimary(
  size: number,
  settings: Settings,
  console: {
    loadSettings(): Settings
    write(line: string): void
    describeFailure(error: Error): string
  },
): Promise<void> {
  const log = createLog(settings.logLevel)
  cluster.schedulingPolicy = cluster.SCHED_RR
  const admin = settings.adminPort > 0 ? await createPrimaryAdmin(settings) : null
  const env = await shared(size, settings)
  const pool = createPool({ size, env, lease: createLedger(size), onEnd: admin?.ended, log })
  let isStopping = false
  let isRestartDue = false

  async function stop(signal: string): Promise<void> {
    if (isStopping) {
      process.stderr.write(`second ${signal}, exiting\n`)
      pool.kill()
      process.exit(1)
    }
    isStopping = true
    log.info({ signal }, 'stopping')
    const delayMs = settings.shutdownDelay
    const limitMs = delayMs + closeLimitMs
    const isClean = await pool.stop({ cause: signal, delayMs, graceMs: closeGraceMs, limitMs })
    await log.flush(flushLimitMs)
    process.exit(isClean ? 0 : 1)
  }

  async function restart(): Promise<void> {
    isRestartDue = false
    log.info({}, 'restarting workers')
    try {
      const changed = findChanged(settings, console.loadSettings())
      if (changed.length > 0) log.warn({ changed }, 'these settings change when all is stopped and started')
      const limitMs = restartGraceMs + closeLimitMs
      await pool.replaceAll({ cause: 'SIGHUP', delayMs: null, graceMs: restartGraceMs, limitMs })
      log.info({}, 'workers are restarted')
    } catch (error) {
      if (!isStopping)
        log.error({ reason: console.describeFailure(error as Error) }, 'workers are not restarted')
    }
  }

  const operatorPort = await admin?.open(pool, () => isStopping)
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => void stop(signal))
  const started = pool.start()
  let turn = started.then(
    () => {},
    () => {},
  )
  process.on('SIGHUP', () => {
    if (isRestartDue) return // once is enough for all who asked
    isRestartDue = true
    turn = turn.then(restart)
  })
  try {
    const announcement = await started
    log.info({ workers: size }, 'workers listen')
    announcement.forEach(console.write)
  } catch (error) {
    if (isStopping) return
    await operatorPort?.close()
    throw error
  }
}

/** What holds for all workers, as variables, which come before what `.env` says. */
async function shared(size: number, settings: Settings): Promise<Record<string, string>> {
  const { host, port, databaseUrl, adminPort, shutdownDelay } = settings
  return {
    ADMIN_PORT: String(adminPort),
    SHUTDOWN_DELAY: `${shutdownDelay}ms`,
    HOST: host,
    PORT: String(port === 0 ? await findFreePort(host) : port),
    DATABASE_URL: databaseUrl,
    WORKERS: String(size),
  }
}

/** Workers that come later listen where the first one does, even when all others are gone. */
async function findFreePort(host: string): Promise<number> {
  const server = createServer().listen(0, host)
  const port = await once(server, 'listening').then(
    () => (server.address() as AddressInfo).port,
    () => 0, // what is wrong with the address is for the first worker to say
  )
  server.close()
  return port
}

function findChanged(before: Settings, after: Settings): string[] {
  return fixed.filter((name) => before[name] !== after[name]).map(variableOf)
}
