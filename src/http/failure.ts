import type { FastifyRequest } from 'fastify'
import type { GraphQLFormattedError } from 'graphql'
import { type ErrorCode, LatchkeyError, rateLimited } from '../errors.ts'
import { badRequest } from './parameters.ts'
import type { Counted } from './request-counter.ts'

/** Any failure as clients are told of it; what is not meant for them is masked, and reported. */
export function describeFailure(error: unknown, request: FastifyRequest): GraphQLFormattedError {
  const known = toLatchkeyError(error)
  if (known === null || known.cause !== undefined) {
    request.log.error({ err: known?.cause ?? error }, 'a request failed')
  }
  return known === null
    ? {
        message: 'Internal server error.',
        extensions: { code: 'INTERNAL_SERVER_ERROR', requestId: String(request.id) },
      }
    : { message: known.message, extensions: known.extensions }
}

/** What an operation that hangs is answered; what it holds is let go when it ends. */
export function tooLate(): LatchkeyError {
  return new LatchkeyError('SERVICE_UNAVAILABLE', 'The operation takes too long. Try again later.', {
    reason: 'TIMEOUT',
    retryAfter: 5,
  })
}

/** The refusal of a request that came too often; undefined for one that did not. */
export function refuseExcess({ isExceeded, ttl }: Counted): LatchkeyError | undefined {
  return isExceeded ? rateLimited('REQUESTS', ttl, 'Too many requests. Wait before you go on.') : undefined
}

/** What hooks of an application refuse a request with, its rate limit for example; all else of 4xx is `BAD_REQUEST`. */
const codeOfStatus: Record<number, ErrorCode> = {
  401: 'UNAUTHENTICATED',
  403: 'FORBIDDEN',
  413: 'PAYLOAD_TOO_LARGE',
  429: 'RATE_LIMITED',
}

/** Fastify's own refusals, and what hooks of an application throw: for clients is what blames the client, by its status. */
function toLatchkeyError(error: unknown): LatchkeyError | null {
  if (error instanceof LatchkeyError) return error
  const { code, statusCode, message } = error as { code?: unknown; statusCode?: unknown; message?: unknown }
  if (code === 'FST_ERR_CTP_BODY_TOO_LARGE')
    return new LatchkeyError('PAYLOAD_TOO_LARGE', 'The body is too large.')
  if (String(code).startsWith('FST_ERR_CTP_'))
    return badRequest('The body must be a JSON object with a "query".')
  if (statusCode === 503) {
    const cause = { cause: error }
    return new LatchkeyError('SERVICE_UNAVAILABLE', 'The service is away. Try again later.', {}, cause)
  }
  if (typeof statusCode !== 'number' || statusCode < 400 || statusCode > 499) return null
  return new LatchkeyError(codeOfStatus[statusCode] ?? 'BAD_REQUEST', String(message))
}
