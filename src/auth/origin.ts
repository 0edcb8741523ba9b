/** Where a request comes from, for throttles, events and the list of devices. */
export interface RequestOrigin {
  readonly requestId: string
  /** The client's address, of the socket or as a trusted proxy says. */
  readonly address: string
  /** The address as limits count it: all of an IPv6 /64 is one. */
  readonly network: string
  readonly userAgent: string | null
}

/** Finds out where a request comes from, for most never need to know. */
export type FindOrigin = () => RequestOrigin

/**
 * What happened, in the words of OWASP's logging vocabulary as far as it has them. A sign-in names the token it issued;
 * `authn_token_created` is one without a sign-in.
 */
export const authEventNames = [
  'authn_login_success',
  'authn_login_successafterfail',
  'authn_login_fail',
  'authn_login_fail_max',
  'authn_login_lock',
  'authn_password_change',
  'authn_password_confirmed',
  'authn_password_change_fail',
  'authn_token_created',
  'authn_token_revoked',
  'authn_token_rotated',
  'authn_token_reuse',
  'authz_fail',
  'authn_token_expired',
  'authn_token_renewed',
  'authn_password_reset_requested',
  'authn_password_reset',
  'authn_password_reset_fail',
  'email_verification_requested',
  'email_verified',
  'email_change_requested',
  'email_changed',
  'mail_sent',
  'mail_failed',
  'user_created',
  'users_imported',
  'tokens_imported',
  'user_updated',
  'user_disabled',
  'user_enabled',
  'user_role_changed',
  'user_deleted',
  'token_reported',
  'excess_rate_limit_exceeded',
  'sys_password_digest_unreadable',
  'sys_audit_lost',
] as const

/** The name of an event. */
export type AuthEventName = (typeof authEventNames)[number]

/** One event of the security log. It never carries a password, a token or what was typed as a name. */
export interface AuthEvent extends Partial<RequestOrigin> {
  readonly event: AuthEventName
  readonly userId?: string
  readonly tokenId?: string
  readonly count?: number
  /** The administrator who did it, where it is not the user. */
  readonly actorId?: string
  /** A short word that says more, never anything that was sent. */
  readonly detail?: string
}

/** Who does something to an account: an administrator with their request, or the operator, of whom nothing is said. */
export interface Actor extends Partial<RequestOrigin> {
  readonly actorId?: string
}

/** Takes events to the log. It must not throw. */
export type ReportEvent = (event: AuthEvent) => void

/** Reports the end of each of these tokens of a user. */
export function reportEnds(
  report: ReportEvent,
  userId: string,
  tokenIds: readonly string[],
  origin: Actor = {},
): void {
  for (const tokenId of tokenIds) report({ ...origin, event: 'authn_token_revoked', userId, tokenId })
}
