/** A token as `tokenAuth`, `rotateToken` and `createToken` answer it; times as RFC 3339 text, as the API writes them. */
export interface IssuedToken {
  /** The token, where a script may see it. */
  token?: string | null
  /** What is known of it; left out for a token from elsewhere, which is rotated at once to learn it. */
  tokenInfo?: { id: string; createdAt: string; expiresAt: string }
}

/** A token and what a device knows of it; times in milliseconds, by the device's clock unless said otherwise. */
export interface HeldToken {
  readonly token: string | null
  /** The token's id, which rotation does not change; null while it is not known. */
  readonly id: string | null
  /** When it ends, by the server's clock; null while it is not known. */
  readonly endsAt: number | null
  /** How far the server's clock is ahead of the device's. */
  readonly aheadMs: number
  /** How long a secret is used before it is rotated. */
  readonly intervalMs: number
  /** When it is to be rotated. */
  readonly dueAt: number
}

/**
 * What to hold of a token that was issued now, or by rotation in the place of `before`. Due is a token after half of the life
 * that it has at its sign-in, and after `rotateAfterMs`: the ceiling of a life does not move, and half of what is left of it
 * would come ever sooner.
 */
export function holdToken(
  { token = null, tokenInfo }: IssuedToken,
  before: HeldToken | null,
  now: number,
  rotateAfterMs: number,
): HeldToken {
  if (!tokenInfo) {
    return { token, id: null, endsAt: null, aheadMs: 0, intervalMs: rotateAfterMs, dueAt: now }
  }
  const endsAt = Date.parse(tokenInfo.expiresAt)
  const known = before?.endsAt ? before : null
  const aheadMs = known?.aheadMs ?? (before ? 0 : Date.parse(tokenInfo.createdAt) - now)
  const halfMs = (endsAt - aheadMs - now) / 2
  const intervalMs = known?.intervalMs ?? Math.max(1_000, Math.min(halfMs, rotateAfterMs))
  return { token, id: tokenInfo.id, endsAt, aheadMs, intervalMs, dueAt: now + intervalMs }
}

/** When a token expires by the device's clock; null while it is not known. */
export function expiryOf({ endsAt, aheadMs }: HeldToken): number | null {
  return endsAt && endsAt - aheadMs
}

/** Tells one secret of one token from another, also where a script does not see it. */
export function keyOf(held: HeldToken | null): string | null {
  return held && `${held.token ?? held.id} ${held.dueAt}`
}

/** What a storage holds, or null for nothing and for what is not ours. */
export function parseHeld(text: string | null): HeldToken | null {
  try {
    const held = JSON.parse(text ?? 'null')
    return typeof held?.dueAt === 'number' ? held : null
  } catch {
    return null
  }
}
