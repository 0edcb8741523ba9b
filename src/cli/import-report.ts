import type { ImportSummary, Reasons, TokenRefusal, UserRefusal } from '../auth/import-summary.ts'
import type { TableLeftOut } from '../django/layout.ts'
import { printable } from './output.ts'

const userReasons: Record<UserRefusal, string> = {
  TAKEN: 'somebody else has the username',
  OTHER_ACCOUNT: 'another account was imported under the same key; is this another project?',
  NOT_YOUR_EMAIL: "the username is an email address, and not the account's own",
  LENGTH: 'the username is empty, or longer than 150 characters',
  CHARACTERS: 'the username has control or invisible characters',
  ILL_FORMED: 'the username is no text, or far too long',
  ID: 'the key is no text, or too long',
}

const emailReasons = {
  TAKEN: 'somebody else has the address',
  INVALID: 'it is no email address',
}

const tokenReasons: Record<TokenRefusal, string> = {
  EXPIRED: 'they have expired',
  LIMIT: 'the user has as many newer ones as TOKEN_LIMIT allows',
  SALTED: 'each has a salt of its own, as in Knox before 4.2: they cannot be looked up',
  FORM: "they have not the form of the framework's own tokens, or an expiry that cannot be read",
  USER_SKIPPED: 'their user was not imported',
  USER_DELETED: 'their user was imported before, and deleted since',
  USER_INACTIVE: 'their user is not active',
}

const tableReasons: Record<TableLeftOut['reason'], string> = {
  MISSING: 'there is no such table',
  OTHER_USERS: 'its tokens are of users in another table',
}

/** What an import came to, in lines for people. */
export function describeImport(
  { users, tokens }: ImportSummary,
  { dryRun, tablesLeftOut, total }: { dryRun: boolean; tablesLeftOut: TableLeftOut[]; total: number },
): string {
  const imported = dryRun ? 'would be imported' : 'imported'
  const passwords = Object.entries(users.passwords)
    .sort(([, one], [, other]) => other - one)
    .map(([kind, count]) => `${count} ${kind}`)
  const lines = [
    ...(dryRun ? ['Nothing was written.'] : []),
    `Users: ${total} in Django; ${users.imported} ${imported}, ${users.importedBefore} imported before.`,
    ...describeReasons('skipped', users.skipped, userReasons),
    ...describeReasons('without their email address', users.withoutEmail, emailReasons),
    ...(users.inactive > 0 ? [`  ${users.inactive} of them inactive, and they stay so.`] : []),
    ...(users.superusers > 0 ? [`  ${users.superusers} of them superuser(s) of Django's.`] : []),
    ...(passwords.length > 0 ? [`  passwords: ${passwords.join(', ')}`] : []),
    `Tokens: ${tokens.drf} of Django REST Framework and ${tokens.knox} of Knox ${imported}, ${tokens.importedBefore} imported before.`,
    ...describeReasons('skipped', tokens.skipped, tokenReasons),
    ...tablesLeftOut.map(({ table, reason }) => `${table} is left out: ${tableReasons[reason]}.`),
  ]
  return lines.map((line) => `${printable(line)}\n`).join('')
}

function describeReasons<Reason extends string>(
  what: string,
  reasons: Reasons<Reason>,
  sentences: Record<Reason, string>,
): string[] {
  return (Object.keys(sentences) as Reason[]).flatMap((reason) => {
    const leftOut = reasons[reason]
    if (leftOut === undefined) return []
    const examples = leftOut.examples.map(({ id, username }) => `${id} (${username ?? '-'})`).join(', ')
    return [`  ${leftOut.count} ${what}: ${sentences[reason]}; such as user ${examples}`]
  })
}
