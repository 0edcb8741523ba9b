import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import { createProcessRegistry } from '../../src/metrics/registry.ts'
import { startApp } from '../support/app.ts'
import { logLines } from '../support/log.ts'
import { readMetrics } from '../support/metrics.ts'
import { startPostgres, whyWithoutPostgres } from '../support/postgres.ts'

t.test(
  'an instance that hears of no changes is not ready, and says so',
  { skip: whyWithoutPostgres() },
  async (t) => {
    const postgres = await startPostgres(t)
    // Unlike who administers the server, this one can be kept from connecting anew.
    await postgres.query('postgres', "create role service login password 'service'")
    await postgres.query('postgres', 'create database latchkey owner service')
    const databaseUrl = `postgres://service:service@${postgres.host}:${postgres.port}/latchkey`
    const metrics = createProcessRegistry()
    const { app } = await startApp(t, { databaseUrl, plugin: { metrics } })
    const statusOf = async () => (await app.inject('/readyz')).statusCode
    const read = async () => readMetrics(await metrics.metrics())
    t.equal(await statusOf(), 200)
    const before = await read()
    t.equal(before.get('latchkey_change_listeners'), 1)
    t.equal(before.get('latchkey_database_connections{state="waiting"}'), 0)
    t.ok((before.get('latchkey_database_connections{state="idle"}') as number) >= 1)
    t.equal(before.get('latchkey_sockets'), 0)

    await postgres.query('postgres', 'alter role service connection limit 0')
    await postgres.query(
      'postgres',
      "select pg_terminate_backend(pid) from pg_stat_activity where usename = 'service' and query in ('select 1', 'listen latchkey_changes')",
    )
    while ((await statusOf()) === 200) await sleep(20)
    t.equal((await read()).get('latchkey_change_listeners'), 0)
    t.match(logLines().join(''), /changes that others make are not heard of/)
    t.equal((await app.inject('/healthz')).statusCode, 200)

    await postgres.query('postgres', 'alter role service connection limit -1')
    while ((await statusOf()) !== 200) await sleep(20)
    t.equal((await read()).get('latchkey_change_listeners'), 1)
  },
)
