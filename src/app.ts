import type { ServerOptions } from 'node:http'
import type { Http2SecureServer } from 'node:http2'
import cors from '@fastify/cors'
import Fastify, {
  type FastifyInstance,
  type FastifyServerFactory,
  type FastifyServerOptions,
  LogController,
} from 'fastify'
import fp from 'fastify-plugin'
import type { Settings } from './config.ts'
import {
  type Certificate,
  type CertificateFiles,
  endOf,
  openCertificate,
  watchCertificate,
} from './http/certificate.ts'
import { answerBadUrl, answerUnreadable, refusedForHosts } from './http/client-errors.ts'
import { findConsoleManifest, registerConsole } from './http/console.ts'
import { setConstantHeaders } from './http/constant-headers.ts'
import { createIsReady, healthPaths, registerHealth } from './http/health.ts'
import { createPipelineLimit } from './http/pipeline-limit.ts'
import { createRequestId } from './http/request-id.ts'
import { logRequest, logSerializers } from './http/request-log.ts'
import { createHttpsServer } from './http/secure-server.ts'
import { limitSlowBody } from './http/slow-bodies.ts'
import { type PrimaryLink, registerLatchkey } from './plugin.ts'
import type { LatchkeyOptions } from './plugin-options.ts'
import { loadTracing } from './tracing/load.ts'
import { version } from './version.ts'

/** Where log lines go. */
interface LogStream {
  write(line: string): void
}

/** Headers that a page of another origin may read. */
const exposedHeaders = ['WWW-Authenticate', 'Retry-After', 'X-Request-Id']

/** How long a client has for its headers and body; then it is answered 408 (RFC 9110 §15.5.9). */
const requestTimeout = 10_000

/** How long a connection may do nothing at all, and how long it is kept between two requests. */
const [connectionTimeout, keepAliveTimeout] = [75_000, 65_000]

const maxRequestsPerSocket = 100_000

/** How often it is looked whether the certificate was replaced. */
const certificateIntervalMs = 2_000

/** A year, as browsers ask for before they keep it (RFC 6797). */
const strictTransportSecurity = 'max-age=31536000'

/** Builds the service: Fastify with Latchkey in it. It does not listen. */
export async function buildApp(
  settings: Settings,
  options: {
    logger?: { level?: string; stream?: LogStream }
    plugin?: LatchkeyOptions
    /** What Node's server takes on top. */
    http?: ServerOptions
    /** Where this process is one of several workers. */
    primary?: PrimaryLink
    /** Whether the service is about to stop, and should be sent no further requests. */
    isDraining?: () => boolean
  } = {},
): Promise<FastifyInstance> {
  const createId = createRequestId()
  const files =
    settings.tlsCertFile === '' ? null : { certFile: settings.tlsCertFile, keyFile: settings.tlsKeyFile }
  const certificate = files && openCertificate(files)
  const http = { headersTimeout: requestTimeout, connectionsCheckingInterval: 1_000, ...options.http }
  const limits = { requestTimeout, connectionTimeout, keepAliveTimeout, maxRequestsPerSocket }
  const https: { serverFactory?: FastifyServerFactory } =
    certificate === null
      ? {}
      : { serverFactory: (listener) => createHttpsServer(listener, certificate, { ...limits, http }) }
  const app: FastifyInstance = Fastify({
    logger: { serializers: logSerializers, level: settings.logLevel, ...options.logger },
    logController: new LogController({ disableRequestLogging: true }), // Latchkey writes one line per request
    genReqId: createId,
    clientErrorHandler: (error, socket) => answerUnreadable(error, socket, app.log, createId()),
    frameworkErrors: (_error, request, reply) => {
      answerBadUrl(reply, request.id)
      logRequest(request, reply, 'info') // no hook runs for it
    },
    trustProxy: toTrust(settings.trustProxy),
    bodyLimit: settings.bodyLimit,
    ...limits,
    http,
    ...https,
    return503OnClosing: false, // what arrives on connections that are still open is answered
    routerOptions: { ignoreTrailingSlash: false, caseSensitive: true },
  })
  const tracing = await loadTracing(options.plugin?.tracerProvider, version)
  tracing?.traceRequests(app)
  const hangUpOnCrowd = createPipelineLimit()
  // Before CORS, which answers preflights itself.
  app.addHook('onRequest', (request, reply, done) => {
    if (hangUpOnCrowd(request, reply)) return // and nobody is there to be answered
    if (refusedForHosts(request, reply)) return
    setConstantHeaders(request, reply)
    if (certificate !== null) {
      reply.header('strict-transport-security', strictTransportSecurity)
      limitSlowBody(request, requestTimeout)
    }
    done()
  })
  if (files !== null && certificate !== null) followCertificate(app, files, certificate)
  app.addHook('onResponse', (request, reply, done) => {
    // What has come to the API has a line of its own; probes would fill the log.
    if (request.graphqlOutcome === null)
      logRequest(request, reply, healthPaths.includes(request.routeOptions.url ?? '') ? 'debug' : 'info')
    done()
  })
  if (settings.corsOrigins.length > 0) {
    const listed = new Set<unknown>(settings.corsOrigins)
    await app.register(cors, {
      // A list of the plugin's own would have it allow credentials beside an origin that is not in it.
      origin: (origin, decide) => decide(null, listed.has(origin) ? (origin as string) : false),
      credentials: settings.tokenCookie !== 'off',
      methods: ['GET', 'POST'],
      exposedHeaders,
      maxAge: 600,
    })
  }
  app.setNotFoundHandler((_request, reply) =>
    reply.code(404).send({ error: 'Not found', message: `The API is at ${settings.graphqlPath}.` }),
  )
  registerHealth(app, createIsReady(app, options.isDraining))
  const {
    host: _host,
    port: _port,
    adminHost: _adminHost,
    adminPort: _adminPort,
    shutdownDelay: _delay,
    logLevel: _level,
    trustProxy: _proxy,
    workers: _workers,
    tlsCertFile: _certFile,
    tlsKeyFile: _keyFile,
    console: hasConsole,
    ...own
  } = settings
  const manifest = hasConsole && settings.persistedQueries === 'only' ? findConsoleManifest() : null
  const host = {
    ownService: true,
    ...(options.primary ? { primary: options.primary } : {}),
    ...(manifest === null ? {} : { consoleManifest: manifest }),
  }
  await app.register(fp((service) => registerLatchkey(service, { ...own, ...options.plugin }, host)))
  if (hasConsole) registerConsole(app, { endpoint: settings.graphqlPath })
  return app
}

/** Takes up a certificate that has replaced the one in use: for new connections, while those that are there go on. */
function followCertificate(app: FastifyInstance, files: CertificateFiles, inUse: Certificate): void {
  const stopWatching = watchCertificate(files, inUse, {
    intervalMs: certificateIntervalMs,
    take(found) {
      ;(app.server as unknown as Http2SecureServer).setSecureContext(found)
      app.log.info({ validTo: endOf(found) }, 'the TLS certificate was replaced')
    },
    complain: (error) =>
      app.log.error({ err: error }, 'the new TLS certificate cannot be used: the one before it stays'),
  })
  app.addHook('onClose', async () => stopWatching())
}

/** Fastify believes nobody for a mere number of proxies, as it cannot see whether there are any: the operator says so. */
function toTrust(proxies: Settings['trustProxy']): NonNullable<FastifyServerOptions['trustProxy']> {
  return typeof proxies === 'number' ? (_address, hop) => hop < proxies : proxies
}
