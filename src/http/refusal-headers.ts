import type { FastifyInstance, FastifyReply } from 'fastify'
import type { GraphQLFormattedError } from 'graphql'
import type { ReportEvent } from '../auth/origin.ts'
import { LatchkeyError } from '../errors.ts'
import { setConstantHeaders } from './constant-headers.ts'
import { reportRefusals } from './refusals.ts'
import { challenge, findRefusal, type Refusal } from './status.ts'

/** Puts on a reply what goes with its errors: the challenge of RFC 9110 §11.6.1, and when to come back. */
export function setRefusalHeaders(
  reply: FastifyReply,
  errors: readonly GraphQLFormattedError[],
  refusal: Refusal | null,
  scheme: string,
): void {
  const unauthenticated = errors.find((error) => error.extensions?.code === 'UNAUTHENTICATED')
  if (unauthenticated !== undefined) {
    reply.header('www-authenticate', challenge(scheme, String(unauthenticated.extensions?.reason)))
  }
  if (refusal?.retryAfter) reply.header('retry-after', refusal.retryAfter)
}

/**
 * Has routes of an application that throw a `LatchkeyError` answer with the headers of the API, whoever writes the body, and
 * the security log hear of it.
 */
export function joinRefusals(app: FastifyInstance, scheme: string, report: ReportEvent): void {
  app.addHook('onError', (request, reply, error: unknown, done) => {
    // The route of the API sees to its own.
    if (error instanceof LatchkeyError && request.graphqlOutcome === null) {
      const errors = [{ message: error.message, extensions: error.extensions }]
      const refusal = findRefusal(errors)
      setConstantHeaders(request, reply)
      setRefusalHeaders(reply, errors, refusal, scheme)
      reportRefusals(request, report, errors, refusal)
    }
    done()
  })
}
