import type { GraphQLFormattedError } from 'graphql'
import { type ErrorCode, statusOfCode } from '../errors.ts'
import type { ResponseType } from './negotiate.ts'

/** A GraphQL response before it is text. */
export interface ResponseBody {
  data?: Record<string, unknown> | null
  errors?: readonly GraphQLFormattedError[]
}

/** What an answer's headers and log line need to know of its errors. */
export interface Refusal {
  code: string
  reason: string | null
  retryAfter: number | null
}

/**
 * The HTTP status of a response. Under `application/graphql-response+json`: 400 where nothing ran, the class's own status
 * where every root field was refused for one class, else 200. Under `application/json`: 200, as old clients expect
 * (GraphQL over HTTP §6.4).
 */
export function statusOf(body: ResponseBody, type: ResponseType): number {
  if (type === 'application/json' || body.errors === undefined) return 200
  if (body.data === undefined) return Math.max(statusOfError(body.errors[0]), 400)
  const { data, errors } = body
  const refusedFields = new Set(errors.map((error) => error.path?.[0]))
  const nothingAnswered =
    data === null ||
    Object.entries(data).every(([field, value]) => value === null && refusedFields.has(field))
  if (!nothingAnswered) return 200
  const [status = 200, ...others] = new Set(errors.map(statusOfError))
  return others.length === 0 ? status : 200
}

/** The refusal that counts most: the first of the first class below that is there. */
export function findRefusal(errors: readonly GraphQLFormattedError[]): Refusal | null {
  for (const code of [
    'INTERNAL_SERVER_ERROR',
    'SERVICE_UNAVAILABLE',
    'RATE_LIMITED',
    'UNAUTHENTICATED',
    'FORBIDDEN',
  ]) {
    const error = errors.find((one) => one.extensions?.code === code)
    if (error !== undefined) return toRefusal(error)
  }
  return errors[0] === undefined ? null : toRefusal(errors[0])
}

function toRefusal(error: GraphQLFormattedError): Refusal {
  const { code, reason, retryAfter } = error.extensions ?? {}
  return {
    code: String(code),
    reason: typeof reason === 'string' ? reason : null,
    retryAfter: typeof retryAfter === 'number' ? retryAfter : null,
  }
}

function statusOfError(error: GraphQLFormattedError | undefined): number {
  return statusOfCode[error?.extensions?.code as ErrorCode] ?? 200
}

/** `error` of `WWW-Authenticate` (RFC 6750 §3.1); none where nothing was presented, or a password was wrong. */
const challengeErrors: Record<string, string> = {
  MALFORMED: 'invalid_request',
  INVALID: 'invalid_token',
  EXPIRED: 'invalid_token',
  REVOKED: 'invalid_token',
  INACTIVE: 'invalid_token',
}

/** The value of `WWW-Authenticate` for a refusal as `UNAUTHENTICATED` (RFC 9110 §11.6.1). */
export function challenge(scheme: string, reason: string): string {
  const error = challengeErrors[reason]
  return error === undefined ? `${scheme} realm="latchkey"` : `${scheme} realm="latchkey", error="${error}"`
}
