import type { TracerProvider } from '@opentelemetry/api'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { findHookProblems, type LatchkeyHooks } from './auth/hooks.ts'
import { type PluginSettings, readOptions, type Settings } from './config.ts'
import { isKyselyOnSqlite } from './db/open.ts'
import type { ApplicationKysely } from './db/tables.ts'
import type { ApplicationSchema } from './graphql/register.ts'
import { findWriterProblems, type MailWriters } from './mail/writers.ts'
import type { MetricRegistry } from './metrics/metrics.ts'

/** What the plugin takes; every setting of the service is an option as well (`TOKEN_TTL` is `tokenTtl`). */
export interface LatchkeyOptions extends PluginSettings, ApplicationSchema {
  /** The application's own Kysely instance (SQLite), which it closes itself; without one, `databaseUrl` is opened. */
  database?: ApplicationKysely
  /** Adds to the context of each operation; what Latchkey puts there stays. */
  context?: (request: FastifyRequest, reply: FastifyReply) => object | Promise<object>
  /** Functions of the application's that Latchkey calls before and after what it does. */
  hooks?: LatchkeyHooks
  /** Functions of the application's that write mails, in the place of the built-in texts and of `mailTemplates`. */
  mails?: MailWriters
  /** A registry of prom-client that Latchkey's metrics are added to. */
  metrics?: MetricRegistry
  /** A provider of OpenTelemetry's that gets spans of operations, fields and statements of SQL. */
  tracerProvider?: TracerProvider
  /** Whether the defaults of production hold: no GraphiQL, no introspection, HTTPS asked for. On unless switched off. */
  production?: boolean
  /** The clock, in milliseconds since 1970. For tests. */
  clock?: () => number
}

/** What the options that are no settings have to be. */
const ownOptions: Record<Exclude<keyof LatchkeyOptions, keyof PluginSettings>, [string, Accepts]> = {
  database: ['a Kysely instance on SQLite', isKyselyOnSqlite],
  context: ['a function', isFunction],
  hooks: ['an object', isObject],
  mails: ['an object', isObject],
  metrics: [
    'a registry of prom-client',
    (value) => isFunction((value as MetricRegistry | null)?.registerMetric),
  ],
  tracerProvider: [
    'a TracerProvider of OpenTelemetry',
    (value) => isFunction((value as TracerProvider | null)?.getTracer),
  ],
  production: ['true or false', (value) => typeof value === 'boolean'],
  clock: ['a function', isFunction],
  schema: ['SDL, or a list of SDL', (value) => [value].flat().every((sdl) => typeof sdl === 'string')],
  resolvers: ['an object', isObject],
  loaders: ['an object', isObject],
}

type Accepts = (value: unknown) => boolean

/** Throws one `ConfigError` with all that is wrong with the options. */
export function readPluginOptions(options: LatchkeyOptions): Settings {
  const problems: string[] = []
  const input: Record<string, unknown> = {}
  for (const [name, value] of Object.entries(options)) {
    const own = Object.hasOwn(ownOptions, name) ? ownOptions[name as keyof typeof ownOptions] : undefined
    if (own === undefined) input[name] = value
    else if (value !== undefined && !own[1](value)) problems.push(`${name} must be ${own[0]}.`)
  }
  if (isObject(options.hooks)) problems.push(...findHookProblems(options.hooks as object))
  if (isObject(options.mails)) problems.push(...findWriterProblems(options.mails as object))
  if (options.database !== undefined && options.databaseUrl !== undefined)
    problems.push('database and databaseUrl are two databases; keep one.')
  return readOptions(input, options.production ?? true, problems)
}

function isFunction(value: unknown): boolean {
  return typeof value === 'function'
}

function isObject(value: unknown): boolean {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
