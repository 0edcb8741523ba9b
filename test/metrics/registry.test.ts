import { Counter, Gauge, Registry } from 'prom-client'
import t from 'tap'
import { createGathered, takeSnapshot } from '../../src/metrics/registry.ts'
import { readMetrics } from '../support/metrics.ts'

/** What a process has counted, and what it holds. */
function snapshotOf(requests: number, sockets: number) {
  const registry = new Registry()
  const options = { help: 'For a test.', registers: [registry] }
  new Counter({ ...options, name: 'requests_total' }).inc(requests)
  new Gauge({ ...options, name: 'sockets' }).set(sockets)
  return takeSnapshot(registry)
}

t.test('what processes have counted is added up, and stays when they end', async (t) => {
  const gathered = createGathered()
  gathered.take(1, await snapshotOf(2, 5))
  gathered.take(1, await snapshotOf(3, 4))
  gathered.take(2, await snapshotOf(10, 1))
  const read = async () => Object.fromEntries(readMetrics(await gathered.print()))
  t.strictSame(await read(), { requests_total: 13, sockets: 5 })
  gathered.end(1)
  t.strictSame(await read(), { requests_total: 13, sockets: 1 }, 'but for what it held')
  gathered.end(3)
  t.strictSame(
    await read(),
    { requests_total: 13, sockets: 1 },
    'one that never said anything leaves nothing',
  )
})
