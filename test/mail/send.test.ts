import t from 'tap'
import type { Mail } from '../../src/auth/mails.ts'
import { createSendMail } from '../../src/mail/send.ts'
import type { WrittenMail } from '../../src/mail/templates.ts'
import { placeholdersOf, texts } from '../../src/mail/texts.ts'

const values = { account: 'ada', email: 'ada@example.org', validFor: '1 hour', token: 'lkm_x' }

t.test('a link is a path of ours, or the page of an application', async (t) => {
  const printed: Omit<WrittenMail, 'html'>[] = []
  const settings = {
    smtpUrl: 'log',
    mailFrom: '',
    publicUrl: 'https://auth.example.org',
    mailLinkReset: 'https://app.example.org/reset?t={token}',
    mailLinkVerify: '/verify#{token}',
    mailTemplates: '',
  }
  const send = createSendMail(settings, (mail) => printed.push(mail))
  await send?.({ kind: 'reset', to: 'ada@example.org', values })
  await send?.({ kind: 'verification', to: 'ada@example.org', values })
  t.match(printed, [
    { text: 'https://app.example.org/reset?t=lkm_x' },
    { text: 'https://auth.example.org/verify#lkm_x' },
  ])
  t.equal(
    createSendMail({ ...settings, smtpUrl: 'off' }, () => {}),
    undefined,
  )
})

t.test('each mail mentions only what it may', async (t) => {
  for (const [kind, text] of Object.entries(texts)) {
    const known = placeholdersOf(kind as Mail['kind'])
    for (const [, word = ''] of text.matchAll(/\{(\w+)\}/g)) t.ok(known.includes(word), `${kind}: ${word}`)
  }
})
