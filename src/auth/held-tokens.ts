import type { FindOne } from '../db/open.ts'
import type { PredecessorRow } from '../db/rotation.ts'
import type { TokenWithUserRow } from '../db/tokens.ts'
import type { KnownTokens } from './known-tokens.ts'
import type { NoteLife } from './note-life.ts'
import type { FindOrigin } from './origin.ts'
import {
  createJudgeToken,
  findRefusal,
  invalid,
  type Principal,
  revoked,
  toUserPrincipal,
} from './principal.ts'
import type { TokenLife } from './token-life.ts'
import type { TokenUses } from './token-uses.ts'

/** Tokens that connections hold: they were presented once, and are judged again and again without being presented anew. */
export interface HeldTokens {
  /**
   * Judges the token that has one of these digests. A good one is used by that where `usedFrom` tells of the request that does
   * so; with null it is only looked at. One that was rotated too long ago is refused, and ends nothing: nobody has shown
   * it. Answers at once where the database driver is synchronous; throws for a database fault.
   */
  judgeHeldToken(digests: readonly string[], usedFrom: FindOrigin | null): Standing | Promise<Standing>
}

/** Who holds a token, and until when that is certain if nothing is written: not a millisecond before, in milliseconds since 1970. */
export interface Standing {
  readonly principal: Principal
  readonly endsAt: number
}

export function createHeldTokens(deps: {
  findToken: FindOne<TokenWithUserRow>
  findPredecessor: FindOne<PredecessorRow>
  /** Null for no cache. */
  knownTokens: KnownTokens | null
  clock: () => number
  life: TokenLife
  uses: TokenUses
  noteLife: NoteLife
}): HeldTokens {
  const { findToken, findPredecessor, knownTokens, clock, life, uses } = deps
  const judgeUse = createJudgeToken(deps)

  function judge(
    row: TokenWithUserRow,
    usedFrom: FindOrigin | null,
    latest = Number.POSITIVE_INFINITY,
  ): Standing {
    const principal = usedFrom === null ? look(row) : judgeUse(row, usedFrom().address, usedFrom)
    if (principal.kind === 'anonymous') return refused(principal)
    const { lastUsedAt, createdAt, expiresAt } = principal.token
    const idleAt =
      row.kind === null ? Math.max(Number(lastUsedAt), createdAt) + life.idleTtlMs : Number.POSITIVE_INFINITY
    return { principal, endsAt: Math.min(expiresAt, idleAt, latest) }
  }

  function look(row: TokenWithUserRow): Principal {
    const use = uses.find(row.id)
    return findRefusal(row, clock(), life, use) ?? toUserPrincipal(row, use)
  }

  function judgePredecessor(row: PredecessorRow, usedFrom: FindOrigin | null): Standing {
    if (!life.isInGrace(row, clock())) return refused(findRefusal(row, clock(), life) ?? revoked)
    return judge(row, usedFrom, row.rotatedAt + life.rotationGraceMs)
  }

  function lookUp(
    digests: readonly string[],
    index: number,
    usedFrom: FindOrigin | null,
  ): Standing | Promise<Standing> {
    const digest = digests[index]
    if (digest === undefined) return refused(invalid)
    const mark = knownTokens?.mark() ?? 0
    const found = findToken(digest)
    if (found instanceof Promise) return lookUpLater(digests, index, usedFrom, mark, found)
    knownTokens?.keep(digest, found)
    if (found !== undefined) return judge(found, usedFrom)
    const before = findPredecessor(digest) as PredecessorRow | undefined // synchronous as `findToken` is
    return before === undefined ? lookUp(digests, index + 1, usedFrom) : judgePredecessor(before, usedFrom)
  }

  async function lookUpLater(
    digests: readonly string[],
    index: number,
    usedFrom: FindOrigin | null,
    mark: number,
    found: Promise<TokenWithUserRow | undefined>,
  ): Promise<Standing> {
    const digest = digests[index] as string // which was looked for
    const row = await found
    knownTokens?.keepSince(mark, digest, row)
    if (row !== undefined) return judge(row, usedFrom)
    const before = await findPredecessor(digest)
    return before === undefined ? lookUp(digests, index + 1, usedFrom) : judgePredecessor(before, usedFrom)
  }

  return {
    judgeHeldToken(digests, usedFrom) {
      for (const digest of digests) {
        const known = knownTokens?.find(digest)
        const standing = known && judge(known, usedFrom)
        // else another process may have written a use or a renewal
        if (standing?.principal.kind === 'user') return standing
      }
      return lookUp(digests, 0, usedFrom)
    },
  }
}

function refused(principal: Principal): Standing {
  return { principal, endsAt: Number.NEGATIVE_INFINITY }
}
