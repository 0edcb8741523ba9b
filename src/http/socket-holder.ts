import type { FastifyRequest } from 'fastify'
import type { Standing } from '../auth/held-tokens.ts'
import type { FindOrigin } from '../auth/origin.ts'
import type { AnonymousReason, Principal, UserPrincipal } from '../auth/principal.ts'
import { digestsOfToken } from '../auth/token-format.ts'
import { clientAddress, limitedAddress, originOf } from './authenticate.ts'
import { missing } from './authorization.ts'
import { closeCode, withRetryAfter } from './close-reason.ts'
import type { SocketCredentials } from './socket-credentials.ts'
import type { SocketOptions } from './socket-options.ts'
import { countKeyOf, limitKeyOf } from './socket-request.ts'

/** What a holder needs of its process. */
export interface HolderHouse
  extends Pick<SocketOptions, 'auth' | 'readUpgrade' | 'countBadToken' | 'operations'> {
  readPayload(payload: Record<string, unknown> | undefined): SocketCredentials
  /** Has it judged again once this moment has come, in milliseconds since 1970. */
  note(endsAt: number): void
}

/** The socket of a holder. */
export interface HeldSocket {
  readonly request: FastifyRequest
  readonly hasEnded: boolean
  end(code: number, reason: string): void
  /** Counts it for somebody; false where it is one too many. */
  countFor(key: string): boolean
  /** Has it judged again soon: the database did not answer. */
  doubt(): void
}

/** Who has a socket: the bearer of a token that is judged at each message and event, and whenever something was written. */
export class SocketHolder {
  /** Until when its token is good if nothing is written. */
  endsAt = Number.POSITIVE_INFINITY
  readonly #socket: HeldSocket
  readonly #house: HolderHouse
  #principal: Principal = missing
  #digests: readonly string[] | null = null
  #token: string | null = null
  /** Another number after each change of credentials. */
  #generation = 0

  constructor(socket: HeldSocket, house: HolderHouse) {
    this.#socket = socket
    this.#house = house
  }

  /** The user, as last judged. */
  get user(): UserPrincipal | null {
    return this.#principal.kind === 'user' ? this.#principal : null
  }

  readToken = (): string | null => this.#token

  #findOrigin: FindOrigin = () => originOf(this.#socket.request)

  /** Answers `connection_init`: what the acknowledgement says, or false where the socket closes. */
  async connect(payload: Record<string, unknown> | undefined): Promise<Record<string, unknown> | false> {
    const given = this.#readFirst(payload)
    if (given.kind !== 'none' && !(await this.#accept(given))) return false
    return this.#describe()
  }

  /** Takes fresh credentials out of a `ping`: what the `pong` says, or false where the socket closes. */
  async renew(
    payload: Record<string, unknown> | undefined,
  ): Promise<Record<string, unknown> | undefined | false> {
    const given = this.#house.readPayload(payload)
    if (given.kind === 'none') return payload
    const { countRequest } = this.#house.operations
    const counted = await countRequest?.(countKeyOf(this.#socket.request, this.#principal))
    if (counted?.isExceeded) {
      this.#socket.end(closeCode.tryAgainLater, withRetryAfter('RATE_LIMITED', counted.ttl / 1_000))
      return false
    }
    return (await this.#accept(given)) && this.#describe()
  }

  /** Who has the socket at this moment; null where it has ended. */
  async findPrincipal(isUse: boolean): Promise<Principal | null> {
    if (this.#digests !== null && !this.#socket.hasEnded) await this.#judge(isUse ? this.#findOrigin : null)
    return this.#socket.hasEnded ? null : this.#principal
  }

  /** Looks whether the token is still good, and closes the socket where it is not. */
  async recheck(): Promise<void> {
    if (this.#socket.hasEnded || this.#digests === null) return
    await this.#judge(null).catch(() => this.#socket.doubt())
  }

  /** The message's credentials, else those of the address, else those of the upgrade itself. */
  #readFirst(payload: Record<string, unknown> | undefined): SocketCredentials {
    const given = this.#house.readPayload(payload)
    if (given.kind !== 'none') return given
    const { ticket } = this.#socket.request.query as { ticket?: unknown }
    if (typeof ticket === 'string') return { kind: 'ticket', ticket }
    return this.#house.readUpgrade(this.#socket.request)
  }

  /** Takes credentials in the place of those before; false where they close the socket. */
  async #accept(given: Exclude<SocketCredentials, { kind: 'none' }>): Promise<boolean> {
    const digests = await this.#present(given)
    if (typeof digests === 'string') return this.#refuse(digests)
    const standing = await this.#house.auth.judgeHeldToken(digests, null)
    const { principal } = standing
    if (principal.kind === 'anonymous') return this.#refuse(principal.reason)
    /* c8 ignore next -- it may end while the database is asked */
    if (this.#socket.hasEnded) return false
    if (!this.#mayHave(principal)) return false
    this.#generation++
    this.#digests = digests
    this.#token = given.kind === 'token' ? given.token : null
    this.#take(standing)
    // Where the driver takes its time, something may have been written before this socket was known to be the user's.
    await this.#judge(null)
    return !this.#socket.hasEnded
  }

  /** Presents credentials as a request does, with all that follows from it: the digests of the token, or why it is not good. */
  async #present(
    given: Exclude<SocketCredentials, { kind: 'none' }>,
  ): Promise<readonly string[] | AnonymousReason> {
    const { auth } = this.#house
    const { request } = this.#socket
    if (given.kind === 'refused') return given.principal.reason
    if (given.kind === 'ticket') return (await auth.redeemSocketTicket(given.ticket)) ?? 'INVALID'
    const principal = await auth.resolvePrincipal(given.token, clientAddress(request), this.#findOrigin)
    return principal.kind === 'user' ? digestsOfToken(given.token) : principal.reason
  }

  /** Whether the socket may be this user's from now on. */
  #mayHave(principal: UserPrincipal): boolean {
    if (this.user !== null) {
      if (this.user.user.id === principal.user.id) return true
      this.#socket.end(closeCode.forbidden, 'ANOTHER_USER')
      return false
    }
    if (this.#socket.countFor(limitKeyOf(principal))) return true
    this.#socket.end(closeCode.tryAgainLater, 'TOO_MANY_SOCKETS')
    return false
  }

  async #judge(usedFrom: FindOrigin | null): Promise<void> {
    const generation = this.#generation
    const standing = this.#house.auth.judgeHeldToken(this.#digests as readonly string[], usedFrom) // only where it has some
    if (!(standing instanceof Promise)) return this.#take(standing)
    const found = await standing
    if (generation === this.#generation) this.#take(found)
  }

  #take({ principal, endsAt }: Standing): void {
    if (principal.kind === 'anonymous') {
      this.#socket.end(closeCode.unauthenticated, principal.reason)
      return
    }
    this.#principal = principal
    this.endsAt = endsAt
    this.#house.note(endsAt)
  }

  async #refuse(reason: AnonymousReason): Promise<false> {
    if (reason === 'INVALID') {
      const address = limitedAddress(clientAddress(this.#socket.request))
      const { isExceeded, ttl } = await this.#house.countBadToken(address)
      if (isExceeded) this.#socket.end(closeCode.tryAgainLater, withRetryAfter('RATE_LIMITED', ttl / 1_000))
    }
    this.#socket.end(closeCode.unauthenticated, reason)
    return false
  }

  #describe(): Record<string, unknown> {
    return this.user === null ? {} : { expiresAt: new Date(this.user.token.expiresAt).toISOString() }
  }
}
