import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import fp from 'fastify-plugin'
import { type Auth, createAuth } from './auth/auth.ts'
import { createHooks, type LatchkeyHooks } from './auth/hooks.ts'
import type { AuthEvent } from './auth/origin.ts'
import type { OutboxDepth, OutboxTrouble } from './auth/outbox.ts'
import { createThrottleStore } from './auth/throttle.ts'
import { hookLimitMs, toAuthOptions, toServerOptions } from './auth-options.ts'
import { runInBackground } from './background.ts'
import { createClock } from './clock.ts'
import type { Settings } from './config.ts'
import { migrateToLatest } from './db/migrate.ts'
import { adoptKysely, type Database, findWeakSettings, openDatabase } from './db/open.ts'
import { createContext, type LatchkeyContext } from './graphql/context.ts'
import { createRequireUser, type RequireUser } from './graphql/guard.ts'
import { preparePersisted } from './graphql/persisted-queries.ts'
import { registerGraphQL } from './graphql/register.ts'
import { acceptWebSockets } from './http/accept-websockets.ts'
import { createAuthenticate, decoratePrincipal, originOf, type PreHandler } from './http/authenticate.ts'
import { createReadCredentials, missing } from './http/authorization.ts'
import { createDeadlines } from './http/deadlines.ts'
import { registerGraphiql } from './http/graphiql.ts'
import { registerGraphQLRoute } from './http/graphql-route.ts'
import type { AskForLease } from './http/leased-counter.ts'
import { watchOverload } from './http/overload.ts'
import { createLimiters, createRequestCounters } from './http/rate-limit.ts'
import { joinRefusals } from './http/refusal-headers.ts'
import { onceAMinute } from './http/refusals.ts'
import { createRequestId } from './http/request-id.ts'
import { createReadUpgrade } from './http/socket-credentials.ts'
import { createSockets } from './http/sockets.ts'
import { createTokenCookies } from './http/token-cookie.ts'
import { createSendMail } from './mail/send.ts'
import type { MailWriters } from './mail/writers.ts'
import type { MetricRegistry, Metrics } from './metrics/metrics.ts'
import { type LatchkeyOptions, readPluginOptions } from './plugin-options.ts'
import { type ContextOf, createRunner } from './runner.ts'
import { shareLimits } from './share-limits.ts'
import { loadTracing } from './tracing/load.ts'
import { requireNode, version } from './version.ts'

/** What the plugin adds to the application as `app.latchkey`. */
export interface Latchkey {
  /** Latchkey's use cases. */
  auth: Auth
  /**
   * Resolves the token header into `request.principal`; for routes of the application's own. Where HTTPS is asked for,
   * it refuses a token over plain HTTP.
   */
  preHandler: PreHandler
  /**
   * The user of a request that went through `preHandler`; or throws what `@auth` refuses with, where there is none, or where
   * the role, a scope or a fresh proof of the password is missing.
   */
  requireUser: RequireUser
  /** The context that resolvers get, for a request that went through `preHandler`; with its reply, cookies can be set. */
  createContext(request: FastifyRequest, reply?: FastifyReply): LatchkeyContext
  /** What is counted, where the application has given a registry; null where nobody counts. */
  metrics: Metrics | null
  /** Sends the clients of all WebSockets elsewhere, as closing the application does, and resolves when they are gone. */
  endSockets(): Promise<void>
}

declare module 'fastify' {
  interface FastifyInstance {
    latchkey: Latchkey
  }
}

/** Said where nobody has decided it: it is the default of production. */
const mailIsOff =
  'Latchkey sends no mail: who forgets a password needs an administrator, and an address changes without being verified; smtpUrl says how to send, or that none is wanted (off)'

const replicaIsSilent = 'the replica of the database does not answer; lists come from the primary'

/** Registers Latchkey in a Fastify application: the database, the `preHandler`, the API and GraphiQL. */
export const latchkey = fp(
  async (app: FastifyInstance, options: LatchkeyOptions) => registerLatchkey(app, options, {}),
  {
    fastify: '5.x',
    name: 'latchkey',
  },
)

/** What the service around the plugin has seen to already. */
export interface Host {
  /** Whether it is Latchkey's own, see `GraphQLRouteOptions`. */
  ownService?: boolean
  /** The file of the operations of its account console, which run where known ones alone do. */
  consoleManifest?: string
  /** What ties it to others, where it is one of several workers. */
  primary?: PrimaryLink
}

/** What a worker has of the process that started it. */
export interface PrimaryLink {
  /** Asks for a part of the limits, which all workers share. */
  askForLease: AskForLease
  /** Whether this worker deletes for all what ended long ago. */
  prunes: boolean
}

