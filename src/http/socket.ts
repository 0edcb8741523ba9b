import type { FastifyBaseLogger, FastifyReply, FastifyRequest } from 'fastify'
import type { Server } from 'graphql-ws'
import type { WebSocket } from 'ws'
import type { Principal } from '../auth/principal.ts'
import { LatchkeyError } from '../errors.ts'
import { closeCode, fitReason, nameOfReason, withRetryAfter } from './close-reason.ts'
import type { CountAtOnce } from './request-counter.ts'
import { logSocketClosed } from './request-log.ts'
import { type HeldSocket, type HolderHouse, SocketHolder } from './socket-holder.ts'
import type { Bearer } from './socket-operation.ts'
import { countKeyOf } from './socket-request.ts'

/** What a socket has of its process. */
export interface SocketHouse extends HolderHouse {
  readonly bufferBytes: number
  readonly messageBytes: number
  readonly idleTimeoutMs: number
  readonly log: FastifyBaseLogger
  /** Counts whatever a client sends; null for no limit. */
  readonly countMessage: CountAtOnce | null
  /** Counts a socket for somebody; false where it is one too many. */
  enter(socket: LiveSocket, key: string): boolean
  doubt(socket: LiveSocket): void
  gone(socket: LiveSocket): void
}

/** How long a client has to answer a close frame before it is cut off. */
const closeLimitMs = 2_000

/** One WebSocket: what it says and hears, what runs on it, and how it ends. */
export class LiveSocket implements Bearer, HeldSocket {
  readonly request: FastifyRequest
  readonly reply: FastifyReply
  readonly operations = new Set<AbortController>()
  readonly holder: SocketHolder
  hasEnded = false
  readonly #webSocket: WebSocket
  readonly #house: SocketHouse
  readonly #openedAt = performance.now()
  #lastMessageAt = performance.now()
  #isAlive = true

  constructor(webSocket: WebSocket, request: FastifyRequest, reply: FastifyReply, house: SocketHouse) {
    this.request = request
    this.reply = reply
    this.#webSocket = webSocket
    this.#house = house
    this.holder = new SocketHolder(this, house)
  }

  /** Speaks the protocol from here on. */
  serve(server: Server<{ socket: LiveSocket }>): void {
    const webSocket = this.#webSocket
    const closed = server.opened(
      {
        protocol: webSocket.protocol,
        send: (text) => this.#send(text),
        close: (code = closeCode.internalError, reason = '') => this.end(code, reason),
        onMessage: (receive) =>
          webSocket.on('message', (data, isBinary) => this.#hear(data, isBinary, receive)),
        onPing: (payload) => this.#pong(payload as Record<string, unknown> | undefined),
      },
      { socket: this },
    )
    webSocket.on('pong', () => {
      this.#isAlive = true
      this.#cutIfTooMany()
    })
    webSocket.on('ping', () => this.#cutIfSlow() || this.#cutIfTooMany()) // which ws has answered, and queued the answer
    webSocket.once('close', (code, reason) => {
      this.#finish(code, String(reason))
      void closed(code, String(reason))
    })
  }

  findPrincipal(isUse: boolean): Promise<Principal | null> {
    return this.holder.findPrincipal(isUse)
  }

  readToken = (): string | null => this.holder.readToken()

  countFor(key: string): boolean {
    return this.#house.enter(this, key)
  }

  doubt(): void {
    this.#house.doubt(this)
  }

  /** Asks for a sign of life; closes where the last was not answered, or where nobody uses the socket. */
  ping(): void {
    if (!this.#isAlive) {
      this.#webSocket.terminate()
      return
    }
    const idleMs = performance.now() - this.#lastMessageAt
    if (this.operations.size === 0 && idleMs > this.#house.idleTimeoutMs) {
      this.end(closeCode.goingAway, 'IDLE')
      return
    }
    this.#isAlive = false
    this.#webSocket.ping()
  }

  /** Sends the client elsewhere, and resolves when it is gone. */
  leave(retryAfter: number): Promise<void> {
    return new Promise((resolve) => {
      this.#webSocket.once('close', () => resolve())
      this.end(closeCode.goingAway, withRetryAfter('GOING_AWAY', retryAfter))
    })
  }

  /** Closes: from here on nothing is heard, and nothing sent. */
  end(code: number, reason: string): void {
    if (this.hasEnded) return
    this.#finish(code, reason)
    this.#webSocket.close(code, fitReason(reason))
    const timer = setTimeout(() => this.#webSocket.terminate(), closeLimitMs).unref()
    this.#webSocket.once('close', () => clearTimeout(timer))
  }

  #finish(code: number, reason: string): void {
    if (this.hasEnded) return
    this.hasEnded = true
    this.#house.gone(this)
    for (const operation of this.operations) operation.abort()
    logSocketClosed(this.#house.log, this.request, {
      user: this.holder.user,
      code,
      reason: nameOfReason(reason),
      durationMs: performance.now() - this.#openedAt,
    })
  }

  #hear(data: unknown, isBinary: boolean, receive: (text: string) => Promise<void>): void {
    /* c8 ignore next -- what was on its way when the socket ended */
    if (this.hasEnded || this.#cutIfTooMany()) return
    this.#lastMessageAt = performance.now()
    const text = String(data)
    const isFit = !isBinary && Buffer.byteLength(text) <= this.#house.messageBytes
    if (isFit) receive(text).catch((error) => this.#fail(error))
    else this.end(closeCode.badRequest, 'Invalid message')
  }

  #send(text: string): void {
    if (!this.hasEnded && !this.#cutIfSlow()) this.#webSocket.send(text)
  }

  /** Whether too much waits for the client, which then ends. */
  #cutIfSlow(): boolean {
    if (this.#webSocket.bufferedAmount <= this.#house.bufferBytes) return false
    this.end(closeCode.tryAgainLater, 'TOO_SLOW')
    return true
  }

  /**
   * Whether there is more than comes of using it, which then ends: operations are counted as requests, but a `ping`, a
   * `complete` or a frame of WebSocket's own is not, and costs a little, too.
   */
  #cutIfTooMany(): boolean {
    const counted = this.#house.countMessage?.(countKeyOf(this.request, this.holder.user))
    if (!counted?.isExceeded) return false
    this.end(closeCode.tryAgainLater, withRetryAfter('RATE_LIMITED', counted.ttl / 1_000))
    return true
  }

  async #pong(payload: Record<string, unknown> | undefined): Promise<void> {
    const answer = await this.holder.renew(payload)
    if (answer !== false) this.#send(JSON.stringify({ type: 'pong', payload: answer }))
  }

  #fail(error: unknown): void {
    if (error instanceof LatchkeyError && error.code === 'SERVICE_UNAVAILABLE') {
      const { retryAfter } = error.details as { retryAfter: number } // a fault of the database has it
      this.end(closeCode.tryAgainLater, withRetryAfter('SERVICE_UNAVAILABLE', retryAfter))
      return
    }
    this.#house.log.error({ err: error, reqId: this.request.id }, 'a socket failed')
    this.end(closeCode.internalError, 'INTERNAL_SERVER_ERROR')
  }
}
