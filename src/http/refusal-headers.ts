import type { FastifyInstance, FastifyReply } from 'fastify'
import type { GraphQLFormattedError } from 'graphql'
import { LatchkeyError } from '../errors.ts'
import { setConstantHeaders } from './constant-headers.ts'
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

/** Has routes of an application that throw a `LatchkeyError` answer with the headers of the API, whoever writes the body. */
export function addRefusalHeaders(app: FastifyInstance, scheme: string): void {
  app.addHook('onError', (request, reply, error: unknown, done) => {
    if (error instanceof LatchkeyError) {
      const errors = [{ message: error.message, extensions: error.extensions }]
      setConstantHeaders(request, reply)
      setRefusalHeaders(reply, errors, findRefusal(errors), scheme)
    }
    done()
  })
}
