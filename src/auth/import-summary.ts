import type { NameRefusal, UnreadToken } from './import-account.ts'

/** What was left out for one reason, with some of the accounts that it befell. */
export interface LeftOut {
  count: number
  examples: { id: string; username: string | null }[]
}

/** Counts by reason. */
export type Reasons<Reason extends string> = Partial<Record<Reason, LeftOut>>

/**
 * Why an account is not imported: `TAKEN` for a username that somebody else has as a username or an address,
 * `OTHER_ACCOUNT` where another account was imported under the same key.
 */
export type UserRefusal = NameRefusal | 'TAKEN' | 'OTHER_ACCOUNT'

/** Why a token is not imported. */
export type TokenRefusal = UnreadToken | 'FORM' | 'USER_SKIPPED' | 'USER_DELETED' | 'USER_INACTIVE'

/** What became of accounts and tokens. */
export interface ImportSummary {
  users: {
    imported: number
    importedBefore: number
    skipped: Reasons<UserRefusal>
    /** Of those that are imported: without the email address that they had, */
    withoutEmail: Reasons<'INVALID' | 'TAKEN'>
    inactive: number
    /** and superusers of Django's, whether or not they became administrators. */
    superusers: number
    /** Passwords by hasher. */
    passwords: Record<string, number>
  }
  tokens: {
    drf: number
    knox: number
    importedBefore: number
    skipped: Reasons<TokenRefusal>
  }
}

const examplesKept = 5
const exampleMaxLength = 150

export function emptySummary(): ImportSummary {
  return {
    users: {
      imported: 0,
      importedBefore: 0,
      skipped: {},
      withoutEmail: {},
      inactive: 0,
      superusers: 0,
      passwords: {},
    },
    tokens: { drf: 0, knox: 0, importedBefore: 0, skipped: {} },
  }
}

/** Counts one that is left out, or several of the same account. */
export function leaveOut<Reason extends string>(
  reasons: Reasons<Reason>,
  reason: Reason,
  { id, username }: { id: string; username: string | null },
  count = 1,
): void {
  if (count === 0) return
  const example = { id: cut(id), username: username === null ? null : cut(username) }
  add(reasons, reason, { count, examples: [example] })
}

/** Adds what one batch came to. */
export function addSummary(total: ImportSummary, { users, tokens }: ImportSummary): void {
  total.users.imported += users.imported
  total.users.importedBefore += users.importedBefore
  total.users.inactive += users.inactive
  total.users.superusers += users.superusers
  for (const [kind, count] of Object.entries(users.passwords)) {
    total.users.passwords[kind] = (total.users.passwords[kind] ?? 0) + count
  }
  addAll(total.users.skipped, users.skipped)
  addAll(total.users.withoutEmail, users.withoutEmail)
  total.tokens.drf += tokens.drf
  total.tokens.knox += tokens.knox
  total.tokens.importedBefore += tokens.importedBefore
  addAll(total.tokens.skipped, tokens.skipped)
}

function addAll<Reason extends string>(total: Reasons<Reason>, more: Reasons<Reason>): void {
  for (const [reason, leftOut] of Object.entries(more) as [Reason, LeftOut][]) add(total, reason, leftOut)
}

function add<Reason extends string>(reasons: Reasons<Reason>, reason: Reason, more: LeftOut): void {
  const known = reasons[reason]
  const count = (known?.count ?? 0) + more.count
  reasons[reason] = { count, examples: [...(known?.examples ?? []), ...more.examples].slice(0, examplesKept) }
}

function cut(text: string): string {
  return text.slice(0, exampleMaxLength).toWellFormed()
}
