import type { LinkMail, Notice } from '../auth/mails.ts'
import { texts } from './texts.ts'

/** A mail as an application writes it. Without `html` it is made from the text, in which a link stands in a paragraph of its own. */
export interface MailContent {
  subject: string
  text: string
  /** What is mentioned in it is to be escaped: users choose their names. */
  html?: string | undefined
}

/** What a mail with a link may mention. */
export interface LinkMailValues {
  /** How the account is called. */
  readonly account: string
  readonly email: string
  readonly link: string
  /** What is in the link. */
  readonly token: string
  /** How long the link works, as `1 hour`. */
  readonly validFor: string
}

/** What a notice may mention; empty or `unknown` where a kind of notice has nothing to say of it. */
export interface NoticeValues {
  readonly account: string
  readonly address: string
  readonly device: string
  readonly email: string
  /** When it happened, in UTC. */
  readonly time: string
  /** The name of a token. */
  readonly token: string
}

/** Writes one kind of mail; what it returns is waited for. When it throws, the mail is tried again later. */
export type MailWriter<Values> = (values: Values) => MailContent | Promise<MailContent>

/** Functions of an application that write mails, in the place of the texts. */
export type MailWriters = { [Kind in LinkMail]?: MailWriter<LinkMailValues> | undefined } & {
  [Kind in Notice]?: MailWriter<NoticeValues> | undefined
}

/** What is wrong with the functions that an application hands over, a sentence each. */
export function findWriterProblems(writers: object): string[] {
  const kinds = Object.keys(texts)
  return Object.entries(writers).flatMap(([name, writer]) => {
    if (!kinds.includes(name)) return [`mails.${name} is no mail; there are ${kinds.join(', ')}.`]
    return writer === undefined || typeof writer === 'function' ? [] : [`mails.${name} must be a function.`]
  })
}
