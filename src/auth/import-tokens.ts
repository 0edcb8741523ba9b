import type { Kysely } from 'kysely'
import { v7 as uuidv7 } from 'uuid'
import { findImported, type ImportedToken, type ImportSource } from '../db/imports.ts'
import type { Tables } from '../db/tables.ts'
import { listLiveTokenUses } from '../db/tokens.ts'
import { readDjangoTokenForm } from './django-tokens.ts'
import type { ForeignAccount, ForeignToken } from './import-account.ts'
import { type ImportSummary, leaveOut, type TokenRefusal } from './import-summary.ts'
import type { Owner } from './import-users.ts'
import { digestToken } from './token-format.ts'
import type { TokenLife } from './token-life.ts'

/** A new token with what it is noted by that it was imported. */
export type NewImportedToken = ImportedToken & { source: ImportSource; foreignId: string }

const sources = { drf: 'drf:token', knox: 'knox:token' } as const

const names = { drf: 'Imported from Django REST Framework', knox: 'Imported from Knox' }

/** Decides which tokens are imported, and counts the others with the reason. */
export async function settleTokens(
  db: Kysely<Tables>,
  accounts: readonly ForeignAccount[],
  options: { now: number; owners: ReadonlyMap<string, Owner>; life: TokenLife; tokenLimit: number },
  summary: ImportSummary['tokens'],
): Promise<NewImportedToken[]> {
  const { now, owners, life, tokenLimit } = options
  const known = await findKnown(db, accounts)
  const imported: NewImportedToken[] = []
  for (const account of accounts) {
    for (const [reason, count] of Object.entries(account.otherTokens)) {
      leaveOut(summary.skipped, reason as TokenRefusal, account, count)
    }
    const owner = owners.get(account.id)
    if (!owner?.active) {
      leaveOut(summary.skipped, refusalOf(owner), account, account.tokens.length)
      continue
    }
    const fresh: { form: ForeignToken['form']; digest: Buffer; expiresAt: number | null }[] = []
    for (const { form, stored, expiresAt } of account.tokens) {
      const digest = readDigest(form, stored)
      if (digest === null) leaveOut(summary.skipped, 'FORM', account)
      else if (known[form].has(digest.toString('hex'))) summary.importedBefore++
      else fresh.push({ form, digest, expiresAt })
    }
    const room = fresh.length === 0 || owner.isNew ? tokenLimit : tokenLimit - (await countLive(owner.id))
    leaveOut(summary.skipped, 'LIMIT', account, fresh.length - fresh.slice(0, Math.max(room, 0)).length)
    for (const { form, digest, expiresAt } of fresh.slice(0, Math.max(room, 0))) {
      summary[form]++
      imported.push({
        id: uuidv7({ msecs: now, seq: imported.length }), // of now, not of its issue: what is pruned is looked for by the order of ids
        userId: owner.id,
        digest: digest.toString('base64url'),
        name: names[form],
        createdAt: now,
        ...life.adopt(now, expiresAt),
        source: sources[form],
        foreignId: digest.toString('hex'),
      })
    }
  }
  return imported

  async function countLive(userId: string): Promise<number> {
    return (await listLiveTokenUses(db, userId, life.liveAt(now), null)).length
  }
}

/** Which were imported before, whatever became of them. */
async function findKnown(
  db: Kysely<Tables>,
  accounts: readonly ForeignAccount[],
): Promise<Record<ForeignToken['form'], ReadonlyMap<string, string>>> {
  const idsOf = (wanted: ForeignToken['form']): string[] =>
    accounts.flatMap(({ tokens }) =>
      tokens
        .filter(({ form }) => form === wanted)
        .map(({ form, stored }) => readDigest(form, stored)?.toString('hex') ?? ''),
    )
  return {
    drf: await findImported(db, sources.drf, idsOf('drf')),
    knox: await findImported(db, sources.knox, idsOf('knox')),
  }
}

function refusalOf(owner: Owner | undefined): TokenRefusal {
  if (owner === undefined) return 'USER_SKIPPED'
  return owner === null ? 'USER_DELETED' : 'USER_INACTIVE'
}

/** What is stored here of a token: SHA-256 of one, or the SHA-512 that Knox has; null for what nobody could present. */
function readDigest(form: ForeignToken['form'], stored: string): Buffer | null {
  if (form === 'knox') return /^[0-9a-f]{128}$/.test(stored) ? Buffer.from(stored, 'hex') : null
  return readDjangoTokenForm(stored) === 'drf' ? Buffer.from(digestToken(stored), 'base64url') : null
}
