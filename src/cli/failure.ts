import { explainDatabaseFault } from '../db/faults.ts'
import { explainPostgresFault } from '../db/postgres-faults.ts'
import { LatchkeyError } from '../errors.ts'

/** What an operator is told of an error: what is wrong in a sentence, and the stack only where `LOG_LEVEL` asks for it. */
export function describeFailure(error: Error): string {
  const level = process.env.LOG_LEVEL
  return level === 'debug' || level === 'trace' ? `${messageOf(error)}\n${error.stack}` : messageOf(error)
}

/** Clients are told that the database is away and no more; the operator is told why. */
function messageOf(error: Error): string {
  if (error instanceof LatchkeyError && error.code === 'SERVICE_UNAVAILABLE') {
    return `The database cannot be used: ${explainPostgresFault(error.cause) ?? explainDatabaseFault(error.cause)}`
  }
  return error.message
}
