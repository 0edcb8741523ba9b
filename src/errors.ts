/**
 * The codes of `errors[].extensions.code`: the contract that clients branch on. The value is the HTTP status that an
 * operation gets, under `application/graphql-response+json`, when all of it was refused for that class.
 */
export const statusOfCode = {
  UNAUTHENTICATED: 401,
  FORBIDDEN: 403,
  NOT_FOUND: 200,
  BAD_USER_INPUT: 200,
  CONFLICT: 200,
  RATE_LIMITED: 429,
  BAD_REQUEST: 400,
  GRAPHQL_PARSE_FAILED: 400,
  GRAPHQL_VALIDATION_FAILED: 400,
  QUERY_TOO_COMPLEX: 400,
  OPERATION_RESOLUTION_FAILURE: 400,
  PERSISTED_QUERY_NOT_FOUND: 400,
  PERSISTED_QUERY_NOT_SUPPORTED: 400,
  METHOD_NOT_ALLOWED: 405,
  NOT_ACCEPTABLE: 406,
  REQUEST_TIMEOUT: 408,
  PAYLOAD_TOO_LARGE: 413,
  UNSUPPORTED_MEDIA_TYPE: 415,
  HEADERS_TOO_LARGE: 431,
  SERVICE_UNAVAILABLE: 503,
  INTERNAL_SERVER_ERROR: 500,
} as const

/** Where a REST route throws these; GraphQL answers them with 200, beside what else was asked for. */
const statusInRoutes: Partial<Record<ErrorCode, number>> = {
  BAD_USER_INPUT: 400,
  NOT_FOUND: 404,
  CONFLICT: 409,
}

/** One of the stable codes of `errors[].extensions.code`. */
export type ErrorCode = keyof typeof statusOfCode

/** What may stand beside `code` in `errors[].extensions`. */
export interface ErrorDetails {
  /** Refines the code, for example `EXPIRED` or `BUSY`. */
  reason?: string
  /** The argument that was not accepted, for example `device.name`. */
  field?: string
  /** Whole seconds after which trying again is worth it (RFC 9110 §10.2.3). */
  retryAfter?: number
  /** The scopes that the token lacks. */
  scopes?: readonly string[]
}

/** An error that Latchkey means to tell the client. Everything else is masked. */
export class LatchkeyError extends Error {
  override readonly name = 'LatchkeyError'
  readonly code: ErrorCode
  readonly details: ErrorDetails

  constructor(code: ErrorCode, message: string, details: ErrorDetails = {}, options?: ErrorOptions) {
    super(message, options)
    this.code = code
    this.details = details
  }

  /** The shape of `errors[].extensions`. */
  get extensions(): { code: ErrorCode; [detail: string]: unknown } {
    return { code: this.code, ...this.details }
  }

  /** What Fastify answers with where a route of an application throws this. */
  get statusCode(): number {
    return statusInRoutes[this.code] ?? statusOfCode[this.code]
  }
}

/**
 * An error that a hook or a resolver of an application refuses with: clients get the code and the message, and what else
 * `extensions` has. The code is the application's own, such as `CAPTCHA_REQUIRED`.
 */
export function refuse(code: string, message: string, extensions: Record<string, unknown> = {}): Error {
  return Object.assign(new Error(message), { extensions: { ...extensions, code } })
}

/** An argument that cannot be accepted: `BAD_USER_INPUT` with the argument's name and a machine-readable reason. */
export function badInput(field: string, reason: string, message: string): LatchkeyError {
  return new LatchkeyError('BAD_USER_INPUT', message, { reason, field })
}

/** Too many: `RATE_LIMITED` with the whole seconds to wait, at least one (RFC 6585 §4). */
export function rateLimited(
  reason: 'CREDENTIALS' | 'REQUESTS' | 'BUSY',
  retryAfterMs: number,
  message: string,
): LatchkeyError {
  return new LatchkeyError('RATE_LIMITED', message, {
    reason,
    retryAfter: Math.max(1, Math.ceil(retryAfterMs / 1000)),
  })
}
