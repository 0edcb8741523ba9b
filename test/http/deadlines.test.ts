import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import { createDeadlines } from '../../src/http/deadlines.ts'

t.test('what is not ended in time is late once, and cannot be ended any more', async (t) => {
  const deadlines = createDeadlines(100)
  t.teardown(() => deadlines.close())
  const late: string[] = []
  const slow = deadlines.begin(() => late.push('slow'))
  const fast = deadlines.begin(() => late.push('fast'))
  t.equal(deadlines.end(fast), true)
  while (late.length === 0) await sleep(10)
  await sleep(50)
  t.same(late, ['slow'])
  t.equal(deadlines.end(slow), false)
  t.equal(deadlines.end(fast), false, 'nothing is ended twice')
})

t.test('what began later has its whole time', async (t) => {
  const deadlines = createDeadlines(2_000)
  t.teardown(() => deadlines.close())
  const late: string[] = []
  deadlines.begin(() => late.push('first'))
  await sleep(1_000)
  const second = deadlines.begin(() => late.push('second'))
  while (late.length === 0) await sleep(10)
  t.same(late, ['first'])
  t.equal(deadlines.end(second), true)
})
