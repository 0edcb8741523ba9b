import type { FastifyReply, FastifyRequest } from 'fastify'
import type { Principal } from '../auth/principal.ts'
import { clientAddress, limitedAddress } from './authenticate.ts'

/** The request that opened a socket, and its reply. */
export interface Exchange {
  readonly request: FastifyRequest
  readonly reply: FastifyReply
}

/** A message, or an event, is a request of its own, which shares with the others of its socket what came with the upgrade. */
export function deriveExchange(upgrade: Exchange, id: string, principal: Principal): Exchange {
  const request: FastifyRequest = Object.create(upgrade.request)
  Object.defineProperties(request, {
    id: own(id),
    log: own(upgrade.request.server.log.child({ reqId: id })),
  })
  request.principal = principal
  const reply: FastifyReply = Object.create(upgrade.reply)
  Object.defineProperty(reply, 'request', own(request))
  return { request, reply }
}

function own(value: unknown): PropertyDescriptor {
  return { value, writable: true, configurable: true }
}

/** Whose limits a request counts for. */
export function limitKeyOf(request: FastifyRequest, principal: Principal): string {
  return principal.kind === 'user' ? `user ${principal.user.id}` : addressKeyOf(request)
}

/** The key of what has no user. */
export function addressKeyOf(request: FastifyRequest): string {
  return `address ${limitedAddress(clientAddress(request))}`
}
