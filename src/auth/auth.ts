import { createReadChanges } from '../db/changes.ts'
import type { ConnectionLoad } from '../db/database.ts'
import { createIsMigrated } from '../db/migrate.ts'
import type { Database } from '../db/open.ts'
import { prepareFindPredecessor } from '../db/rotation.ts'
import { prepareFindToken } from '../db/tokens.ts'
import { hasUsers } from '../db/users.ts'
import { type Accounts, createAccounts } from './accounts.ts'
import { type Administration, createAdministration } from './administration.ts'
import { type Audit, type AuditLimits, createAudit } from './audit.ts'
import { type AuditLog, createAuditLog } from './audit-log.ts'
import { type ConfirmPassword, createConfirmPassword } from './confirm-password.ts'
import { createDevices, type Devices } from './devices.ts'
import type { QueueLoad } from './fair-queue.ts'
import { createFollowAudit, type FollowAudit } from './follow-audit.ts'
import { createFollowChanges, type FollowChanges } from './follow-changes.ts'
import { createFollowUp, createNoFollowUp, type FollowEvents, type FollowUp } from './follow-up.ts'
import { createHeldTokens, type HeldTokens } from './held-tokens.ts'
import { type Hooks, noHooks } from './hooks.ts'
import { createImports, type Imports } from './imports.ts'
import { type CacheStats, createKnownTokens } from './known-tokens.ts'
import { createLeakedTokens, type LeakedTokens } from './leaked-tokens.ts'
import { createMailDelivery } from './mail-delivery.ts'
import { createMails, type MailOptions, mailKind, type SendMail } from './mails.ts'
import { createNoteLife } from './note-life.ts'
import { createOperator, type Operator } from './operator.ts'
import type { ReportEvent } from './origin.ts'
import { createOutbox, type Outbox, type OutboxOptions, type OutboxTrouble } from './outbox.ts'
import { createProvePassword } from './password-proof.ts'
import { createPasswords, type PasswordOptions } from './passwords.ts'
import { type CreatePersonalToken, createCreatePersonalToken } from './personal-tokens.ts'
import { createResolvePrincipal, type ResolvePrincipal } from './principal.ts'
import { createPrune, type Prune } from './prune.ts'
import { createRecovery, type Recovery } from './recovery.ts'
import { createRotateToken, type RotateToken } from './rotation.ts'
import { createIssueToken, createTokenAuth, type IssueToken, type TokenAuth } from './sign-in.ts'
import { createSocketTickets, type SocketTickets } from './socket-tickets.ts'
import { createFindStoredToken } from './stored-token.ts'
import { makeTemporaryPassword } from './temporary-passwords.ts'
import { createThrottle, type Limiter, type ThrottleKind, type ThrottleOptions } from './throttle.ts'
import { createEndFamily } from './token-family.ts'
import { createTokenLife, type TokenLifeOptions } from './token-life.ts'
import { createTokenUses } from './token-uses.ts'
import { createWebhooks, type WebhookOptions } from './webhooks.ts'

/** The settings of the domain; durations in milliseconds. */
export interface AuthOptions {
  token: TokenLifeOptions & {
    prefix: string
    limit: number
    limitPolicy: 'evict-oldest' | 'deny'
    personalLimit: number
    retentionMs: number
    /** How many tokens are kept in memory; 0 for a look-up each time. */
    cacheSize: number
  }
  password: PasswordOptions
  /** How long a temporary password works, in milliseconds. */
  temporaryPasswordTtlMs: number
  throttle: ThrottleOptions
  /** How long audit events are kept; 0 for keeping none. */
  auditRetentionMs: number
  signUpOpen: boolean
  /** How many accounts a network makes in an hour; 0 for any number. */
  signUpsPerHour: number
  mail: MailOptions
  /** How long an answer waits for what follows it, in milliseconds. */
  followUpLimitMs: number
  /** Null where events are posted nowhere. */
  webhook: WebhookOptions | null
}

/** How long a server that is asked for changes the first time may take to say that it tells of them. */
const listeningWaitMs = 1_000

