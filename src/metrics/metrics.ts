import { Counter, Gauge } from 'prom-client'
import type { AuthStats } from '../auth/auth.ts'
import type { AuthEvent } from '../auth/origin.ts'
import type { OutboxDepth } from '../auth/outbox.ts'
import type { AnonymousReason, Principal } from '../auth/principal.ts'
import { statusOfCode } from '../errors.ts'
import { createDurations } from './durations.ts'
import { countRequest, createOperationSeries, type NamedOperation } from './series.ts'

/** Where metrics go: a registry of prom-client, of whichever copy. */
export interface MetricRegistry {
  // Each version of prom-client has a type of its own for what it takes.
  registerMetric(metric: never): void
}

/** What Latchkey counts. Nothing of it makes a request wait, or an object for it. */
export interface Metrics {
  /** Counts a request of the API, answered. */
  countRequest(
    operation: NamedOperation | null,
    refusal: { code: string; reason: string | null } | null,
    principal: Principal,
    durationMs: number,
  ): void
  countEvent(event: AuthEvent): void
  /** What a prune has deleted, and in how long; null where it failed. */
  countPrune(
    deleted: { tokens: number; counters: number; auditEvents: number } | null,
    durationMs: number,
  ): void
  /** Adds a gauge of another part, which is read when somebody asks. */
  watch(name: string, help: string, read: () => number): void
}

/** What metrics are read from at the moment that somebody asks. */
export interface MetricSources {
  stats(): AuthStats
  /** What waits to be delivered; rejects where the database cannot be asked. */
  outboxDepth(): Promise<readonly OutboxDepth[]>
}

const signInOutcomes = {
  authn_login_success: 'success',
  authn_login_successafterfail: 'success',
  authn_login_fail: 'failure',
  authn_login_fail_max: 'throttled',
} as const

