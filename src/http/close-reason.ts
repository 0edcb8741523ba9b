/** Why Latchkey closes sockets (RFC 6455 §7.4.1; the others of graphql-transport-ws are graphql-ws's own). */
export const closeCode = {
  goingAway: 1001,
  tryAgainLater: 1013,
  badRequest: 4400,
  unauthenticated: 4401,
  forbidden: 4403,
  internalError: 4500,
} as const

/** What a close frame has room for, in bytes. */
const maxBytes = 123

/** A reason for machines, and after how many whole seconds it is worth coming back: `GOING_AWAY retryAfter=3`. */
export function withRetryAfter(reason: string, seconds: number): string {
  return `${reason} retryAfter=${Math.max(1, Math.ceil(seconds))}`
}

/** A reason that fits into a close frame: graphql-ws puts ids of clients into some. */
export function fitReason(reason: string): string {
  const bytes = Buffer.from(reason)
  if (bytes.length <= maxBytes) return reason
  let end = maxBytes
  while (((bytes[end] as number) & 0xc0) === 0x80) end-- // not within a character
  return bytes.subarray(0, end).toString()
}

/** The machine's part of a reason, for the log; undefined for anybody's text. */
export function nameOfReason(reason: string): string | undefined {
  return /^[A-Z_]{1,40}(?=$| retryAfter=)/.exec(reason)?.[0]
}
