import { badInput } from '../errors.ts'
import { digestToken, generateToken, isWellFormedToken } from './token-format.ts'

/** Tells the one-time tokens of mails from tokens of devices; a scanner for secrets finds either. */
const prefix = 'lkm_'

/** A new one-time token: 256 random bits and a checksum, in the form of `generateToken`. */
export function generateMailToken(): string {
  return generateToken(prefix)
}

/** The digest of what may be the token of a mail, or null where its form or checksum is wrong. */
export function digestMailToken(text: string): string | null {
  const token = text.trim() // as it is when somebody copies it out of a mail
  return token.startsWith(prefix) && isWellFormedToken(token) ? digestToken(token) : null
}

/** One answer to whatever is wrong with a token of a mail. */
export function mailTokenRefused(): Error {
  return badInput('token', 'MAIL_TOKEN', 'This link is not valid, or not any more. Ask for a new one.')
}
