import t from 'tap'
import { createFairQueue } from '../../src/auth/fair-queue.ts'
import { LatchkeyError } from '../../src/errors.ts'

/** Places in a queue, each named by its party, in the order in which they are asked for. */
interface Row {
  what: string
  concurrency: number
  limit: number
  asks: string
  /** The order in which they run, each ending before the next one begins where only one may run. */
  runs: string
  /** Which ask is refused, counted from 0, in the order of the refusals. */
  refused: number[]
}

const rows: Row[] = [
  {
    what: 'one party in its own order',
    concurrency: 1,
    limit: 9,
    asks: 'aaaa',
    runs: 'a0 a1 a2 a3',
    refused: [],
  },
  {
    what: 'parties take turns',
    concurrency: 1,
    limit: 9,
    asks: 'aaaabbc',
    runs: 'a0 a1 b4 c6 a2 b5 a3',
    refused: [],
  },
  { what: 'several at once', concurrency: 3, limit: 9, asks: 'aaaab', runs: 'a0 a1 a2 a3 b4', refused: [] },
  { what: 'nobody may wait', concurrency: 2, limit: 0, asks: 'abcd', runs: 'a0 b1', refused: [2, 3] },
  {
    what: 'one party fills the queue',
    concurrency: 1,
    limit: 2,
    asks: 'aaaaa',
    runs: 'a0 a1 a2',
    refused: [3, 4],
  },
  {
    what: 'its newest places go to others',
    concurrency: 1,
    limit: 4,
    asks: 'aaaaabc',
    runs: 'a0 a1 b5 c6 a2',
    refused: [4, 3],
  },
  {
    what: 'down to a fair share, and no further',
    concurrency: 1,
    limit: 4,
    asks: 'aaaaabbbb',
    runs: 'a0 a1 b5 a2 b6',
    refused: [4, 3, 7, 8],
  },
  {
    what: 'the last place of a party is never taken',
    concurrency: 1,
    limit: 3,
    asks: 'xabcd',
    runs: 'x0 a1 b2 c3',
    refused: [4],
  },
  {
    what: 'of several, the one with the most gives way',
    concurrency: 1,
    limit: 5,
    asks: 'xaabbbc',
    runs: 'x0 a1 b3 c6 a2 b4',
    refused: [5],
  },
]

for (const { what, concurrency, limit, asks, runs, refused } of rows) {
  t.test(what, async (t) => {
    const inTurn = createFairQueue({ concurrency, limit, patienceMs: 60_000 })
    const ran: string[] = []
    const refusals: number[] = []
    await Promise.all(
      [...asks].map((party, index) =>
        inTurn(party, async () => {
          ran.push(`${party}${index}`)
          await new Promise(setImmediate)
        }).catch((error) => {
          t.match(error, { code: 'RATE_LIMITED', details: { reason: 'BUSY', retryAfter: 2 } })
          t.ok(error instanceof LatchkeyError)
          refusals.push(index)
        }),
      ),
    )
    t.equal(ran.join(' '), runs)
    t.strictSame(refusals, refused)
  })
}

t.test('never more run at once than may, whatever comes of them', async (t) => {
  const inTurn = createFairQueue({ concurrency: 3, limit: 1_000, patienceMs: 60_000 })
  let running = 0
  let most = 0
  const work = Array.from({ length: 300 }, (_, index) =>
    inTurn(`party ${index % 7}`, async () => {
      most = Math.max(most, ++running)
      await new Promise(setImmediate)
      running--
      if (index % 3 === 0) throw new Error(`work ${index}`)
      return index
    }),
  )
  for (const [index, { status, ...rest }] of (await Promise.allSettled(work)).entries()) {
    if (index % 3 === 0)
      t.match({ status, ...rest }, { status: 'rejected', reason: { message: `work ${index}` } })
    else t.strictSame({ status, ...rest }, { status: 'fulfilled', value: index })
  }
  t.equal(most, 3)
  t.equal(await inTurn('party 1', async () => 'later'), 'later')
})

t.test(
  'whoever has waited for too long is refused when the turn comes, and others have theirs',
  async (t) => {
    const inTurn = createFairQueue({ concurrency: 1, limit: 10, patienceMs: 100 })
    const slow = inTurn('a', () => new Promise((resolve) => setTimeout(resolve, 150)))
    const late = [inTurn('a', async () => 'a'), inTurn('b', async () => 'b')]
    setTimeout(() => late.push(inTurn('c', async () => 'c')), 100)
    await slow
    const answers = await Promise.allSettled(late)
    t.match(answers, [
      { status: 'rejected', reason: { code: 'RATE_LIMITED', details: { reason: 'BUSY' } } },
      { status: 'rejected' },
      { status: 'fulfilled', value: 'c' },
    ])
    t.equal(await inTurn('a', async () => 'again'), 'again')
  },
)
