import type { AuthOptions } from './auth/auth.ts'
import type { Settings } from './config.ts'
import type { ServerOptions } from './db/database.ts'

/** Nothing is waited for longer than this, which timers could not. */
const hourMs = 3_600_000

/** The settings as the domain takes them. */
export function toAuthOptions(settings: Settings): AuthOptions {
  return {
    token: {
      ttlMs: settings.tokenTtl,
      idleTtlMs: settings.tokenIdleTtl,
      renew: settings.tokenRenew,
      maxTtlMs: settings.tokenMaxTtl,
      personalMaxTtlMs: settings.personalTokenMaxTtl,
      rotationGraceMs: settings.tokenRotationGrace,
      prefix: settings.tokenPrefix,
      limit: settings.tokenLimit,
      limitPolicy: settings.tokenLimitPolicy,
      personalLimit: settings.personalTokenLimit,
      retentionMs: settings.tokenRetention,
      cacheSize: settings.tokenCache,
    },
    password: {
      minLength: settings.passwordMinLength,
      queueLimit: settings.passwordHashQueue,
      patienceMs: settings.queryTimeout / 2, // what is answered as too late must not sign anybody in afterwards
      ...(settings.passwordHashConcurrency > 0 ? { concurrency: settings.passwordHashConcurrency } : {}),
    },
    temporaryPasswordTtlMs: settings.passwordTemporaryTtl,
    throttle: {
      accountFree: settings.rateLimitAccountFailures,
      backoffMs: settings.rateLimitBackoff,
      backoffMaxMs: settings.rateLimitBackoffMax,
      addressMax: settings.rateLimitAddressFailures,
      addressWindowMs: 60_000,
      lockAfter: settings.rateLimitLockAfter,
    },
    auditRetentionMs: Number.isFinite(settings.auditRetention) ? settings.auditRetention : 0,
    signUpOpen: settings.signUp === 'open',
    signUpsPerHour: settings.rateLimitSignUps,
    mail: {
      enabled: settings.smtpUrl !== 'off',
      resetTtlMs: settings.mailResetTtl,
      verifyTtlMs: settings.mailVerifyTtl,
      limit: settings.mailLimit,
    },
    followUpLimitMs: hookLimitMs(settings),
    webhook:
      settings.webhookUrl === ''
        ? null
        : {
            url: settings.webhookUrl,
            secrets: settings.webhookSecret,
            events: settings.webhookEvents,
            timeoutMs: 10_000,
          },
  }
}

/** How long one hook may hold up an answer: half of an operation's time is for its password, and three hooks may be on its way. */
export function hookLimitMs({ queryTimeout }: Settings): number {
  return queryTimeout / 6
}

/** The settings of a database server. */
export function toServerOptions(settings: Settings): ServerOptions {
  return {
    poolSize: settings.databasePoolSize,
    timeoutMs: Math.min(settings.databaseTimeout, hourMs),
    changes: settings.databaseChanges,
    replicaUrl: settings.databaseReplicaUrl,
  }
}
