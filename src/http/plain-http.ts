import type { FastifyRequest } from 'fastify'
import { LatchkeyError } from '../errors.ts'

/** A password or token on plain HTTP has been read by anyone on the way: asked for anew, it would be sent so again. */
export function refusePlainHttp(request: FastifyRequest): LatchkeyError | undefined {
  if (request.protocol === 'https' || isFromThisMachine(request.ip)) return undefined
  return new LatchkeyError(
    'FORBIDDEN',
    'Use HTTPS. If a proxy ends TLS in front of this server, have it send X-Forwarded-Proto and X-Forwarded-For, and name it in TRUST_PROXY.',
    { reason: 'HTTPS_REQUIRED' },
  )
}

/** On a Unix socket there is no address. */
function isFromThisMachine(address: string | undefined): boolean {
  return (
    address === undefined ||
    address === '::1' ||
    address.startsWith('127.') ||
    address.startsWith('::ffff:127.')
  )
}
