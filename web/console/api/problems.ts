import type { CombinedError } from 'urql'

/** What went wrong, for people, and at which field of a form. */
export interface Problem {
  text: string
  /** The argument that was not accepted, for example `newPassword`. */
  field: string | null
}

/** The code and the reason of an error: what a client branches on, never the message. */
export interface Refusal {
  code: string
  reason: string
  field: string | null
  retryAfter: number | null
}

/** The first error of an answer, or null where there was none that the API sent. */
export function refusalOf(error: CombinedError | undefined): Refusal | null {
  const extensions = error?.graphQLErrors[0]?.extensions
  if (extensions === undefined) return null
  const { code, reason, field, retryAfter } = extensions
  return {
    code: String(code),
    reason: typeof reason === 'string' ? reason : '',
    field: typeof field === 'string' ? field : null,
    retryAfter: typeof retryAfter === 'number' ? retryAfter : null,
  }
}

/** Whether the answer refuses because the password was proven too long ago. */
export function needsFreshPassword(error: CombinedError | undefined): boolean {
  return refusalOf(error)?.reason === 'STALE_LOGIN'
}

/** Whether the answer says that nobody is signed in any more; a wrong password does not end a sign-in. */
export function hasEnded(error: CombinedError): boolean {
  const refusal = refusalOf(error)
  return refusal?.code === 'UNAUTHENTICATED' && !['CREDENTIALS', 'PASSWORD_EXPIRED'].includes(refusal.reason)
}

/** Why somebody has to sign in again, by the reason of `UNAUTHENTICATED`. */
export const endings: Record<string, string> = {
  EXPIRED: 'You were signed out because your sign-in had run out. Sign in again.',
  REVOKED: 'This device was signed out. If it was not you, sign in and change your password.',
  INACTIVE: 'This account has been disabled or deleted.',
  INVALID: 'Your sign-in is not valid any more. Sign in again.',
  MALFORMED: 'Your sign-in is not valid any more. Sign in again.',
}

/** An error in plain words. */
export function explain(error: CombinedError): Problem {
  const refusal = refusalOf(error)
  if (refusal === null) return { text: explainNetwork(error), field: null }
  const { code, reason, field, retryAfter } = refusal
  if (code === 'RATE_LIMITED') return { text: explainWait(reason, retryAfter ?? 60), field: null }
  const known = sentences[`${code}/${reason}`] ?? sentences[code]
  // What is wrong with an argument the server says best: it knows its own limits.
  return { text: known ?? error.graphQLErrors[0]?.message ?? unknown, field }
}

const unknown = 'Something went wrong. Try again in a moment.'

const sentences: Record<string, string> = {
  'UNAUTHENTICATED/CREDENTIALS': 'The name or the password is wrong.',
  'UNAUTHENTICATED/PASSWORD_EXPIRED':
    'This temporary password has run out. Ask an administrator for another one, or reset it by mail.',
  UNAUTHENTICATED: 'Sign in first.',
  'FORBIDDEN/PASSWORD_CHANGE_REQUIRED': 'This is a temporary password. Choose one of your own.',
  'FORBIDDEN/STALE_LOGIN': 'Confirm your password first.',
  'FORBIDDEN/ROLE': 'Only administrators may do this.',
  'FORBIDDEN/SCOPE': 'This sign-in may not do this. Sign in again.',
  'FORBIDDEN/LAST_ADMIN': 'This is the only administrator. Make somebody else an administrator first.',
  'FORBIDDEN/DISABLED': 'This is switched off on this server.',
  'FORBIDDEN/CSRF': 'The server does not take this page for one of its own. Open it by its usual address.',
  'FORBIDDEN/HTTPS_REQUIRED': 'This page has to be opened by an address that begins with https://.',
  NOT_FOUND: 'This is not here any more.',
  'CONFLICT/TAKEN': 'This is taken already. Choose another.',
  'CONFLICT/TOKEN_LIMIT': 'There are too many already. Revoke one first.',
  'CONFLICT/NO_EMAIL': 'There is no email address yet.',
  'BAD_USER_INPUT/MAIL_TOKEN': 'This link has been used already, or is too old. Ask for a new one.',
  'SERVICE_UNAVAILABLE/DATABASE': 'The server cannot reach its data right now. Try again in a minute.',
  SERVICE_UNAVAILABLE: 'The server took too long to answer. Try again in a minute.',
  INTERNAL_SERVER_ERROR: 'Something went wrong on the server. Try again in a moment.',
}

function explainNetwork(error: CombinedError): string {
  return error.networkError === undefined
    ? unknown
    : 'The server cannot be reached. Check your connection, and try again.'
}

function explainWait(reason: string, seconds: number): string {
  const time = seconds < 90 ? `${seconds} seconds` : `${Math.ceil(seconds / 60)} minutes`
  if (reason === 'CREDENTIALS') return `Too many attempts. Try again in ${seconds === 1 ? 'a second' : time}.`
  return 'The server is busy. Try again in a moment.'
}
