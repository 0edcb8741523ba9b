import { sql } from 'kysely'
import t from 'tap'
import { createMailDelivery, describeDuration } from '../../src/auth/mail-delivery.ts'
import { createMails, type Mail, nameOf } from '../../src/auth/mails.ts'
import { findUserById } from '../../src/db/users.ts'
import { openDomain } from '../support/domain.ts'

t.test('how long a link is good for is said as people say it', async (t) => {
  for (const [ms, text] of [
    [3_600_000, '1 hour'],
    [86_400_000, '1 day'],
    [172_800_000, '2 days'],
    [5_400_000, '90 minutes'],
    [60_000, '1 minute'],
    [90_500, '91 seconds'],
  ] as const) {
    t.equal(describeDuration(ms), text)
  }
})

t.test('a stored mail that somebody has damaged is given up, and said to be', async (t) => {
  const { database, clock, events } = await openDomain(t)
  const options = { enabled: true, resetTtlMs: 3_600_000, verifyTtlMs: 86_400_000, limit: 5 }
  const { auth } = await openDomain(t)
  const mails = createMails({ outbox: auth.outbox, clock: () => clock.now, options })
  const delivery = createMailDelivery({
    database,
    clock: () => clock.now,
    options,
    mails,
    send: async () => {},
    report: (event) => events.push(event),
  })
  const attempt = { id: 'x', createdAt: clock.now, attempt: 1 }
  await t.rejects(delivery.deliver(null, { ...attempt, signal: AbortSignal.timeout(1_000) }), {
    message: /cannot be read/,
  })
  delivery.giveUp?.(null, attempt)
  t.same(events, [{ event: 'mail_failed' }])
  delivery.giveUp?.({ mail: 'reset', name: 'ada' }, attempt)
  t.same(events.at(-1), { event: 'mail_failed', detail: 'reset' })
  delivery.giveUp?.({ mail: 'verification', userId: 'a' }, attempt)
  t.same(events.at(-1), { event: 'mail_failed', userId: 'a', detail: 'verification' })
})

t.test(
  'a notice to an address that is not verified has nothing in it that its user has written',
  async (t) => {
    const { auth, database, clock, createUser } = await openDomain(t)
    const options = { enabled: true, resetTtlMs: 3_600_000, verifyTtlMs: 86_400_000, limit: 5 }
    const mails = createMails({ outbox: auth.outbox, clock: () => clock.now, options })
    const userId = await createUser('ada', 'ada@example.org')
    const stored = async (): Promise<Mail['values']> => {
      const { rows } = await sql<{ payload: string }>`
      select payload from latchkey_outbox order by id desc limit 1`.execute(database.kysely)
      return JSON.parse(rows[0]?.payload ?? '{}').values
    }
    for (const [verifiedAt, device] of [
      [null, 'not shown, as this address is not verified'],
      [1, 'unknown'],
    ] as const) {
      await sql`update latchkey_users set email_verified_at = ${verifiedAt}`.execute(database.kysely)
      const user = await database.run((db) => findUserById(db, userId))
      if (user === undefined) throw new Error('there is no such user')
      await database.run((db) => mails.notify(db, user, 'new-device'))
      t.match(await stored(), { device, address: 'unknown', account: verifiedAt ? 'ada' : 'ada@example.org' })
      clock.now += 1
    }
  },
)

t.test('what has lost its sense is not sent, nor is more than an address may get', async (t) => {
  const { auth, database, clock, events, createUser } = await openDomain(t)
  const options = { enabled: true, resetTtlMs: 3_600_000, verifyTtlMs: 86_400_000, limit: 2 }
  const sent: string[] = []
  const delivery = createMailDelivery({
    database,
    clock: () => clock.now,
    options,
    mails: createMails({ outbox: auth.outbox, clock: () => clock.now, options }),
    send: async ({ kind }) => void sent.push(kind),
    report: (event) => events.push(event),
  })
  const attempt = { id: 'x', createdAt: clock.now, attempt: 1, signal: AbortSignal.timeout(10_000) }
  await delivery.deliver({ mail: 'verification', userId: 'nobody' }, attempt)
  t.same(sent, [])
  const userId = await createUser('ada')
  const notice = { mail: 'password-changed', userId, to: 'ada@example.org', values: {} }
  for (let count = 0; count < 4; count++) await delivery.deliver(notice, attempt)
  t.same(sent, ['password-changed', 'password-changed'])
  const user = await database.run((db) => findUserById(db, userId))
  t.equal(user && nameOf(user), 'ada', 'who has no address has a name')
})