/** What happens in memory; a cache that is off has nothing in it. */
export interface AuthStats {
  /** Whether the database tells of changes by itself, as PostgreSQL does; null where it is asked each time. */
  isListening: boolean | null
  /** Connections to a server; null where there is none. */
  connections: ConnectionLoad | null
  cache: CacheStats
  hashes: QueueLoad
}

/** Everything Latchkey does, apart from how it is asked. */
export interface Auth
  extends Devices,
    Accounts,
    Recovery,
    Operator,
    Administration,
    AuditLog,
    LeakedTokens,
    Imports,
    HeldTokens,
    SocketTickets,
    FollowAudit {
  resolvePrincipal: ResolvePrincipal
  followChanges: FollowChanges
  tokenAuth: TokenAuth
  issueToken: IssueToken
  rotateToken: RotateToken
  createPersonalToken: CreatePersonalToken
  confirmPassword: ConfirmPassword
  prune: Prune
  /** What is delivered elsewhere. */
  outbox: Outbox
  /** Whether there is any account; fails as `SERVICE_UNAVAILABLE` where the database cannot be read. */
  hasUsers(): Promise<boolean>
  /**
   * What is missing for requests to be answered as they should: migrations, or the connection on which a server tells of
   * changes. Fails as `SERVICE_UNAVAILABLE` where the database does not answer.
   */
  findUnready(): Promise<'MIGRATIONS' | 'CHANGES' | null>
  /** How the parts are that work in memory. */
  stats(): AuthStats
  /** Takes an event from beside the domain to log and audit. */
  report: ReportEvent
  /** The events that are still in memory. */
  audit: Pick<Audit, 'flush' | 'finish'>
  /** Writes the uses of tokens that are still in memory. */
  flush(): Promise<void>
  /** Resolves when what follows events, such as an application's hooks, has ended or has taken too long. */
  settled(): Promise<void>
}

const noCache: CacheStats = { hits: 0, misses: 0, entries: 0 }

