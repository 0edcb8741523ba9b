import { badInput } from '../errors.ts'

/** A name as it is shown, and the canonical form that makes it unique and findable. */
export interface CanonicalName {
  text: string
  key: string
}

const usernameMaxLength = 150
const emailMaxLength = 254

/**
 * Control, format (zero-width, bidirectional), private, unassigned and separator characters other than the blank, and
 * what else shows nothing, such as fillers and variation selectors.
 */
const unprintable = /[\p{C}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}]/u

/** Control characters, and those that turn the direction of text; emoji need the other invisible ones. */
const unlabelable = /[\p{Cc}\p{Zl}\p{Zp}\u202a-\u202e\u2066-\u2069]/u

/** Characters that mean something of their own in the header of a mail. */
const headerCharacters = /[<>()[\]\\,;:"]/

/** One `@`, something on both sides, a dot in the domain. Whether mail arrives is for the mail to show. */
const emailPattern = /^[^\s@]{1,64}@[^\s@.]+(\.[^\s@.]+)+$/u

/** Whether mail can be sent to an address without harm. */
export function isMailable(address: string): boolean {
  return emailPattern.test(address) && !unprintable.test(address) && !headerCharacters.test(address)
}

/** A username for an account, or `BAD_USER_INPUT`. Compatible forms are one (NFKC), blanks around it do not count. */
export function requireUsername(username: string, field: string, email: CanonicalName | null): CanonicalName {
  if (!username.isWellFormed() || username.length > 4 * usernameMaxLength) {
    throw badInput(
      field,
      'ILL_FORMED',
      `A username has 1 to ${usernameMaxLength} characters of well-formed Unicode.`,
    )
  }
  const text = username.normalize('NFKC').trim()
  const length = [...text].length
  if (length < 1 || length > usernameMaxLength) {
    throw badInput(field, 'LENGTH', `A username has 1 to ${usernameMaxLength} characters.`)
  }
  if (unprintable.test(text)) {
    throw badInput(field, 'CHARACTERS', 'A username must not contain control or invisible characters.')
  }
  const key = toNameKey(text)
  if (key.includes('@') && key !== email?.key) {
    throw badInput(field, 'NOT_YOUR_EMAIL', "A username with an @ must be the account's own email address.")
  }
  return { text, key }
}

/** An email address, or `BAD_USER_INPUT`. It is kept as written and compared without regard to letter case. */
export function requireEmail(email: string, field: string): CanonicalName {
  const text = email.length <= emailMaxLength * 2 && email.isWellFormed() ? email.normalize('NFC').trim() : ''
  if (text.length > emailMaxLength || !isMailable(text)) {
    throw badInput(field, 'EMAIL', 'This is not an email address.')
  }
  return { text, key: toNameKey(text) }
}

/** The canonical form of whatever was typed as a name, or `BAD_USER_INPUT` for text that no account can have. */
export function requireNameKey(name: string, field: string): string {
  if (
    !name.isWellFormed() ||
    name.length > 4 * emailMaxLength ||
    unprintable.test(name.normalize('NFKC').trim())
  ) {
    throw badInput(field, 'ILL_FORMED', 'This is neither a username nor an email address.')
  }
  return toNameKey(name)
}

/** The canonical form of an accepted name: NFKC, case-folded, and NFKC again, for folding can undo it. */
export function toNameKey(name: string): string {
  // By way of upper case, so that ß and SS, or the final sigma, fold alike; lower case first, for ẞ has its ß only there.
  return name.normalize('NFKC').trim().toLowerCase().toUpperCase().toLowerCase().normalize('NFKC')
}

/** The canonical forms of all names that mean an account. */
export function nameKeysOf({ username, email }: { username: string; email: string | null }): string[] {
  return [username, ...(email === null ? [] : [email])].map(toNameKey)
}

/** A character that can be seen. */
const visible = /[^\p{Z}\p{C}\p{Default_Ignorable_Code_Point}]/u

/** A short text that people read, such as a device's name, or `BAD_USER_INPUT`. Null stays null. */
export function requireLabel(
  text: string | null | undefined,
  field: string,
  maxLength: number,
): string | null {
  if (text === null || text === undefined) return null
  if (!text.isWellFormed() || text.length > 4 * maxLength || unlabelable.test(text)) {
    throw badInput(field, 'CHARACTERS', `${field} must be well-formed text without control characters.`)
  }
  const label = text.normalize('NFC').trim()
  if (!visible.test(label) || [...label].length > maxLength) {
    throw badInput(field, 'LENGTH', `${field} has 1 to ${maxLength} characters.`)
  }
  return label
}
