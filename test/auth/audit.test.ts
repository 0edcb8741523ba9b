import { readFileSync } from 'node:fs'
import { sql } from 'kysely'
import t, { type Test } from 'tap'
import { createAudit } from '../../src/auth/audit.ts'
import { type AuthEvent, type AuthEventName, authEventNames } from '../../src/auth/origin.ts'
import {
  type AuditPath,
  deleteOldAuditEvents,
  eraseAuditDetails,
  firstIdAt,
  insertAuditEvents,
  listAuditEvents,
} from '../../src/db/audit.ts'
import { eventWords } from '../../web/console/api/event-words.ts'
import { auditRow } from '../support/audit.ts'
import { openDomain } from '../support/domain.ts'
import { openPlans } from '../support/plans.ts'

const minuteMs = 60_000
const limits = { rows: 3, sources: { repeated: 2, all: 4 }, pending: 8 }

/** An audit with small limits on a database of its own. */
async function open(t: Test) {
  const { auth, database, clock } = await openDomain(t)
  const lost: number[] = []
  const audit = createAudit({
    database,
    clock: () => clock.now,
    onLost: (count) => lost.push(count),
    limits,
  })
  async function recorded() {
    await audit.flush()
    const { items } = await auth.listAuditEvents({}, 100, null)
    return items.map(({ node }) => node).reverse()
  }
  const summary = async () =>
    (await recorded()).map(({ event, userId, times }) => `${event} ${userId?.at(-1) ?? '-'} ${times}`)
  return { audit, auth, clock, database, lost, recorded, summary }
}

const userId = (number: number): string => `019ab000-0000-7000-8000-00000000000${number}`
const failed = (number: number, address = '192.0.2.1'): AuthEvent => ({
  event: 'authn_login_fail',
  userId: userId(number),
  address,
  network: address,
})
const created = (number: number): AuthEvent => ({ event: 'user_created', userId: userId(number) })

t.test('what repeats within a minute is one record and a count, minute for minute', async (t) => {
  const { audit, clock, summary } = await open(t)
  for (let count = 0; count < 5; count++) audit.record(failed(1))
  t.strictSame(await summary(), ['authn_login_fail 1 1'])
  clock.now += minuteMs
  audit.record(failed(1))
  t.strictSame(await summary(), ['authn_login_fail 1 1', 'authn_login_fail 1 4', 'authn_login_fail 1 1'])
  audit.record(failed(1))
  audit.record(failed(1, '192.0.2.2'))
  await audit.finish()
  t.strictSame((await summary()).slice(3).sort(), ['authn_login_fail 1 1', 'authn_login_fail 1 1'])
})

t.test('so is what anybody can cause, as often as they like', async (t) => {
  const names: AuthEventName[] = [
    'authn_login_fail',
    'authn_login_fail_max',
    'authn_password_change_fail',
    'authn_password_reset_requested',
    'authn_password_reset_fail',
    'authn_token_expired',
    'email_verification_requested',
    'authz_fail',
    'excess_rate_limit_exceeded',
    'sys_password_digest_unreadable',
  ]
  for (const event of names) {
    const { audit, clock, summary } = await open(t)
    for (let count = 0; count < 3; count++) audit.record({ ...failed(1), event })
    clock.now += minuteMs
    t.strictSame(await summary(), [`${event} 1 1`, `${event} 1 2`])
  }
})

t.test('who acted on a user is recorded, and a search that finds nothing has no cursor', async (t) => {
  const { audit, auth, recorded } = await open(t)
  audit.record({ event: 'user_disabled', userId: userId(1), actorId: userId(2), tokenId: userId(3) })
  t.match(await recorded(), [{ userId: userId(1), actorId: userId(2), tokenId: userId(3) }])
  const page = await auth.listAuditEvents({ userId: userId(4) }, 1, null)
  t.strictSame(page, { items: [], hasNextPage: false, hasPreviousPage: false, endCursor: null })
})

t.test('where a user was is not written once the user is deleted, by whichever process', async (t) => {
  const { audit, auth, clock, recorded } = await open(t)
  const known = { network: '192.0.2.1', address: '192.0.2.1', userAgent: 'curl' }
  const { id } = await auth.createUser({ username: 'ada', password: null })
  for (let count = 0; count < 3; count++) audit.record({ ...known, event: 'authn_login_fail', userId: id })
  t.match((await recorded()).at(-1), { userId: id, times: 1, address: '192.0.2.1', userAgent: 'curl' })
  await auth.deleteUser(id) // this audit does not hear of it
  audit.record({ ...known, event: 'user_disabled', userId: id, actorId: userId(2) })
  audit.record({ ...known, event: 'user_updated', userId: id, actorId: id })
  clock.now += minuteMs
  t.match(
    (await recorded()).slice(-3).sort((a, b) => a.event.localeCompare(b.event)),
    [
      { event: 'authn_login_fail', times: 2, address: null, userAgent: null },
      { event: 'user_disabled', address: '192.0.2.1', userAgent: 'curl' },
      { event: 'user_updated', address: null, userAgent: null },
    ],
    'but for what somebody else did',
  )
})

t.test('a crowd of sources shares one record, which names nobody', async (t) => {
  const { audit, clock, summary } = await open(t)
  for (let number = 1; number <= 5; number++) audit.record(failed(number))
  clock.now += minuteMs
  t.strictSame(await summary(), ['authn_login_fail 1 1', 'authn_login_fail 2 1', 'authn_login_fail - 3'])
})

