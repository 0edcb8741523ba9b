import type { FastifyServerOptions } from 'fastify'

/** Who the servers without authentication answer is signed in. */
export const user = { id: '01a207a2-3280-7677-9907-abf09be98ced', username: 'user500' }

/** Logs as Latchkey does beside them, and as the peers do: what is wrong, and no line per request. */
export const logWarnings: FastifyServerOptions = { logger: { level: 'warn' } }
