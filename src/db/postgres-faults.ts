import { type Faults, unavailable } from './faults.ts'

/** What the driver has thrown, to be told from errors of whoever uses it. */
const thrown = new WeakSet<object>()

/** Waits for the driver, whose errors are known for such from then on. */
export async function fromDriver<T>(answer: Promise<T>): Promise<T> {
  try {
    return await answer
  } catch (error) {
    thrown.add(error as Error)
    throw error
  }
}

/** A transaction that another one stood in the way of, and that may be run again: conflict, deadlock, a lock not had. */
const conflicts = ['40001', '40P01', '55P03']

/** The faults of PostgreSQL, and of the way to it. */
export const postgresFaults: Faults = {
  isBusy: (error) => conflicts.includes(codeOf(error)),

  /** All but what a statement is refused for by the data it meets, which is for who wrote it. */
  translate(error) {
    return !isOfDriver(error) || /^23/.test(codeOf(error)) ? error : unavailable(error)
  },
}

/** Whether a value was taken that must be there once only. */
export function isTaken(error: unknown): boolean {
  return codeOf(error) === '23505'
}

/** Whether the connection broke: what was asked may be asked again over another one, if it was a question only. */
export function isConnectionLost(error: unknown): boolean {
  const code = codeOf(error)
  if (/^(57P0[123]|08)/.test(code) || /^(ECONNRESET|EPIPE)$/.test(code)) return true
  return (error as Error).message === 'Connection terminated unexpectedly'
}

/** What is wrong with a server or the way to it, in a sentence for the operator; undefined where it is no fault of these. */
export function explainPostgresFault(error: unknown): string | undefined {
  if (!isOfDriver(error)) return undefined
  const code = codeOf(error)
  if (code === '28000' && /no encryption|SSL off/.test(error.message))
    return 'the server refuses connections without TLS. Add sslmode=verify-full to DATABASE_URL.'
  if (known[code] !== undefined) return known[code]
  // Of what the server says nothing is a password; the driver may repeat parts of the address.
  if (/^[0-9A-Z]{5}$/.test(code)) return `the server says: ${error.message}.`
  if (/^timeout exceeded/.test(error.message))
    return 'all connections are in use. Raise DATABASE_POOL_SIZE, or see what holds them.'
  if (/timeout/i.test(error.message)) return 'the server does not answer in time.'
  if (/does not support SSL/.test(error.message))
    return 'the server does not offer TLS. Switch it on there (ssl = on), or take sslmode out of DATABASE_URL.'
  return `the connection to the server failed (${code || 'it was closed'}).`
}

const known: Record<string, string> = {
  ECONNREFUSED: 'nothing listens at the address of DATABASE_URL. Start PostgreSQL, or set its host and port.',
  ENOTFOUND: 'the host of DATABASE_URL is not known.',
  EAI_AGAIN: 'the host of DATABASE_URL cannot be looked up.',
  ETIMEDOUT: 'the host of DATABASE_URL does not answer.',
  ECONNRESET: 'the connection to the server was cut.',
  SELF_SIGNED_CERT_IN_CHAIN:
    'the certificate of the server is signed by nobody who is trusted. Name the authority by sslrootcert in DATABASE_URL.',
  DEPTH_ZERO_SELF_SIGNED_CERT:
    'the certificate of the server is signed by itself. Name it by sslrootcert in DATABASE_URL.',
  UNABLE_TO_VERIFY_LEAF_SIGNATURE:
    'the certificate of the server is signed by nobody who is trusted. Name the authority by sslrootcert in DATABASE_URL.',
  ERR_TLS_CERT_ALTNAME_INVALID: 'the certificate of the server is for another host than DATABASE_URL names.',
  '28P01': 'the server refuses the user or the password of DATABASE_URL.',
  '28000': 'the server refuses the user of DATABASE_URL.',
  '3D000': 'there is no such database. Create it, or set another one in DATABASE_URL.',
  '42501': 'the user of DATABASE_URL may not do that. Make it the owner of the database.',
  '53100': 'the disk of the server is full.',
  '53300': 'the server has no connection left. Raise its max_connections, or lower DATABASE_POOL_SIZE.',
  '57P03': 'the server is starting up or shutting down.',
  '25006': 'the server only answers questions, as a standby does. Point DATABASE_URL at the primary.',
}

function isOfDriver(error: unknown): error is Error {
  return error instanceof Error && thrown.has(error)
}

function codeOf(error: unknown): string {
  return error instanceof Error ? String((error as { code?: unknown }).code ?? '') : ''
}
