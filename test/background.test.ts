import { mock } from 'node:test'
import { setImmediate as turn } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { openDatabase } from '../src/db/open.ts'
import { createProcessRegistry } from '../src/metrics/registry.ts'
import { startApp } from './support/app.ts'
import { forbid, permit } from './support/database.ts'
import { logLines } from './support/log.ts'
import { readMetrics } from './support/metrics.ts'

const hourMs = 3_600_000

/** An application whose hours pass when a test says so. */
async function start(t: Test) {
  mock.timers.enable({ apis: ['setInterval'] })
  t.teardown(() => mock.timers.reset())
  const databaseUrl = `sqlite:${t.testdir()}/latchkey.db`
  const metrics = createProcessRegistry()
  const { app } = await startApp(t, { databaseUrl, plugin: { metrics } })
  const countPrunes = async (result: string) =>
    readMetrics(await metrics.metrics()).get(`latchkey_prunes_total{result="${result}"}`)
  const until = async (result: string, count: number) => {
    while ((await countPrunes(result)) !== count) await turn()
  }
  return { app, databaseUrl, countPrunes, until }
}

t.test('what has ended is deleted every hour, one time after another', async (t) => {
  const { countPrunes, until } = await start(t)
  mock.timers.tick(2 * hourMs) // the second comes while the first has not ended
  await until('completed', 1)
  mock.timers.tick(hourMs)
  await until('completed', 2)
  t.equal(await countPrunes('failed'), 0)
})

t.test('a deletion that fails is told of, and tried again an hour later', async (t) => {
  const { databaseUrl, until } = await start(t)
  const other = openDatabase(databaseUrl)
  t.teardown(() => other.close())
  await other.kysely
    .insertInto('latchkey_throttle')
    .values({ key: 'old', attempts: 1, blocked_until: 0, expires_at: 1 })
    .execute()
  await forbid(other, 'delete', 'latchkey_throttle')
  mock.timers.tick(hourMs)
  await until('failed', 1)
  t.match(logLines().join(''), /ended tokens could not be deleted/)
  await permit(other, 'latchkey_throttle')
  mock.timers.tick(hourMs)
  await until('completed', 1)
})

t.test('a deletion that goes on while the application closes is no fault', async (t) => {
  const { app, countPrunes } = await start(t)
  mock.timers.tick(hourMs)
  await app.close()
  t.equal(await countPrunes('failed'), 0)
})
