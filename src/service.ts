import type { IncomingMessage } from 'node:http'
import { type AddressInfo, Server, type Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { setFlagsFromString } from 'node:v8'
import type { FastifyInstance } from 'fastify'
import { openAdmin } from './admin.ts'
import { buildApp } from './app.ts'
import { flushLimitMs } from './closing.ts'
import type { Settings } from './config.ts'
import { createIsReady } from './http/health.ts'
import { keepSessions } from './http/http2-sessions.ts'
import { ServerResponse } from './http/node-http.ts'
import { explainListening } from './listening.ts'
import { createLogOutput } from './log-output.ts'
import type { Snapshot } from './metrics/registry.ts'
import type { PrimaryLink } from './plugin.ts'
import { startExporter, wantsTraces } from './tracing/exporter.ts'
import { version } from './version.ts'

const closeIdleIntervalMs = 50

/**
 * By how much of what is alive the heap may grow before the whole of it is collected, in percent. V8 lets it grow to four
 * times as much, which many known tokens make hundreds of megabytes of nothing.
 */
const heapGrowthPercent = 50

/** Said by one worker for all. */
const mailIsOff =
  'no mail is sent: who forgets a password needs the operator, and an address changes without being verified; SMTP_URL says how to send'

/** The service, listening. */
export interface Service {
  app: FastifyInstance
  /** What a person is told: where it listens, and what there is to do first. */
  announcement: string[]
  /** Whether requests should be sent here. */
  isReady(): Promise<boolean>
  /** What was counted so far; null where nobody counts. */
  takeSnapshot(): Promise<Snapshot | null>
  /**
   * Is ready no more, but goes on for `delayMs`, which is `SHUTDOWN_DELAY` unless given; with null others go on in its place,
   * so that it stays ready. Then it takes no connection any more, has each answer end its connection, and ends when the last request is answered.
   * Connections that stay idle are closed after `graceMs`.
   */
  stop(cause: string, graceMs: number, delayMs?: number | null): Promise<void>
}

/** Opens and migrates the database, and listens. Throws an `Error` that says what is in the way. */
export async function startService(
  settings: Settings,
  options: {
    primary?: PrimaryLink
    logBatchBytes?: number
    /** OpenTelemetry's variables, by which traces are sent. */
    env?: Record<string, string | undefined>
  } = {},
): Promise<Service> {
  setFlagsFromString(`--heap-growing-percent=${heapGrowthPercent}`)
  const complain = (sentence: string): unknown => process.stderr.write(`${sentence}\n`)
  const log = createLogOutput(1, complain, Date.now, options.logBatchBytes)
  const draining = createDraining()
  const leaving = { isOn: false }
  const counting = settings.adminPort > 0 ? await import('./metrics/registry.ts') : null
  const registry = counting?.createProcessRegistry()
  const exporter = options.env && wantsTraces(options.env) ? await startExporter(options.env) : null
  const app = await buildApp(settings, {
    logger: { level: settings.logLevel, stream: log },
    http: { ServerResponse: draining.ServerResponse },
    plugin: {
      ...(registry ? { metrics: registry } : {}),
      ...(exporter ? { tracerProvider: exporter.provider } : {}),
    },
    isDraining: () => leaving.isOn,
    ...(options.primary ? { primary: options.primary } : {}),
  })
  keepServing(app)
  const sockets = trackSockets(app)
  const isReady = createIsReady(app, () => leaving.isOn)
  const sessions = keepSessions(app.server, app.initialConfig.keepAliveTimeout as number) // `buildApp` says so
  try {
    await app.ready()
    if ((options.primary?.prunes ?? true) && settings.smtpUrl === 'off') app.log.warn(mailIsOff)
    const hasUsers = await app.latchkey.auth.hasUsers()
    const { host, port } = settings
    const listenTextResolver = (address: string): string =>
      `Server listening at ${settings.tlsCertFile === '' ? address : address.replace('http:', 'https:')}`
    await app.listen({ host, port, listenTextResolver }).catch((error) => {
      throw explainListening(error, { ...settings, names: { host: 'HOST', port: 'PORT' } })
    })
    // Workers are asked by the primary, which has the port.
    const admin =
      registry && !options.primary
        ? await openAdmin(settings, { isReady, metrics: () => registry.metrics() })
        : null
    return {
      app,
      announcement: announce(app, settings, hasUsers),
      isReady,
      takeSnapshot: async () => (registry && counting ? counting.takeSnapshot(registry) : null),
      async stop(cause, graceMs, delayMs = settings.shutdownDelay) {
        const start = performance.now()
        app.log.info({ cause }, 'stopping')
        draining.begin()
        leaving.isOn = delayMs !== null
        await sleep(delayMs ?? 0)
        sessions.sendElsewhere()
        await Promise.all([stopAccepting(app, graceMs), app.latchkey.endSockets()])
        await closeGently(app, sockets)
        await admin?.close()
        await exporter
          ?.stop()
          .catch((error) => app.log.warn({ err: error }, 'the last spans could not be sent'))
        app.log.info({ durationMs: Math.round(performance.now() - start) }, 'stopped')
        await log.flush(flushLimitMs)
      },
    }
  } catch (error) {
    await app.close()
    throw error
  }
}

/**
 * Answers that end their connection from `begin` on: a client sends its next request over another one. Until then nothing
 * stands between them and Node's own.
 */
function createDraining(): { ServerResponse: typeof ServerResponse; begin(): void } {
  class Response<Request extends IncomingMessage> extends ServerResponse<Request> {}
  return {
    ServerResponse: Response,
    begin() {
      const { writeHead } = Response.prototype
      Response.prototype.writeHead = function (this: Response<IncomingMessage>, ...parameters: unknown[]) {
        this.setHeader('connection', 'close')
        return writeHead.apply(this, parameters as [number])
      }
    },
  }
}

function trackSockets(app: FastifyInstance): Set<Socket> {
  const sockets = new Set<Socket>()
  app.server.on('connection', (socket) => {
    sockets.add(socket)
    socket.once('close', () => sockets.delete(socket))
  })
  return sockets
}

/**
 * Closes the listening socket alone, and waits until all connections are gone, or `graceMs`. An HTTP server's own closing
 * cuts idle connections at once: under a request that the client has just sent.
 */
async function stopAccepting(app: FastifyInstance, graceMs: number): Promise<void> {
  const late = new AbortController()
  const gone = new Promise((resolve) => Server.prototype.close.call(app.server, resolve))
  await Promise.race([gone, sleep(graceMs, undefined, late)])
  late.abort()
}

/** Lets requests in flight end; whoever sends nothing is not waited for. */
async function closeGently(app: FastifyInstance, sockets: Set<Socket>): Promise<void> {
  const timer = setInterval(() => app.server.closeIdleConnections(), closeIdleIntervalMs)
  for (const socket of sockets) if (socket.bytesRead === 0) socket.destroy() // Node does not call these idle
  await app.close()
  clearInterval(timer)
}

/** The last resort: what one request threw where nobody waited for it must not end the service for all. */
function keepServing(app: FastifyInstance): void {
  for (const event of ['uncaughtException', 'unhandledRejection']) {
    process.on(event, (error) => app.log.error({ err: error }, event))
  }
}

function announce(app: FastifyInstance, settings: Settings, hasUsers: boolean): string[] {
  const origin = originOf(app.server.address() as AddressInfo, settings.tlsCertFile === '' ? 'http' : 'https')
  const lines = [`Latchkey ${version} listens on ${origin}${settings.graphqlPath}`]
  if (settings.console) lines.push(`The account console is at ${origin}/`)
  if (settings.graphiql) lines.push(`GraphiQL is at ${origin}/graphiql`)
  if (hasUsers) return lines
  // A database in memory is this process's own, so that no command could reach it.
  if (!settings.databaseUrl.endsWith(':memory:')) {
    lines.push(
      'There is no user yet. Create one, in another terminal in this folder: npx latchkey user create ada',
    )
  } else if (settings.signUp === 'open') {
    lines.push(
      'There is no user yet, and what is in memory ends with this process. Create one with the mutation signUp.',
    )
  }
  return lines
}

function originOf({ address, family, port }: AddressInfo, scheme: 'http' | 'https'): string {
  if (address === '0.0.0.0' || address === '::') return `${scheme}://localhost:${port}`
  return `${scheme}://${family === 'IPv6' ? `[${address}]` : address}:${port}`
}
