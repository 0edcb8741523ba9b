import t from 'tap'
import { createClock } from '../src/clock.ts'
import { startHost } from './support/host.ts'
import { logLines } from './support/log.ts'

/** A clock on two that the test sets, and what it reported. */
function start() {
  const state = { wall: 1_000_000, elapsed: 500 }
  const reports: number[] = []
  const clock = createClock(
    (aheadMs) => reports.push(aheadMs),
    () => state.wall,
    () => state.elapsed,
  )
  const pass = (ms: number): void => {
    state.wall += ms
    state.elapsed += ms
  }
  return { state, reports, clock, pass }
}

t.test('it goes with the clock of the system', async (t) => {
  const { clock, pass, reports } = start()
  t.equal(clock(), 1_000_000)
  pass(5_000)
  t.equal(clock(), 1_005_000)
  t.same(reports, [])
  t.ok(Math.abs(createClock(() => {})() - Date.now()) < 60_000, 'that of this machine, unless told otherwise')
})

t.test('when the clock is set back it goes on, and says so once', async (t) => {
  const { state, clock, pass, reports } = start()
  state.wall -= 3_600_000
  t.equal(clock(), 1_000_000)
  pass(2_000)
  t.equal(clock(), 1_002_000)
  t.same(reports, [3_600_000])
  state.wall -= 60_000
  t.equal(clock(), 1_002_000)
  t.same(reports, [3_600_000, 3_660_000], 'and again when it is set back once more')
})

t.test('when the clock is set on it follows', async (t) => {
  const { state, clock, reports } = start()
  state.wall -= 10_000
  clock()
  state.wall += 60_000
  t.equal(clock(), 1_050_000)
  state.wall -= 10_000
  t.equal(clock(), 1_050_000)
  t.same(reports, [10_000, 10_000])
})

t.test('a clock that is put right by a little is not worth a word', async (t) => {
  const { state, clock, reports } = start()
  state.wall -= 900
  t.equal(clock(), 1_000_000)
  t.same(reports, [])
})

t.test('an expired token is not live again when the clock of the machine is set back', async (t) => {
  const { query, signIn } = await startHost(t, { tokenTtl: '1s', tokenFlushInterval: '100ms' })
  const { token } = await signIn('ada')
  t.equal((await query('{ viewer { id } }', { token })).status, 200)
  const now = Date.now
  t.teardown(() => {
    Date.now = now
  })
  Date.now = () => now() + 2_000
  t.equal((await query('{ viewer { id } }', { token })).status, 401)
  Date.now = () => now() - 3_600_000
  t.match(await query('{ viewer { id } }', { token }), {
    status: 401,
    body: { errors: [{ extensions: { reason: 'EXPIRED' } }] },
  })
  const warnings = logLines().filter((line) => line.includes('the clock of this machine was set back'))
  t.match(JSON.parse(warnings[0] ?? '{}'), { level: 40, aheadMs: Number })
})
