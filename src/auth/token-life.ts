import type { Predecessor } from '../db/rotation.ts'
import type { LiveAt } from '../db/tokens.ts'
import { badInput } from '../errors.ts'

/** How long tokens live; all in milliseconds. */
export interface TokenLifeOptions {
  /** From issue, or with `renew` from the last use, to expiry. */
  ttlMs: number
  /** How long a token may go unused; `Infinity` for no limit. */
  idleTtlMs: number
  /** Whether use moves the expiry. */
  renew: boolean
  /** With `renew`: from issue to the expiry that no use can move. */
  maxTtlMs: number
  /** The longest life of a token that is no device's. */
  personalMaxTtlMs: number
  /** How long a token works after its rotation. */
  rotationGraceMs: number
}

/** The rules by which tokens expire. A token is valid up to the millisecond before its expiry, and refused at it. */
export interface TokenLife {
  readonly idleTtlMs: number
  readonly rotationGraceMs: number
  /** What tells live tokens from ended ones at this moment. */
  liveAt(now: number): LiveAt
  /** The expiry of a token issued now; `expiresIn` may only shorten it, and such a token is never renewed. */
  start(now: number, expiresIn: string | null): { expiresAt: number; maxExpiresAt: number }
  /** The same for a token that is no device's, which is never renewed; `expiresIn` may ask for longer than `ttlMs`. */
  startPersonal(now: number, expiresIn: string | null): { expiresAt: number; maxExpiresAt: number }
  /** The expiry after a rotation: as for a new token, up to the ceiling that it has. */
  restart(now: number, maxExpiresAt: number): number
  /** The same for a token that comes from elsewhere and keeps the expiry that it has there; null for none, which ends it as others. */
  adopt(now: number, expiresAt: number | null): { expiresAt: number; maxExpiresAt: number }
  /** Whether a token that was rotated still works: the last one before the one in force, for a while. */
  isInGrace<T extends Predecessor>(predecessor: T, now: number): predecessor is T & { nonce: Uint8Array }
  /** The expiry after a use: moved on, up to the token's ceiling, or as it was. */
  renew(expiresAt: number, maxExpiresAt: number, now: number): number
}

export function createTokenLife(options: TokenLifeOptions): TokenLife {
  const { ttlMs, idleTtlMs, renew, maxTtlMs, personalMaxTtlMs, rotationGraceMs } = options

  function adopt(now: number, kept: number | null): { expiresAt: number; maxExpiresAt: number } {
    const expiresAt = kept ?? now + ttlMs
    return { expiresAt, maxExpiresAt: renew ? Math.max(now + maxTtlMs, expiresAt) : expiresAt }
  }

  return {
    idleTtlMs,
    rotationGraceMs,
    liveAt: (now) => ({ now, idleSince: Number.isFinite(idleTtlMs) ? now - idleTtlMs : -1 }),
    adopt,
    start(now, expiresIn) {
      if (expiresIn === null) return adopt(now, null)
      const expiresAt = now + Math.min(requireDuration(expiresIn), ttlMs)
      return { expiresAt, maxExpiresAt: expiresAt }
    },
    startPersonal(now, expiresIn) {
      const lifeMs = expiresIn === null ? ttlMs : requireDuration(expiresIn)
      const expiresAt = now + Math.min(lifeMs, personalMaxTtlMs)
      return { expiresAt, maxExpiresAt: expiresAt }
    },
    restart: (now, maxExpiresAt) => Math.min(now + ttlMs, maxExpiresAt),
    isInGrace<T extends Predecessor>(predecessor: T, now: number): predecessor is T & { nonce: Uint8Array } {
      return predecessor.nonce !== null && now < predecessor.rotatedAt + rotationGraceMs
    },
    renew(expiresAt, maxExpiresAt, now) {
      if (!renew) return expiresAt
      return Math.max(expiresAt, Math.min(now + ttlMs, maxExpiresAt))
    },
  }
}

const unitMs = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 }

/** `30d`, `12h`, `15m`, `10s`, `250ms` → milliseconds, or null. */
export function parseDuration(text: string): number | null {
  const match = /^(\d{1,9})(ms|s|m|h|d)$/.exec(text)
  if (match === null) return null
  return Number(match[1]) * unitMs[match[2] as keyof typeof unitMs]
}

function requireDuration(text: string): number {
  const duration = parseDuration(text)
  if (duration === null || duration < 1_000) {
    throw badInput(
      'expiresIn',
      'DURATION',
      'expiresIn must be a duration of at least 1s, such as 30d, 12h, 15m or 10s.',
    )
  }
  return duration
}