/** Binds the domain to its database, clock, limiters and log. */
export function createAuth(deps: {
  database: Database
  /** Milliseconds since 1970. */
  clock: () => number
  options: AuthOptions
  limiters: Record<ThrottleKind, Limiter>
  report: ReportEvent
  /** How much is kept of many events; that of a service unless given. */
  auditLimits?: AuditLimits
  hooks?: Hooks
  /** Sends mails out of the outbox; without it, another process has to. */
  sendMail?: SendMail | undefined
  /** Whether other processes have the same database, as workers do. */
  isShared?: boolean
  /** Takes what goes wrong behind the requests to the log. */
  onTrouble?: (trouble: OutboxTrouble) => void
  outboxOptions?: Partial<OutboxOptions>
}): Auth {
  const { database, clock, options, limiters, hooks = noHooks } = deps
  const { token, throttle: throttleOptions, signUpOpen } = options
  const onTrouble = deps.onTrouble ?? (() => {})
  const outbox = createOutbox({ database, clock, onTrouble, options: deps.outboxOptions ?? {} })
  const { webhook, followUpLimitMs } = options
  const webhooks = webhook && createWebhooks({ outbox, database, clock, options: webhook, onTrouble })
  const life = createTokenLife(token)
  const audit = createAudit({
    database,
    clock,
    onLost: (count) => deps.report({ event: 'sys_audit_lost', count }),
    limits: deps.auditLimits,
  })
  const record: ReportEvent = (event) => {
    deps.report(event)
    if (options.auditRetentionMs > 0) audit.record(event)
  }
  // Webhooks first: they are stored soon, while hooks may take their time.
  const { report, bind, settled } = joinFollowers(record, [webhooks, hooks.follow], followUpLimitMs)
  const mails = createMails({ outbox, clock, options: options.mail })
  const { sendMail: send } = deps
  if (send && mails.enabled) {
    const delivery = createMailDelivery({ database, clock, options: options.mail, mails, send, report })
    outbox.handle(mailKind, delivery)
  }
  const uses = createTokenUses(database)
  const passwords = createPasswords(options.password)
  const throttle = createThrottle({ database, clock, limiters, isShared: deps.isShared ?? false })
  const provePassword = createProvePassword({
    database,
    clock,
    passwords,
    throttle,
    report,
    lockAfter: throttleOptions.lockAfter,
  })
  const issueToken = createIssueToken({
    clock,
    life,
    uses,
    tokenPrefix: token.prefix,
    tokenLimit: token.limit,
    tokenLimitPolicy: token.limitPolicy,
    personalTokenLimit: token.personalLimit,
  })
  const findToken = prepareFindToken(database)
  const findPredecessor = prepareFindPredecessor(database)
  const findStoredToken = createFindStoredToken({ findToken, findPredecessor })
  const endFamily = createEndFamily({ database, clock, report })
  const readChanges = token.cacheSize > 0 ? createReadChanges(database) : null
  const knownTokens = readChanges && createKnownTokens(readChanges, token.cacheSize, database.feed?.isCurrent)
  const isMigrated = createIsMigrated(database)
  const noteLife = createNoteLife(report)
  const followChanges = createFollowChanges(database)
  const makeTemporary = () => makeTemporaryPassword(clock(), options.temporaryPasswordTtlMs)
  const accounts = createAccounts({
    database,
    clock,
    passwords,
    throttle,
    provePassword,
    report,
    hooks,
    mails,
    signUpOpen,
    signUpsPerHour: options.signUpsPerHour,
  })
  return {
    ...bind(createDevices({ database, clock, life, uses, report })),
    ...bind(accounts),
    ...bind(createAdministration({ database, accounts, makeTemporary })),
    ...bind(createRecovery({ database, clock, passwords, throttle, mails, report, hooks })),
    ...bind(
      createOperator({
        database,
        clock,
        life,
        issueToken,
        findStoredToken,
        report,
      }),
    ),
    ...bind({
      tokenAuth: createTokenAuth({ provePassword, passwords, issueToken, clock, life, report, hooks, mails }),
    }),
    ...bind({
      rotateToken: createRotateToken({
        database,
        clock,
        life,
        uses,
        tokenPrefix: token.prefix,
        endFamily,
        report,
      }),
      createPersonalToken: createCreatePersonalToken({ database, issueToken, report }),
      confirmPassword: createConfirmPassword({ provePassword, clock, report }),
    }),
    ...bind(createLeakedTokens({ database, clock, throttle, findStoredToken, report, mails })),
    ...createAuditLog({ database }),
    ...createImports({ database, clock, life, tokenLimit: token.limit, report }),
    resolvePrincipal: createResolvePrincipal({
      findToken,
      findPredecessor,
      endFamily,
      knownTokens,
      clock,
      life,
      uses,
      noteLife,
    }),
    ...createHeldTokens({ findToken, findPredecessor, knownTokens, clock, life, uses, noteLife }),
    ...createSocketTickets({ database, clock }),
    followChanges,
    ...createFollowAudit({ database, clock, followChanges }),
    issueToken,
    prune: createPrune({
      database,
      clock,
      life,
      uses,
      retentionMs: token.retentionMs,
      auditRetentionMs: options.auditRetentionMs,
    }),
    outbox,
    hasUsers: () => database.run(hasUsers),
    async findUnready() {
      await database.run(hasUsers)
      if (!(await isMigrated())) return 'MIGRATIONS'
      if (knownTokens === null) return null // each token is looked up anyway
      const isListening = database.feed === null || (await database.feed.isUp(listeningWaitMs))
      return isListening ? null : 'CHANGES'
    },
    stats: () => ({
      isListening: database.feed?.isCurrent() ?? null,
      connections: database.connections(),
      cache: knownTokens?.stats() ?? noCache,
      hashes: passwords.load(),
    }),
    report,
    audit,
    flush: uses.flush,
    settled,
  }
}

/** The report of events with what follows them, as far as there is anything. */
function joinFollowers(report: ReportEvent, all: (FollowEvents | null)[], limitMs: number): FollowUp {
  const followers = all.filter((follow) => follow !== null)
  if (followers.length === 0) return createNoFollowUp(report)
  return createFollowUp({ report, followers, limitMs })
}
