import { randomBytes } from 'node:crypto'

/** Makes ids that are unique over processes and restarts: a random beginning for this process, then a count. */
export function createRequestId(): () => string {
  const process = randomBytes(6).toString('base64url')
  let count = 0
  return () => `${process}-${(++count).toString(36)}`
}
