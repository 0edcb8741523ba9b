import type { FastifyReply, FastifyRequest } from 'fastify'
import type { Principal, UserPrincipal } from '../auth/principal.ts'
import { clientAddress, forgetOrigin, limitedAddress } from './authenticate.ts'

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
  forgetOrigin(request)
  const reply: FastifyReply = Object.create(upgrade.reply)
  Object.defineProperty(reply, 'request', own(request))
  return { request, reply }
}

function own(value: unknown): PropertyDescriptor {
  return { value, writable: true, configurable: true }
}

/** Whose sockets one counts among that has a user. */
export function limitKeyOf({ user }: UserPrincipal): string {
  return `user ${user.id}`
}

/** Under what messages are counted: as over HTTP, so that a stolen token keeps its owner's others from nothing. */
export function countKeyOf(request: FastifyRequest, principal: Principal | null): string {
  return principal?.kind === 'user' ? `token ${principal.token.id}` : addressKeyOf(request)
}

/** The key of what has no user. */
export function addressKeyOf(request: FastifyRequest): string {
  return `address ${limitedAddress(clientAddress(request))}`
}