/** Registers Latchkey's metrics. `operations` are the names that have a series of their own, or how many may have one. */
export function createMetrics(
  registry: MetricRegistry,
  sources: MetricSources,
  operations: number | readonly string[],
): Metrics {
  const series = createOperationSeries(operations)
  const principals: Record<AnonymousReason | 'USER', number> = {
    USER: 0,
    MISSING: 0,
    MALFORMED: 0,
    INVALID: 0,
    EXPIRED: 0,
    REVOKED: 0,
    INACTIVE: 0,
  }
  const throttled = { CREDENTIALS: 0, REQUESTS: 0, BUSY: 0, OVERLOADED: 0 }
  const signIns = { success: 0, failure: 0, throttled: 0 }
  const events = new Map<string, number>()
  const pruned = { tokens: 0, counters: 0, auditEvents: 0 }
  const prune = { completed: 0, failed: 0, lastSeconds: 0, lastAt: 0 }

  function register(metric: object): void {
    registry.registerMetric(metric as never)
  }

  /** A counter that is kept elsewhere, and only read here: each of its values with its label. */
  function counter(name: string, help: string, label: string, read: () => Iterable<[string, number]>): void {
    register(
      new Counter({
        name,
        help,
        labelNames: [label],
        registers: [],
        collect() {
          this.reset()
          for (const [value, count] of read()) this.inc({ [label]: value }, count)
        },
      }),
    )
  }

  function gauge(name: string, help: string, read: () => number, aggregator: 'sum' | 'max' = 'sum'): void {
    register(
      new Gauge({
        name,
        help,
        registers: [],
        aggregator,
        collect() {
          this.set(read())
        },
      }),
    )
  }

  register(
    new Counter({
      name: 'latchkey_requests_total',
      help: 'Requests of the API, by operation and by the code of the error that counts most, or OK.',
      labelNames: ['operation', 'outcome'],
      registers: [],
      collect() {
        this.reset()
        for (const [operation, { answered, refused }] of series.all) {
          this.inc({ operation, outcome: 'OK' }, answered)
          for (const [outcome, count] of refused) this.inc({ operation, outcome }, count)
        }
      },
    }),
  )
  register(createDurations(series.all))
  counter(
    'latchkey_principals_total',
    'Who made the requests: USER, or the reason why there was none.',
    'reason',
    () => Object.entries(principals),
  )
  counter(
    'latchkey_throttled_total',
    'Requests that were refused because there were too many.',
    'reason',
    () => Object.entries(throttled),
  )
  counter(
    'latchkey_sign_ins_total',
    'Passwords that were submitted to sign in, or to be confirmed, by what came of it.',
    'outcome',
    () => Object.entries(signIns),
  )
  counter('latchkey_events_total', 'Events of the security log.', 'event', () => events)

  const { stats } = sources
  if (stats().isListening !== null) {
    gauge(
      'latchkey_change_listeners',
      'Processes that hear of what others change; those that do not look each token up.',
      () => Number(stats().isListening),
    )
  }
  if (stats().connections !== null) {
    register(
      new Gauge({
        name: 'latchkey_database_connections',
        help: 'Connections to the database: busy, idle, and how many statements are waiting for one.',
        labelNames: ['state'],
        registers: [],
        aggregator: 'sum',
        collect() {
          // Whoever has had connections has them still.
          const load = stats().connections as NonNullable<AuthStats['connections']>
          for (const [state, count] of Object.entries(load)) this.set({ state }, count)
        },
      }),
    )
  }
  gauge('latchkey_token_cache_entries', 'Tokens that are kept in memory.', () => stats().cache.entries)
  counter(
    'latchkey_token_cache_lookups_total',
    'Tokens that were looked for in memory, by whether they were there.',
    'result',
    () => [
      ['hit', stats().cache.hits],
      ['miss', stats().cache.misses],
    ],
  )
  gauge('latchkey_password_hashes_running', 'Passwords that are hashed now.', () => stats().hashes.running)
  gauge('latchkey_password_hashes_waiting', 'Passwords that wait to be hashed.', () => stats().hashes.waiting)

  register(createOutboxGauge(sources.outboxDepth))
  counter('latchkey_pruned_total', 'What was deleted because it had ended long ago.', 'what', () => [
    ['tokens', pruned.tokens],
    ['counters', pruned.counters],
    ['audit_events', pruned.auditEvents],
  ])
  counter(
    'latchkey_prunes_total',
    'Rounds of deleting what has ended, by whether they came to their end.',
    'result',
    () => [
      ['completed', prune.completed],
      ['failed', prune.failed],
    ],
  )
  gauge(
    'latchkey_prune_last_duration_seconds',
    'How long the last prune took.',
    () => prune.lastSeconds,
    'max',
  )
  gauge(
    'latchkey_prune_last_completed_timestamp_seconds',
    'When the last prune came to its end, in seconds since 1970; 0 for not yet.',
    () => prune.lastAt,
    'max',
  )

  return {
    countRequest(operation, refusal, principal, durationMs) {
      const isUser = principal.kind === 'user'
      principals[isUser ? 'USER' : principal.reason]++
      const code = refusal === null ? null : labelOfCode(refusal.code)
      countRequest(series.find(operation, isUser && refusal === null), code, durationMs / 1000)
      if (
        refusal !== null &&
        isThrottling(refusal.code) &&
        Object.hasOwn(throttled, String(refusal.reason))
      ) {
        throttled[refusal.reason as keyof typeof throttled]++
      }
    },
    countEvent({ event }) {
      events.set(event, (events.get(event) ?? 0) + 1)
      const outcome = signInOutcomes[event as keyof typeof signInOutcomes]
      if (outcome !== undefined) signIns[outcome]++
    },
    countPrune(deleted, durationMs) {
      prune.lastSeconds = durationMs / 1000
      if (deleted === null) {
        prune.failed++
        return
      }
      prune.completed++
      prune.lastAt = Date.now() / 1000
      for (const what of ['tokens', 'counters', 'auditEvents'] as const) pruned[what] += deleted[what]
    },
    watch: gauge,
  }
}

function isThrottling(code: string): boolean {
  return code === 'RATE_LIMITED' || code === 'SERVICE_UNAVAILABLE'
}

/** Codes of an application's own are no labels: it may have any number of them. */
function labelOfCode(code: string): string {
  return Object.hasOwn(statusOfCode, code) ? code : 'OTHER'
}

/** All processes see the same outbox, so that the most that one of them saw is right. */
function createOutboxGauge(readDepth: MetricSources['outboxDepth']): Gauge<'kind'> {
  return new Gauge({
    name: 'latchkey_outbox_messages',
    help: 'Messages that wait to be delivered.',
    labelNames: ['kind'],
    registers: [],
    aggregator: 'max',
    async collect() {
      this.reset()
      for (const { kind, count } of await readDepth()) this.set({ kind }, count)
    },
  })
}
