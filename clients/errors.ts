/** An error of an answer, as far as a client needs it. */
export interface AnswerError {
  readonly message: string
  readonly extensions?: { readonly [name: string]: unknown } | null | undefined
}

/** What the API refused: `code` and `reason` are those of `extensions`, `message` is for people. */
export class AuthError extends Error {
  override readonly name = 'AuthError'
  /** For example `UNAUTHENTICATED`, `RATE_LIMITED`, `BAD_USER_INPUT`. */
  readonly code: string
  /** For example `CREDENTIALS`; empty where there is none. */
  readonly reason: string
  /** All that came along, such as `field`, `retryAfter` in seconds, `scopes`. */
  readonly extensions: { readonly [name: string]: unknown }

  constructor({ message, extensions }: AnswerError) {
    super(message)
    this.extensions = extensions ?? {}
    this.code = String(this.extensions.code ?? '')
    this.reason = String(this.extensions.reason ?? '')
  }
}

const refusals = ['MISSING', 'INVALID', 'MALFORMED', 'EXPIRED', 'REVOKED', 'INACTIVE']

/**
 * Why an operation was not taken for a signed-in user's, or null where that is not what was refused: `MISSING` where no token
 * was sent, or else why the server will never again take the one that was. A wrong password (`CREDENTIALS`) says nothing
 * about the token.
 */
export function findRefusal(errors: readonly AnswerError[]): string | null {
  for (const { extensions } of errors) {
    const reason = String(extensions?.reason)
    if (extensions?.code === 'UNAUTHENTICATED' && refusals.includes(reason)) return reason
  }
  return null
}

/** Whether a part of an operation was answered, and so may have done something that must not be done twice. */
export function ranInPart(data: unknown): boolean {
  return Object.values(data ?? {}).some((value) => value !== null)
}