/** The plugin as the service registers it. */
export async function registerLatchkey(
  app: FastifyInstance,
  options: LatchkeyOptions,
  { ownService = false, consoleManifest = '', primary }: Host,
): Promise<void> {
  requireNode()
  refuseSecondRegistration(app)
  const settings = readPluginOptions(options)
  const clock =
    options.clock ??
    createClock((aheadMs) => {
      const sentence =
        'the clock of this machine was set back: until the next start, Latchkey goes on as if it had not been'
      app.log.warn({ aheadMs: Math.round(aheadMs) }, sentence)
    })
  const tracing = await loadTracing(options.tracerProvider, version)
  const onReplicaFault = (error: unknown): void => app.log.warn({ err: error }, replicaIsSilent)
  const database = options.database
    ? adoptKysely(options.database, tracing?.noteQuery)
    : openDatabase(settings.databaseUrl, { ...toServerOptions(settings), onReplicaFault }, tracing?.noteQuery)
  app.addHook('onClose', () => database.close())
  if (options.database || database.isServer)
    for (const advice of await findWeakSettings(database)) app.log.warn(advice)
  await migrateToLatest(database)
  if (options.smtpUrl === undefined && settings.smtpUrl === 'off') app.log.warn(mailIsOff)

  let metrics: Metrics | null = null
  const auth = await createDomain(app, database, settings, clock, {
    hooks: options.hooks,
    mails: options.mails,
    isShared: primary !== undefined || database.isServer,
    countEvent: (event) => metrics?.countEvent(event),
  })
  if (options.metrics) metrics = await addMetrics(app, options.metrics, auth, settings)
  const { tokenCookie, tokenHeader: header, corsOrigins: origins } = settings
  const cookies =
    tokenCookie === 'off' ? null : createTokenCookies({ name: tokenCookie, header, origins, clock })
  const authentication = {
    readCredentials: createReadCredentials({ header: settings.tokenHeader, schemes: settings.tokenSchemes }),
    resolvePrincipal: auth.resolvePrincipal,
    cookies,
  }
  const preHandler = createAuthenticate({ ...authentication, requireHttps: settings.requireHttps })
  const contextOf: ContextOf = (request, reply, readToken) =>
    createContext(
      auth,
      request.principal,
      originOf(request),
      readToken ??
        (() => {
          const inHeader = authentication.readCredentials(request.raw)
          const credentials = inHeader === missing ? cookies?.read(request) : inHeader
          return typeof credentials === 'string' ? credentials : null
        }),
      () => (reply === undefined ? null : (cookies?.of(request, reply) ?? null)),
    )
  decoratePrincipal(app)
  const report = onceAMinute(auth.report)
  joinRefusals(app, settings.tokenSchemes[0] as string, report)
  app.decorate('latchkey', {
    auth,
    preHandler,
    requireUser: createRequireUser(() => app.graphql.schema, clock),
    createContext: (request, reply) => contextOf(request, reply),
    metrics,
    endSockets: () => sockets.close(),
  })

  const executor = await registerGraphQL(app, {
    ...options,
    serverInfo: {
      name: 'latchkey',
      version,
      signUp: settings.signUp === 'open' ? 'OPEN' : 'CLOSED',
      tokenScheme: settings.tokenSchemes[0] as string, // at least one: `config.ts` sees to it
      tokenHeader: settings.tokenHeader,
      tokenCookie: cookies !== null,
      mail: settings.smtpUrl !== 'off',
      passwordMinLength: settings.passwordMinLength,
    },
    limits: {
      tokens: settings.queryTokens,
      depth: settings.queryDepth,
      aliases: settings.queryAliases,
      directives: settings.queryDirectives,
      rootFields: settings.queryRootFields,
      fields: settings.queryFields,
      nodes: settings.queryNodes,
    },
    introspection: settings.introspection,
    clock,
    jit: settings.queryJit,
    traceResolver: tracing?.traceResolver ?? null,
  })
  const { countRequest, countBadToken, countMessage } = createRequestCounters(
    {
      max: settings.rateLimitRequests,
      windowMs: settings.rateLimitWindow,
      badTokens: settings.rateLimitBadTokens,
    },
    (await shareLimits(app, settings, database)) ?? primary?.askForLease,
  )
  const overload = watchOverload(settings.overloadDelay)
  app.addHook('onClose', async () => overload.stop())
  const prepare = preparePersisted(executor.prepare, {
    mode: settings.persistedQueries,
    manifestFiles: [settings.persistedQueriesManifest, consoleManifest].filter((file) => file !== ''),
    max: settings.persistedQueriesLimit,
    maxCharacters: settings.persistedQueriesSize,
    warn: (id, errors) => app.log.warn({ id, errors }, 'an operation of the manifest cannot run'),
  })
  const plainRunner = createRunner(executor, prepare, contextOf, options.context)
  const runner = tracing?.traceRunner(plainRunner) ?? plainRunner
  const deadlines = createDeadlines(settings.queryTimeout)
  const sockets = createSockets({
    origins: settings.corsOrigins,
    perUser: settings.socketLimitUser,
    perAddress: settings.socketLimitAddress,
    messageBytes: settings.bodyLimit,
    bufferBytes: settings.socketBuffer,
    pingIntervalMs: settings.socketPingInterval,
    idleTimeoutMs: settings.socketIdleTimeout,
    header: settings.tokenHeader,
    readCredentials: authentication.readCredentials,
    readUpgrade: createReadUpgrade(authentication.readCredentials, cookies),
    auth,
    countBadToken,
    countMessage,
    operations: {
      runner,
      countRequest,
      deadlines,
      report,
      isOverloaded: overload.isOverloaded,
      observe: metrics?.countRequest ?? null,
      createId: createRequestId(),
      limit: settings.socketOperations,
    },
    clock,
    log: app.log,
  })
  metrics?.watch('latchkey_sockets', 'WebSockets that are open.', sockets.count)
  app.addHook('preClose', sockets.close) // before the one of @fastify/websocket, which gives no reason
  await acceptWebSockets(app, settings.bodyLimit)
  app.addHook('onClose', async () => deadlines.close())
  registerGraphQLRoute(app, {
    path: settings.graphqlPath,
    bodyLimit: settings.bodyLimit,
    deadlines,
    scheme: settings.tokenSchemes[0] as string,
    strictTokens: settings.staleTokens === 'strict',
    isInCookie: (request) => cookies?.read(request) !== undefined,
    requireHttps: settings.requireHttps,
    isOverloaded: overload.isOverloaded,
    // The route refuses all of plain HTTP, before it reads a body.
    authenticate: createAuthenticate({ ...authentication, requireHttps: false }),
    runner,
    sockets,
    countRequest,
    countBadToken,
    report,
    observe: metrics?.countRequest ?? null,
    ownService,
  })
  if (settings.graphiql) registerGraphiql(app, { path: '/graphiql', endpoint: settings.graphqlPath })
  runInBackground(app, auth, settings, primary?.prunes ?? true, metrics)
}

