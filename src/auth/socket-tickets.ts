import type { Database } from '../db/open.ts'
import { insertSocketTicket, takeSocketTicket } from '../db/socket-tickets.ts'
import { digestsOfToken, digestToken, generateToken, isWellFormedToken } from './token-format.ts'

/** One-time tickets, by which a client opens a socket that can send neither header nor payload. */
export interface SocketTickets {
  /** A ticket that lets one socket in as the bearer of this token, for 30 seconds. */
  createSocketTicket(token: string): Promise<SocketTicket>
  /** Uses a ticket up: the digests of its token, or null where it is not good, or not any more. */
  redeemSocketTicket(ticket: string): Promise<readonly string[] | null>
}

export interface SocketTicket {
  ticket: string
  /** In milliseconds since 1970. */
  expiresAt: number
}

/** Tells them from tokens; a scanner for secrets finds either. */
const prefix = 'lks_'

const ttlMs = 30_000

export function createSocketTickets(deps: { database: Database; clock: () => number }): SocketTickets {
  const { database, clock } = deps
  return {
    async createSocketTicket(token) {
      const ticket = generateToken(prefix)
      const now = clock()
      const row = {
        digest: digestToken(ticket),
        tokenDigests: digestsOfToken(token),
        expiresAt: now + ttlMs,
      }
      await database.transaction((db) => insertSocketTicket(db, row, now))
      return { ticket, expiresAt: row.expiresAt }
    },
    async redeemSocketTicket(ticket) {
      if (!ticket.startsWith(prefix) || !isWellFormedToken(ticket)) return null
      return (await database.run((db) => takeSocketTicket(db, digestToken(ticket), clock()))) ?? null
    },
  }
}
