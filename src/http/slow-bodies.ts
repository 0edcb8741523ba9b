import type { Http2ServerRequest } from 'node:http2'
import type { FastifyRequest } from 'fastify'
import { LatchkeyError } from '../errors.ts'

/**
 * Answers 408 where the body of a request over HTTP/2 has not come within `limitMs`, whatever trickles in: Node has such a
 * limit for HTTP/1.1 alone.
 */
export function limitSlowBody({ raw }: FastifyRequest, limitMs: number): void {
  if (raw.httpVersionMajor !== 2 || (raw as unknown as Http2ServerRequest).stream.endAfterHeaders) return
  const timer = setTimeout(() => {
    // Whoever reads the body hears of it; where nobody does, nobody waits for it.
    if (raw.listenerCount('error') > 0) raw.emit('error', tooSlow())
  }, limitMs).unref()
  const stop = (): void => clearTimeout(timer)
  raw.once('end', stop).once('close', stop)
}

function tooSlow(): LatchkeyError {
  return new LatchkeyError('REQUEST_TIMEOUT', 'The request did not come in time.')
}
