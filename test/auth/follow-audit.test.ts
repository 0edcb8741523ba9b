import { setTimeout as sleep } from 'node:timers/promises'
import { sql } from 'kysely'
import t from 'tap'
import { insertAuditEvents } from '../../src/db/audit.ts'
import { auditRow } from '../support/audit.ts'
import { openDomain, type TestDomain } from '../support/domain.ts'

// Who follows keeps no process alive.
const alive = setInterval(() => {}, 1_000)
t.teardown(() => clearInterval(alive))

/** Records so many events of the moment. */
async function record({ database, clock }: TestDomain, event: string, count = 1): Promise<void> {
  const rows = Array.from({ length: count }, () => auditRow(clock.now, event))
  await database.run((db) => insertAuditEvents(db, rows))
}

t.test('however much there was before, only what comes is told of', async (t) => {
  const domain = await openDomain(t)
  await record(domain, 'before', 450)
  const stop = new AbortController()
  const events = domain.auth.followAudit(stop.signal)
  const first = events.next()
  await sleep(500)
  await record(domain, 'after', 250)
  const told = [await first]
  while (told.length < 250) told.push(await events.next())
  t.ok(told.every(({ value }) => value?.event === 'after'))
  const last = events.next()
  stop.abort()
  t.strictSame(await last, { done: true, value: undefined })
})

t.test('a database that is away for a moment loses nothing of it', async (t) => {
  const domain = await openDomain(t)
  const { kysely } = domain.database
  const stop = new AbortController()
  t.teardown(() => stop.abort())
  const told = domain.auth.followAudit(stop.signal).next()
  await sleep(500)
  await record(domain, 'unheard')
  await sql`alter table latchkey_audit_events rename to hidden`.execute(kysely)
  await sleep(2_500) // it is looked for twice in vain
  await sql`alter table hidden rename to latchkey_audit_events`.execute(kysely)
  t.match(await told, { value: { event: 'unheard' } })
})
