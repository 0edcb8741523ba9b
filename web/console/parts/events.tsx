import type { ReactNode } from 'react'
import type { EventLineFragment } from '../api/operations.ts'
import { parseUserAgent } from '../auth/device.ts'
import { ago, momentOf } from './time.ts'

/** What the records of the audit mean, by their event. */
export const eventWords: Record<string, string> = {
  authn_login_success: 'Signed in',
  authn_login_successafterfail: 'Signed in after failed attempts',
  authn_login_fail: 'Sign-in failed',
  authn_login_fail_max: 'Sign-in refused after too many attempts',
  authn_login_lock: 'Password locked after too many attempts',
  authn_password_change: 'Password changed',
  authn_password_change_fail: 'Change of password refused',
  authn_password_confirmed: 'Password confirmed',
  authn_password_reset_requested: 'New password asked for by mail',
  authn_password_reset: 'Password set by a link',
  authn_password_reset_fail: 'Link to a new password did not work',
  authn_token_created: 'Token made',
  authn_token_renewed: 'Sign-in renewed',
  authn_token_rotated: 'Token replaced by a new one',
  authn_token_revoked: 'Signed out',
  authn_token_expired: 'Expired sign-in used',
  authn_token_reuse: 'Replaced token used again',
  token_reported: 'Token reported as leaked',
  authz_fail: 'Refused for lack of rights',
  excess_rate_limit_exceeded: 'Too many requests',
  email_verification_requested: 'Verification of the email address asked for',
  email_verified: 'Email address verified',
  email_change_requested: 'Change of the email address asked for',
  email_changed: 'Email address changed',
  mail_failed: 'Mail could not be delivered',
  user_created: 'Account created',
  user_updated: 'Profile changed',
  user_deleted: 'Account deleted',
  users_imported: 'Accounts imported',
  tokens_imported: 'Tokens imported',
  user_disabled: 'Account disabled',
  user_enabled: 'Account enabled',
  user_role_changed: 'Role changed',
  sys_password_digest_unreadable: 'Stored password unreadable',
  sys_audit_lost: 'Records lost',
}

const alarming = /_fail|_lock|_reuse|reported|exceeded|disabled|deleted|_lost|unreadable/

/** Records of the audit, newest first. `extra` says more of each, for administrators. */
export function Events({
  events,
  extra,
}: {
  events: EventLineFragment[]
  extra?: (event: EventLineFragment) => ReactNode
}) {
  return (
    <ol className="events">
      {events.map((event) => (
        <li key={event.id} className={alarming.test(event.event) ? 'event alarming' : 'event'}>
          <div>
            <strong>{eventWords[event.event] ?? event.event}</strong>
            <p className="faint">{[...details(event)].join(' · ')}</p>
            {extra?.(event)}
          </div>
          <time dateTime={event.at} title={momentOf(event.at)}>
            {ago(event.at)}
          </time>
        </li>
      ))}
    </ol>
  )
}

function* details(event: EventLineFragment): Generator<string> {
  if (event.actorId !== null && event.actorId !== event.userId) yield 'by an administrator'
  if (event.address !== null) yield `from ${event.address}`
  if (event.userAgent?.startsWith('Mozilla/')) {
    const { browser, system } = parseUserAgent(event.userAgent)
    yield `${browser} on ${system}`
  }
  if (event.detail !== null) yield event.detail.toLowerCase().replaceAll('_', ' ')
  if (event.count !== null && event.count !== 1) yield `${event.count} in all`
  if (event.times > 1) yield `${event.times} times`
}