function refuseSecondRegistration(app: FastifyInstance): void {
  if (app.hasDecorator('latchkey'))
    throw new Error(
      'Latchkey is registered already. Register it once, with the SDL and resolvers of all parts of the application.',
    )
  if (app.hasDecorator('graphql'))
    throw new Error(
      'Mercurius is registered already. Leave it out: Latchkey brings its own and takes your schema, resolvers and loaders as options.',
    )
}

async function createDomain(
  app: FastifyInstance,
  database: Database,
  settings: Settings,
  clock: () => number,
  host: {
    hooks: LatchkeyHooks | undefined
    mails: MailWriters | undefined
    isShared: boolean
    countEvent: (event: AuthEvent) => void
  },
): Promise<Auth> {
  const options = toAuthOptions(settings)
  const Store = createThrottleStore({ database, clock, options: options.throttle })
  return createAuth({
    database,
    clock,
    options,
    limiters: await createLimiters(Store, options.throttle),
    report(event) {
      reportEvent(app, event)
      host.countEvent(event)
    },
    hooks: createHooks({
      hooks: host.hooks ?? {},
      limitMs: hookLimitMs(settings),
      onFault: (error, hook) => app.log.error({ err: error, hook }, 'a hook failed'),
    }),
    sendMail: createSendMail(
      settings,
      (mail) => app.log.info({ mail }, 'a mail, which goes to the log alone'),
      host.mails,
    ),
    isShared: host.isShared,
    onTrouble: (trouble) => logTrouble(app, trouble),
  })
}

/** Latchkey's metrics in a registry. What counts is loaded only where somebody asks for it. */
async function addMetrics(
  app: FastifyInstance,
  registry: MetricRegistry,
  auth: Auth,
  settings: Settings,
): Promise<Metrics> {
  const { createMetrics } = await import('./metrics/metrics.ts')
  const outboxDepth = (): Promise<OutboxDepth[]> =>
    auth.outbox.depth().catch((error) => {
      app.log.error({ err: error }, 'the outbox could not be counted')
      return []
    })
  return createMetrics(registry, { stats: auth.stats, outboxDepth }, settings.metricsOperations)
}

/** Somebody has what they should not, or what is stored is broken. */
const alarms = new Set(['sys_password_digest_unreadable', 'authn_token_reuse', 'sys_audit_lost'])

const warnings = new Set([
  'authn_login_fail',
  'authn_login_fail_max',
  'authn_login_lock',
  'authn_password_change_fail',
  'authz_fail',
  'excess_rate_limit_exceeded',
])

function reportEvent(app: FastifyInstance, event: AuthEvent): void {
  const level = alarms.has(event.event) ? 'error' : warnings.has(event.event) ? 'warn' : 'info'
  const { requestId, ...rest } = event
  app.log[level](requestId === undefined ? rest : { reqId: requestId, ...rest }, event.event)
}

function logTrouble(app: FastifyInstance, { error, delivery }: OutboxTrouble): void {
  if (delivery === undefined) app.log.error({ err: error }, 'the outbox could not be read or written')
  else if (delivery.givenUp) app.log.error({ err: error, ...delivery }, 'a message was given up')
  else app.log.warn({ err: error, ...delivery }, 'a message could not be delivered yet')
}
