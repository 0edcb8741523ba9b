import t from 'tap'
import { admitted, createCounter } from '../../src/http/request-counter.ts'

t.test('so many are admitted in a window, which begins with the first', async (t) => {
  const clock = { now: 0.5 }
  const count = createCounter({ max: 2, windowMs: 1_000 }, () => clock.now)
  const cases: [now: number, key: string, ttl: number | null][] = [
    [0.5, 'ada', null],
    [900, 'ada', null],
    [900, 'ada', 100.5],
    [1_000, 'ada', 0.5],
    [1_000, 'bob', null],
    [1_000.5, 'ada', null],
    [1_000.5, 'ada', null],
    [1_001, 'ada', 999.5],
    [1_999, 'bob', null],
    [1_999, 'bob', 1],
    [1e9, 'ada', null],
  ]
  for (const [now, key, ttl] of cases) {
    clock.now = now
    t.strictSame(count(key), { isExceeded: ttl !== null, ttl: ttl ?? 0 }, `${key} at ${now}`)
  }
})

t.test('what is admitted is the one frozen answer', async (t) => {
  const count = createCounter({ max: 2, windowMs: 1_000 })
  t.equal(count('ada'), admitted)
  t.equal(count('ada'), admitted)
  t.ok(Object.isFrozen(admitted))
  t.match(count('ada'), { isExceeded: true, ttl: Number })
})

t.test('memory is bounded: past 50,000 keys the one that was used longest ago begins anew', async (t) => {
  const count = createCounter({ max: 1, windowMs: 1_000 }, () => 0)
  for (let key = 0; key < 50_000; key++) count(String(key))
  t.ok((await count('0')).isExceeded, 'and was just used')
  count('one more')
  t.ok((await count('0')).isExceeded)
  t.notOk((await count('1')).isExceeded)
})
