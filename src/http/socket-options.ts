import type { FastifyBaseLogger, FastifyRequest } from 'fastify'
import type { Auth } from '../auth/auth.ts'
import type { ReadCredentials } from './authorization.ts'
import type { CountAtOnce, CountRequest } from './request-counter.ts'
import type { SocketCredentials } from './socket-credentials.ts'
import type { OperationDeps } from './socket-operation.ts'

/** What sockets are given, and what they may take. */
export interface SocketOptions {
  /** Origins whose pages may open sockets, beside the server's own. */
  origins: readonly string[]
  perUser: number
  perAddress: number
  /** Bytes of one message. */
  messageBytes: number
  bufferBytes: number
  pingIntervalMs: number
  /** `Infinity` for no limit. */
  idleTimeoutMs: number
  /** The header whose value `connection_init` may carry. */
  header: string
  readCredentials: ReadCredentials
  /** What an upgrade itself presents. */
  readUpgrade: (request: FastifyRequest) => SocketCredentials
  auth: Pick<Auth, 'resolvePrincipal' | 'judgeHeldToken' | 'redeemSocketTicket' | 'followChanges'>
  countBadToken: CountRequest
  /** Counts whatever a client sends; null for no limit. */
  countMessage: CountAtOnce | null
  operations: OperationDeps
  clock: () => number
  log: FastifyBaseLogger
}
