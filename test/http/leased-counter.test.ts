import t from 'tap'
import {
  type AskForLease,
  createLeasedCounter,
  type Lease,
  type LeaseRequest,
} from '../../src/http/leased-counter.ts'
import type { Counted, CountRequest } from '../../src/http/request-counter.ts'
import { createLedger } from '../../src/workers/ledger.ts'

const limit = { name: 'requests', max: 1_000, windowMs: 60_000 }

/** Workers with a counter each, and the account of the primary, at a clock that tests move. */
function createWorkers(count: number, max = limit.max) {
  const clock = { now: 0 }
  const asked: LeaseRequest[] = []
  const lease = createLedger(count, () => clock.now)
  const ask: AskForLease = async (request) => {
    asked.push(request)
    await new Promise(setImmediate)
    return lease(request)
  }
  const counters = Array.from({ length: count }, () =>
    createLeasedCounter({ ...limit, max }, ask, () => clock.now),
  )
  return { clock, asked, counters }
}

async function countAdmitted(counters: CountRequest[], attempts: number, key = 'ada'): Promise<number> {
  const counted = Array.from({ length: attempts }, (_, index) =>
    (counters[index % counters.length] as CountRequest)(key),
  )
  return (await Promise.all(counted)).filter(({ isExceeded }) => !isExceeded).length
}

t.test('all workers together admit exactly the limit, however many come at once', async (t) => {
  for (const count of [2, 4, 16]) {
    for (const max of [1, 7, 100, 3_000]) {
      const { counters } = createWorkers(count, max)
      t.equal(await countAdmitted(counters, 2 * max + count), max, `${count} workers, ${max}`)
      t.equal(await countAdmitted(counters, 10), 0)
      t.equal(await countAdmitted(counters, 1, 'bob'), 1, 'another key')
    }
  }
})

t.test('at most a hundredth is held by workers that do not spend it', async (t) => {
  const { counters } = createWorkers(4)
  const [first, ...others] = counters as [CountRequest, ...CountRequest[]]
  for (const count of others) await count('ada')
  let admitted = others.length
  while (!(await first('ada')).isExceeded) admitted++
  t.ok(admitted >= 0.99 * limit.max && admitted <= limit.max, `${admitted}`)
})

t.test(
  'while there is something left of a lease, or nothing in the window, the answer comes at once',
  async (t) => {
    const { clock, asked, counters } = createWorkers(2, 1_000)
    const [count] = counters as [CountRequest]
    t.type(count('ada'), Promise)
    await count('ada')
    for (let index = 2; index < 5; index++) t.strictSame(count('ada'), { isExceeded: false, ttl: 0 })
    t.equal(asked.length, 1)
    t.type(count('ada'), Promise, 'the lease of five is used up')
    await countAdmitted([count], 2_000)
    clock.now = 10_000
    t.strictSame(count('ada'), { isExceeded: true, ttl: 50_000 })
    clock.now = 60_000
    t.strictSame(await count('ada'), { isExceeded: false, ttl: 0 }, 'the next window')
  },
)

t.test('a window never outlasts that of the account, however long the answer takes', async (t) => {
  const clock = { now: 0 }
  const answers: ((lease: Lease) => void)[] = []
  const count = createLeasedCounter(
    limit,
    () => new Promise((resolve) => answers.push(resolve)),
    () => clock.now,
  )
  const first = count('ada')
  clock.now = 900 // and the account's window began at once
  answers.pop()?.({ granted: 5, ttl: 1_000 })
  await first
  clock.now = 999
  t.strictSame(count('ada'), { isExceeded: false, ttl: 0 })
  clock.now = 1_000
  t.type(count('ada'), Promise)
})

t.test('where nobody answers, this process counts by itself', async (t) => {
  const count = createLeasedCounter({ ...limit, max: 3 }, async () => null)
  const counted: Counted[] = []
  for (let index = 0; index < 5; index++) counted.push(await count('ada'))
  t.strictSame(
    counted.map(({ isExceeded }) => isExceeded),
    [false, false, false, true, true],
  )
})

t.test('a limit that was lowered grants nothing more, and one that was raised grants the rest', async (t) => {
  const lease = createLedger(2, () => 0)
  const request = { ...limit, key: 'ada', wanted: 10 }
  t.strictSame(lease({ ...request, max: 10 }), { granted: 10, ttl: 60_000 })
  t.strictSame(lease({ ...request, max: 5 }), { granted: 0, ttl: 60_000 })
  t.strictSame(lease({ ...request, max: 15 }), { granted: 5, ttl: 60_000 })
  t.strictSame(lease({ ...request, max: 1e9, wanted: 1 }), { granted: 64, ttl: 60_000 }, 'never a large part')
})