t.test('events of users are recorded one by one, up to as many as one may cause', async (t) => {
  const { audit, clock, recorded, summary } = await open(t)
  for (let count = 0; count < 5; count++) audit.record({ ...created(1), count })
  t.strictSame(
    (await recorded()).map(({ count }) => count),
    [0, 1, 2],
    'in their order, within a millisecond too',
  )
  for (let number = 2; number <= 7; number++) audit.record(created(number))
  clock.now += minuteMs
  t.strictSame((await summary()).slice(3), [
    'user_created 2 1',
    'user_created 3 1',
    'user_created 4 1',
    'user_created 1 2',
    'user_created - 3',
  ])
})

t.test('what cannot be written is kept, up to a limit, and what is lost is told', async (t) => {
  const { audit, clock, database, lost, summary } = await open(t)
  await sql`alter table latchkey_audit_events rename to away`.execute(database.kysely)
  for (let minute = 0; minute < 10; minute++) {
    audit.record(created(1))
    clock.now += minuteMs
  }
  await t.rejects(audit.flush())
  await t.rejects(audit.flush())
  await sql`alter table away rename to latchkey_audit_events`.execute(database.kysely)
  t.equal((await summary()).length, 8)
  t.strictSame(lost, [2])
  await audit.flush()
  t.strictSame(lost, [2], 'once')
})

t.test('turns do not meet, and what comes during one is written by it', async (t) => {
  const { audit, auth } = await open(t)
  audit.record(created(1))
  const one = audit.flush()
  audit.record(created(2))
  t.equal(audit.flush(), one)
  await one
  t.equal((await auth.listAuditEvents({}, 100, null)).items.length, 2)
})

t.test('the domain tells the log what the audit has lost', async (t) => {
  const { auth, database, events, clock } = await openDomain(t)
  await sql`alter table latchkey_audit_events rename to away`.execute(database.kysely)
  for (let minute = 0; minute < 10_001; minute++) {
    auth.report({ event: 'user_updated', count: minute })
    clock.now += minuteMs
  }
  await t.rejects(auth.audit.flush())
  await sql`alter table away rename to latchkey_audit_events`.execute(database.kysely)
  await auth.audit.flush()
  t.match(events.at(-1), { event: 'sys_audit_lost', count: 1 })
})

t.test('each list is read along an index, in order, however much there is', async (t) => {
  const explain = await openPlans(t)
  const range = { behind: firstIdAt(0), before: userId(9) }
  const cases: [AuditPath, string][] = [
    [{ userId: userId(1) }, 'INDEX latchkey_audit_events_user (user_id=? AND id>? AND id<?)'],
    [{ address: 'a' }, 'INDEX latchkey_audit_events_address (address=? AND id>? AND id<?)'],
    [{ event: 'a' }, 'INDEX latchkey_audit_events_event (event=? AND id>? AND id<?)'],
    ['all', 'PRIMARY KEY (id>? AND id<?)'],
  ]
  for (const [path, along] of cases) {
    const plan = await explain((db) => listAuditEvents(db, path, range, 20))
    t.equal(plan, `SEARCH latchkey_audit_events USING ${along}`)
  }
  t.notMatch(await explain((db) => deleteOldAuditEvents(db, 1, 100)), /SCAN|TEMP B-TREE/)
  t.notMatch(await explain((db) => eraseAuditDetails(db, userId(1))), /SCAN|TEMP B-TREE/)
})

t.test('each event is explained', (t) => {
  const document = readFileSync(new URL('../../docs/administration.md', import.meta.url), 'utf8')
  const page = document.split('## The events')[1] ?? ''
  const explained = [...page.matchAll(/`((?:authn|authz|excess|email|mail|tokens?|users?|sys)_\w+)`/g)]
  t.strictSame([...new Set(explained.map(([, name]) => name))].sort(), [...authEventNames].sort())
  t.end()
})

t.test('the console has words for each event', (t) => {
  t.strictSame(Object.keys(eventWords).sort(), [...authEventNames].sort())
  t.end()
})

t.test('what few of many records have is found page by page, each of them once', async (t) => {
  const { auth, clock, database } = await open(t)
  const rare: string[] = []
  for (let batch = 0; batch < 12; batch++) {
    const rows = Array.from({ length: 1_000 }, (_, index) => {
      const event = index === 500 && batch % 3 === 0 ? 'authn_password_change' : 'authn_login_success'
      const row = auditRow(clock.now + batch * 1_000 + index, event, { userId: userId(1) })
      if (event === 'authn_password_change') rare.unshift(row.id)
      return row
    })
    await database.run((db) => insertAuditEvents(db, rows))
  }
  const walk = async (first: number, ...events: string[]): Promise<{ found: string[]; pages: number }> => {
    const found: string[] = []
    let after: string | null = null
    for (let pages = 1; ; pages++) {
      const page = await auth.listAuditEvents({ userId: userId(1), events }, first, after)
      found.push(...page.items.map(({ node }) => node.id))
      if (!page.hasNextPage) return { found, pages }
      after = page.endCursor
    }
  }
  t.strictSame((await walk(1, 'authn_password_change')).found, rare)
  t.strictSame(
    await walk(100, 'authn_password_change'),
    { found: rare, pages: 2 },
    '10,000 are looked through at once',
  )
  t.strictSame(await walk(100, 'user_deleted'), { found: [], pages: 2 })
})
