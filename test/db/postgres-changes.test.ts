import { setTimeout as sleep } from 'node:timers/promises'
import { Client, types } from 'pg'
import t from 'tap'
import type { Changes } from '../../src/db/feed.ts'
import { migrateToLatest } from '../../src/db/migrate.ts'
import { openDatabase } from '../../src/db/open.ts'
import { createReadTable } from '../../src/db/postgres-changes.ts'
import { startPostgres, whyWithoutPostgres } from '../support/postgres.ts'

types.setTypeParser(types.builtins.INT8, Number)

const insertUser = (id: string) =>
  `insert into latchkey_users (id, username, username_key, role, active, created_at)
   values ('${id}', '${id}', '${id}', 'USER', 1, 1)`

t.test('changes in PostgreSQL', { skip: whyWithoutPostgres() }, async (t) => {
  const postgres = await startPostgres(t)
  const url = await postgres.createTemplate()
  const query = (text: string) => postgres.query('template_latchkey', text)
  await query(insertUser('ada'))
  await query(insertUser('eve'))

  for (const changes of ['listen', 'poll'] as const) {
    t.test(`who has to ${changes} hears of each commit, whoever made it`, async (t) => {
      const database = openDatabase(url, { poolSize: 2, timeoutMs: 2_000, changes })
      t.teardown(() => database.close())
      const { feed } = database
      const heard: Changes[] = []
      feed?.subscribe((news) => heard.push(news))
      while (!feed?.isCurrent()) await sleep(5)
      heard.length = 0
      const hears = async (expected: Changes, statement: string): Promise<void> => {
        await query(statement)
        await feed.settled()
        t.same(heard.splice(0), [expected], statement)
      }
      await hears(['ada'], "update latchkey_users set role = 'ADMIN' where id = 'ada'")
      await query("update latchkey_users set password_digest = 'x' where id = 'ada'")
      await query("begin; update latchkey_users set role = 'USER' where id = 'ada'; rollback")
      await feed.settled()
      t.same(heard, [], 'what was undone, or is nothing that requests are answered from, is no news')
      await hears(null, 'truncate latchkey_tokens cascade')
      await hears(['eve'], "update latchkey_users set active = 1 where id = 'eve'")
      t.equal(feed.isCurrent(), true)
    })
  }

  t.test('on a server that has no NOTIFY the table of changes tells of them', async (t) => {
    await postgres.createDatabase('mute')
    await postgres.query('mute', 'alter function pg_catalog.pg_notify(text, text) rename to nobody_notifies')
    const database = openDatabase(postgres.urlOf('mute'), { poolSize: 2, timeoutMs: 2_000, changes: 'poll' })
    t.teardown(() => database.close())
    const { feed } = database
    const heard: Changes[] = []
    feed?.subscribe((news) => heard.push(news))
    await sleep(300)
    t.equal(feed?.isCurrent(), false, 'there is no table yet')
    await migrateToLatest(database)
    while (!feed?.isCurrent()) await sleep(5)
    await postgres.query('mute', insertUser('ada'))
    heard.length = 0
    await postgres.query('mute', "update latchkey_users set role = 'ADMIN' where id = 'ada'")
    await feed.settled()
    t.same(heard, [['ada']])
  })

  t.test('a number that was passed over is read when it comes, late as it is', async (t) => {
    const clients = await Promise.all(
      Array.from({ length: 3 }, async () => {
        const client = new Client({ connectionString: url })
        await client.connect()
        t.teardown(() => client.end())
        return client
      }),
    )
    const [reader, slow, quick] = clients as [Client, Client, Client]
    await slow.query('begin')
    await slow.query("update latchkey_users set role = 'ADMIN' where id = 'ada'")
    await quick.query("update latchkey_users set role = 'ADMIN' where id = 'eve'")
    let now = 0
    const read = createReadTable(reader, () => now)
    t.equal(await read(), null, 'what was before is not known')
    t.same(await read(), [])
    await quick.query("update latchkey_users set role = 'USER' where id = 'eve'")
    t.same(await read(), ['eve'])
    await slow.query('commit')
    t.same(await read(), ['ada'])
    t.same(await read(), [])

    await slow.query("begin; update latchkey_users set role = 'USER' where id = 'ada'")
    await slow.query('rollback')
    await quick.query("update latchkey_users set role = 'ADMIN' where id = 'eve'")
    t.same(await read(), ['eve'])
    now += 121_000
    t.same(await read(), [], 'what was rolled back is not waited for for ever')
  })

  t.test('a table that is another one, or far ahead, is a change of all', async (t) => {
    const reader = new Client({ connectionString: url })
    await reader.connect()
    t.teardown(() => reader.end())
    const read = createReadTable(reader)
    await read()
    await query("insert into latchkey_changes (user_id) select 'ada' from generate_series(1, 1500)")
    t.equal(await read(), null, 'more than are read at once')
    t.same(await read(), [])
    await query("select setval(pg_get_serial_sequence('latchkey_changes', 'seq'), 100000)")
    await query("insert into latchkey_changes (user_id) values ('ada')")
    t.equal(await read(), null, 'more may be missing than are waited for')
    await query(
      "update latchkey_changes set user_id = 'eve' where seq = (select max(seq) from latchkey_changes)",
    )
    t.equal(await read(), null, 'as after a restore')
    t.same(await read(), [])
    await query('delete from latchkey_changes')
    t.equal(await read(), null)
    t.equal(await read(), null, 'of an empty table nothing is known')
    await query("insert into latchkey_changes (user_id) values ('ada')")
    t.equal(await read(), null)
    t.same(await read(), [])
  })

  t.test('a feed whose connection is cut is current again soon', async (t) => {
    const database = openDatabase(url, { poolSize: 2, timeoutMs: 2_000, changes: 'listen' })
    t.teardown(() => database.close())
    await migrateToLatest(database)
    const { feed } = database
    feed?.subscribe(() => {})
    for (let round = 0; round < 3; round++) {
      while (!feed?.isCurrent()) await sleep(5)
      await postgres.query(
        'postgres',
        "select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'latchkey'",
      )
      await sleep(200) // longer than anything is relied on without an answer
    }
    while (!feed?.isCurrent()) await sleep(5)
  })
})
