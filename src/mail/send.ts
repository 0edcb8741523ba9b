import type { Transporter } from 'nodemailer'
import type { Mail, SendMail } from '../auth/mails.ts'
import { isMailable } from '../auth/names.ts'
import { Undeliverable } from '../auth/outbox.ts'
import { createWriteMail, type WrittenMail } from './templates.ts'
import type { MailWriters } from './writers.ts'

/** The settings of mails. */
export interface MailSettings {
  smtpUrl: string
  mailFrom: string
  publicUrl: string
  mailLinkReset: string
  mailLinkVerify: string
  mailTemplates: string
}

/** A server that does not answer within these holds no mail up for longer, in milliseconds. */
const timeouts = {
  dnsTimeout: 10_000,
  connectionTimeout: 10_000,
  greetingTimeout: 10_000,
  socketTimeout: 20_000,
}

/**
 * Sends mails by SMTP or, with `log`, hands them to `print` whole; undefined with `off`. Throws an `Error` for templates
 * that cannot be used.
 */
export function createSendMail(
  settings: MailSettings,
  print: (mail: Omit<WrittenMail, 'html'>) => void,
  writers?: MailWriters,
): SendMail | undefined {
  const write = createWriteMail(settings.mailTemplates, (mail) => linkOf(settings, mail), writers)
  if (settings.smtpUrl === 'off') return undefined
  if (settings.smtpUrl === 'log') {
    return async (mail) => {
      const { to, subject, text } = await write(mail)
      print({ to, subject, text })
    }
  }
  const deliver = createTransport(settings)
  return async (mail) => deliver(await write(mail))
}

/** The token goes behind a `#` by default: browsers send that to no server, and no log has it. */
function linkOf({ publicUrl, mailLinkReset, mailLinkVerify }: MailSettings, { kind, values }: Mail): string {
  const link = (kind === 'reset' ? mailLinkReset : mailLinkVerify).replace('{token}', String(values.token))
  return link.startsWith('/') ? publicUrl + link : link
}

function createTransport({ smtpUrl, mailFrom }: MailSettings): (mail: WrittenMail) => Promise<void> {
  let opening: Promise<Transporter> | null = null

  /** Who sends no mail does not load what sends it. */
  async function open(): Promise<Transporter> {
    const { default: nodemailer } = await import('nodemailer')
    return nodemailer.createTransport({
      url: smtpUrl,
      ...timeouts,
      ...(needsTls(new URL(smtpUrl)) ? { requireTLS: true } : {}),
      disableFileAccess: true,
      disableUrlAccess: true,
    })
  }

  return async ({ to, subject, text, html }) => {
    // It is an address that somebody typed: what has a meaning of its own in a header goes into none.
    if (!isMailable(to)) throw new Undeliverable('the address has characters that none needs')
    try {
      opening ??= open()
      const transport = await opening
      await transport.sendMail({
        from: mailFrom,
        to: { name: '', address: to },
        subject,
        text,
        html,
        // Out-of-office notes would tell that there is such an account (RFC 3834 §5).
        headers: { 'Auto-Submitted': 'auto-generated' },
      })
    } catch (error) {
      throw explain(error as SmtpError, to)
    }
  }
}

/** A password goes over no network in the clear. */
function needsTls({ protocol, username, hostname }: URL): boolean {
  return protocol === 'smtp:' && username !== '' && !/^(localhost|127\.\d+\.\d+\.\d+|\[::1\])$/.test(hostname)
}

interface SmtpError extends Error {
  code?: string
  command?: string
  responseCode?: number
}

/** What went wrong, without the address. A server that refuses the recipient or the mail for good will not change its mind. */
function explain(error: SmtpError, to: string): Error {
  const sentence = error.message.replaceAll(to, '(the address)')
  const isForGood = (error.responseCode ?? 0) >= 500 && /^(RCPT TO|DATA)$/.test(String(error.command))
  return isForGood ? new Undeliverable(sentence) : new Error(sentence)
}
