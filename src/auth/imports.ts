import type { Kysely } from 'kysely'
import { insertImported, insertImportedTokens, insertImportedUsers } from '../db/imports.ts'
import type { Database } from '../db/open.ts'
import type { Tables } from '../db/tables.ts'
import type { ForeignAccount } from './import-account.ts'
import { addSummary, emptySummary, type ImportSummary } from './import-summary.ts'
import { type NewImportedToken, settleTokens } from './import-tokens.ts'
import { type NewImportedUser, settleUsers } from './import-users.ts'
import type { ReportEvent } from './origin.ts'
import type { TokenLife } from './token-life.ts'

/** How accounts are imported. */
export interface ImportOptions {
  /** Finds out what would be done, and writes nothing. */
  dryRun: boolean
  /** Whether superusers get the role ADMIN. */
  admins: boolean
}

/** Accounts that are imported, a batch at a time, each in the order of their keys. */
export interface Import {
  readonly summary: ImportSummary
  /**
   * Stores accounts with their tokens, all or none, but those that were imported before: what has become of them here
   * stays, so that doing it all again adds what is new and nothing else.
   */
  take(accounts: readonly ForeignAccount[]): Promise<void>
  /** Reports what was imported: one event for all accounts, and one for all tokens. */
  finish(): void
}

/** Takes accounts over from another system. */
export interface Imports {
  startImport(options: ImportOptions): Import
}

/** What a batch comes to. */
interface Batch {
  now: number
  users: NewImportedUser[]
  tokens: NewImportedToken[]
  summary: ImportSummary
}

export function createImports(deps: {
  database: Database
  clock: () => number
  life: TokenLife
  tokenLimit: number
  report: ReportEvent
}): Imports {
  const { database, clock, life, tokenLimit, report } = deps

  return {
    startImport({ dryRun, admins }) {
      const summary = emptySummary()
      /** Names that a dry run has given away. */
      const given = new Set<string>()

      async function settle(db: Kysely<Tables>, accounts: readonly ForeignAccount[]): Promise<Batch> {
        const now = clock()
        const batch = emptySummary() // of its own: a batch begins anew where another process was writing
        const { users, owners } = await settleUsers(db, accounts, { now, admins, given }, batch.users)
        const tokens = await settleTokens(db, accounts, { now, owners, life, tokenLimit }, batch.tokens)
        return { now, users, tokens, summary: batch }
      }

      async function takeForGood(accounts: readonly ForeignAccount[]): Promise<Batch> {
        return database.transaction(async (db) => {
          const batch = await settle(db, accounts)
          await store(db, batch)
          return batch
        })
      }

      async function takeForTrial(accounts: readonly ForeignAccount[]): Promise<Batch> {
        const batch = await database.run((db) => settle(db, accounts))
        for (const { usernameKey, emailKey } of batch.users)
          given.add(usernameKey).add(emailKey ?? usernameKey)
        return batch
      }

      return {
        summary,
        async take(accounts) {
          const batch = dryRun ? await takeForTrial(accounts) : await takeForGood(accounts)
          addSummary(summary, batch.summary)
        },
        finish() {
          if (dryRun) return
          const { users, tokens } = summary
          if (users.imported > 0) report({ event: 'users_imported', count: users.imported })
          const count = tokens.drf + tokens.knox
          if (count > 0) report({ event: 'tokens_imported', count })
        },
      }
    },
  }
}

async function store(db: Kysely<Tables>, { now, users, tokens }: Batch): Promise<void> {
  await insertImportedUsers(db, users)
  await insertImported(
    db,
    'django:user',
    users.map(({ foreignId, id }) => ({ foreignId, userId: id, importedAt: now })),
  )
  await insertImportedTokens(db, tokens)
  for (const source of ['drf:token', 'knox:token'] as const) {
    const ofSource = tokens.filter((token) => token.source === source)
    await insertImported(
      db,
      source,
      ofSource.map(({ foreignId, userId }) => ({ foreignId, userId, importedAt: now })),
    )
  }
}
