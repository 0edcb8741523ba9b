import { setTimeout as sleep } from 'node:timers/promises'
import { type ParsedMail, simpleParser } from 'mailparser'
import { SMTPServer, type SMTPServerOptions } from 'smtp-server'
import type { Test } from 'tap'
import { secret } from './log.ts'

/** A mail as it arrived. */
export interface ArrivedMail {
  to: string
  from: string
  subject: string
  text: string
  html: string
  headers: ParsedMail['headers']
  /** Of the link in its text; empty where there is none. */
  token: string
  /** Whom the envelope named. */
  recipients: string[]
}

export interface MailServer {
  /** Settings of an app that sends through it. */
  settings: { smtpUrl: string; mailFrom: string }
  mails: ArrivedMail[]
  /** The next mail to an address that nobody has taken yet. */
  next(to: string): Promise<ArrivedMail>
  /** Stops listening, so that nobody can connect. */
  vanish(): Promise<void>
}

/** A real SMTP server; `options` say what it refuses. */
export async function startMailServer(
  t: Test,
  options: SMTPServerOptions = {},
  port = 0,
): Promise<MailServer> {
  const mails: ArrivedMail[] = []
  const server = new SMTPServer({
    authOptional: true,
    disabledCommands: ['STARTTLS'],
    onData(stream, session, done) {
      simpleParser(stream).then((mail) => {
        const text = mail.text ?? ''
        mails.push({
          to: [mail.to ?? []]
            .flat()
            .map((one) => one.text)
            .join(),
          from: mail.from?.text ?? '',
          subject: mail.subject ?? '',
          text,
          html: mail.html || '',
          headers: mail.headers,
          token: secret(/lkm_[0-9A-Za-z]+/.exec(text)?.[0] ?? ''),
          recipients: session.envelope.rcptTo.map(({ address }) => address),
        })
        done()
      }, done)
    },
    ...options,
  })
  server.on('error', () => {}) // clients that go away in the middle
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve))
  const address = server.server.address() as { port: number }
  const vanish = (): Promise<void> => new Promise((resolve) => server.close(() => resolve()))
  t.teardown(vanish)
  return {
    settings: { smtpUrl: `smtp://127.0.0.1:${address.port}`, mailFrom: 'Latchkey <login@example.org>' },
    mails,
    async next(to) {
      for (;;) {
        const index = mails.findIndex((mail) => mail.to === to)
        if (index >= 0) return mails.splice(index, 1)[0] as ArrivedMail // it is there
        await sleep(5)
      }
    },
    vanish,
  }
}
