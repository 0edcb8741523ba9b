import t from 'tap'
import { insertAuditEvents } from '../../src/db/audit.ts'
import { openDatabase } from '../../src/db/open.ts'
import { auditRow } from '../support/audit.ts'
import { createBench } from './command.ts'

const hourMs = 3_600_000

t.test('what happened is listed, newest first, and searched', async (t) => {
  const { database, json, run } = createBench(t)
  t.match(await run(['audit', 'list']), { status: 0, stdout: /^$/, stderr: /There are no such records\.\n$/ })
  const ada = await json(['user', 'create', 'ada', '--temporary'])
  const bob = await json(['user', 'create', 'bob', '--temporary'])
  const { id: tokenId } = await json(['token', 'create', 'ada'])
  await json(['user', 'disable', 'ada'])
  const old = '2026-11-20T09:30:00.000Z'
  await insertOld(database, 150, Date.parse(old))

  const all = await json(['audit', 'list'])
  t.equal(all.length, 155, 'over all pages')
  t.match(all[0], { id: String, at: /^2\d{3}-/, event: 'user_disabled', userId: ada.id, requestId: null })
  const yesterday = new Date(Date.now() - 24 * hourMs).toISOString()
  const cases: [args: string[], events: string[]][] = [
    [
      ['--user', 'ADA'],
      ['user_disabled', 'authn_token_revoked', 'authn_token_created', 'user_created'],
    ],
    [['--user', bob.id.toUpperCase()], ['user_created']],
    [
      ['--user', 'ada', '--event', 'user_created, user_disabled'],
      ['user_disabled', 'user_created'],
    ],
    [
      ['--event', 'user_created', '--since', '1h'],
      ['user_created', 'user_created'],
    ],
    [['--event', 'user_created', '--since', yesterday, '--until', yesterday], []],
    [['--until', '2026-11-20'], []],
    [
      ['--address', '192.0.2.7', '--until', '2026-11-20T11:30:00.002+02:00'],
      ['authn_login_fail', 'authn_login_fail'],
    ],
  ]
  for (const [args, events] of cases) {
    const found: { event: string }[] = await json(['audit', 'list', ...args])
    t.strictSame(
      found.map(({ event }) => event),
      events,
      args.join(' '),
    )
  }

  const { stdout } = await run(['audit', 'list', '--event', 'authn_token_created'])
  const [head, line] = stdout.split('\n')
  t.match(head, /^TIME +EVENT +USER +ACTOR +TOKEN +ADDRESS +TIMES +DETAIL$/)
  t.match(line, new RegExp(`authn_token_created +${ada.id} +- +${tokenId} +- +1 +-`))

  await json(['user', 'delete', 'ada', '--yes'])
  t.match(await run(['audit', 'list', '--user', 'ada']), { status: 1, stderr: 'There is no user ada.\n' })
  const [last] = await json(['audit', 'list', '--user', ada.id])
  t.match(last, { event: 'user_deleted' }, 'of a deleted account by its id')
})

t.test('a time that cannot be read, or an event that there is not, is wrong usage', async (t) => {
  const { run } = createBench(t)
  t.match(await run(['audit', 'list', '--event', 'user_created,authn_login_fial']), {
    status: 2,
    stderr: /there is no event authn_login_fial\. There are .*authn_login_fail, /,
  })
  for (const args of [
    ['--since', 'yesterday'],
    ['--until', '2026-11-23T09:30'],
    ['--since', '2026-13-01'],
  ]) {
    const outcome = await run(['audit', 'list', ...args])
    t.match(outcome, { status: 2, stderr: /--(since|until) is a time such as 24h/ }, args.join(' '))
  }
})

async function insertOld(file: string, count: number, at: number): Promise<void> {
  const database = openDatabase(`sqlite:${file}`)
  const rows = Array.from({ length: count }, (_, index) =>
    auditRow(at + index, 'authn_login_fail', { address: '192.0.2.7' }),
  )
  await database.run((db) => insertAuditEvents(db, rows))
  await database.close()
}
