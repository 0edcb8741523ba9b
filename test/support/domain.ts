import type { Test } from 'tap'
import { type Auth, type AuthOptions, createAuth } from '../../src/auth/auth.ts'
import type { Hooks } from '../../src/auth/hooks.ts'
import type { AuthEvent, RequestOrigin } from '../../src/auth/origin.ts'
import type { OutboxOptions, OutboxTrouble } from '../../src/auth/outbox.ts'
import { anonymous, type UserPrincipal } from '../../src/auth/principal.ts'
import type { IssuedToken } from '../../src/auth/sign-in.ts'
import { createThrottleStore, type ThrottleOptions } from '../../src/auth/throttle.ts'
import { migrateToLatest } from '../../src/db/migrate.ts'
import { type Database, openDatabase } from '../../src/db/open.ts'
import { LatchkeyError } from '../../src/errors.ts'
import { createLimiters } from '../../src/http/rate-limit.ts'
import { password } from './app.ts'
import { freshDatabase } from './database.ts'

export const hourMs = 3_600_000
export const dayMs = 24 * hourMs

/** The id of a token as it is stored; they come in the order of their numbers. */
export function numberedId(number: number): Buffer {
  const bytes = Buffer.alloc(16)
  bytes.writeUInt32BE(number, 12)
  return bytes
}

/** Nobody, as before a sign-in. */
export const nobody = anonymous('MISSING', '')

/** The domain on a database of its own, without Fastify and GraphQL in front. */
export interface TestDomain {
  auth: Auth
  database: Database
  clock: { now: number }
  events: AuthEvent[]
  /** What went wrong behind the requests. */
  troubles: OutboxTrouble[]
  /** How many password checks came to an end in a refusal. */
  countRefusals(): number
  /** An account with the common password. */
  createUser(username: string, email?: string): Promise<string>
  /** Signs in with the common password, unless told otherwise. */
  signIn(username: string, options?: SignInOptions): Promise<IssuedToken>
  /** Who presents this token, which must be in force. */
  userOf(token: string): Promise<UserPrincipal>
  /** Why nobody is signed in with this token. */
  reasonOf(token: string): Promise<string>
}

export interface SignInOptions {
  password?: string
  address?: string
  device?: { id?: string; name?: string; platform?: string }
  expiresIn?: string
  principal?: UserPrincipal
}

export type DomainOptions = Omit<Partial<AuthOptions>, 'token' | 'password' | 'throttle'> & {
  url?: string
  /** One that is open already. */
  database?: Database
  outbox?: Partial<OutboxOptions>
  hooks?: Hooks
  clock?: { now: number }
  token?: Partial<AuthOptions['token']>
  password?: Partial<AuthOptions['password']>
  throttle?: Partial<ThrottleOptions>
}

/** Opens the domain with the service's own defaults; `t` closes it. */
export async function openDomain(t: Test, options: DomainOptions = {}): Promise<TestDomain> {
  const database = options.database ?? openDatabase(options.url ?? (await freshDatabase(t)))
  t.teardown(() => database.close())
  await migrateToLatest(database)
  const clock = options.clock ?? { now: Date.parse('2026-11-23T09:00:00.000Z') }
  const events: AuthEvent[] = []
  const troubles: OutboxTrouble[] = []
  const throttle = { ...throttleDefaults, ...options.throttle }
  const auth = createAuth({
    database,
    clock: () => clock.now,
    limiters: await createLimiters(
      createThrottleStore({ database, clock: () => clock.now, options: throttle }),
      throttle,
    ),
    ...(options.hooks ? { hooks: options.hooks } : {}),
    report: (event) => events.push(event),
    onTrouble: (trouble) => troubles.push(trouble),
    outboxOptions: options.outbox ?? {},
    options: {
      token: { ...tokenDefaults, ...options.token },
      password: { minLength: 8, ...options.password },
      temporaryPasswordTtlMs: dayMs,
      throttle,
      auditRetentionMs: options.auditRetentionMs ?? 180 * dayMs,
      signUpOpen: options.signUpOpen ?? true,
      signUpsPerHour: options.signUpsPerHour ?? 20,
      mail: options.mail ?? { enabled: false, resetTtlMs: hourMs, verifyTtlMs: dayMs, limit: 5 },
      followUpLimitMs: 1_000,
      webhook: options.webhook ?? null,
    },
  })
  return {
    auth,
    database,
    clock,
    events,
    troubles,
    countRefusals: () => events.filter(({ event }) => event === 'authn_login_fail').length,
    async createUser(username, email) {
      const { id } = await auth.createUser({ username, email, password })
      events.length = 0 // what follows is what the test is about
      return id
    },
    signIn: (username, { address, principal, ...request } = {}) =>
      auth.tokenAuth({ password, ...request, username }, origin(address), principal ?? nobody),
    async userOf(token) {
      const principal = await auth.resolvePrincipal(token, '127.0.0.1')
      if (principal.kind !== 'user') throw new Error(`this token is refused: ${principal.reason}`)
      return principal
    },
    async reasonOf(token) {
      const principal = await auth.resolvePrincipal(token, '127.0.0.1')
      return principal.kind === 'user' ? 'none' : principal.reason
    },
  }
}

/** Where a request comes from. */
export function origin(address = '192.0.2.1'): RequestOrigin {
  return { requestId: 'test', address, network: address, userAgent: 'test' }
}

/** The code, reason and time to wait that something is refused with. */
export async function refusalOf(
  work: Promise<unknown>,
): Promise<{ code: string; reason?: string; field?: string; retryAfter?: number }> {
  try {
    await work
  } catch (error) {
    if (error instanceof LatchkeyError) return { code: error.code, ...error.details }
    throw error
  }
  throw new Error('this was not refused')
}

export const tokenDefaults: AuthOptions['token'] = {
  ttlMs: 30 * dayMs,
  idleTtlMs: 14 * dayMs,
  renew: false,
  maxTtlMs: 90 * dayMs,
  prefix: 'lk_',
  personalMaxTtlMs: 365 * dayMs,
  rotationGraceMs: 30_000,
  limit: 50,
  personalLimit: 20,
  limitPolicy: 'evict-oldest',
  retentionMs: 30 * dayMs,
  cacheSize: 100_000,
}

export const throttleDefaults: ThrottleOptions = {
  accountFree: 5,
  backoffMs: 1_000,
  backoffMaxMs: 15 * 60_000,
  addressMax: 10,
  addressWindowMs: 60_000,
  lockAfter: 100,
}
