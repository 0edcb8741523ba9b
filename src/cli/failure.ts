import { explainDatabaseFault } from '../db/open.ts'
import { LatchkeyError } from '../errors.ts'

/** What an operator is told of an error: what is wrong in a sentence, and the stack only where `LOG_LEVEL` asks for it. */
export function describeFailure(error: unknown): string {
  const message = error instanceof Error ? messageOf(error) : String(error)
  const level = process.env.LOG_LEVEL
  return error instanceof Error && (level === 'debug' || level === 'trace')
    ? `${message}\n${error.stack}`
    : message
}

/** Clients are told that the database is away and no more; the operator is told why. */
function messageOf(error: Error): string {
  if (error instanceof LatchkeyError && error.code === 'SERVICE_UNAVAILABLE' && error.cause !== undefined) {
    return `The database cannot be used: ${explainDatabaseFault(error.cause)}`
  }
  return error.message
}
