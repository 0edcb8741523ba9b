import t from 'tap'
import { countRequest, createOperationSeries, durationBounds } from '../../src/metrics/series.ts'

t.test('a name has a series of its own where it may, and as long as there is room', async (t) => {
  const { find, all } = createOperationSeries(2)
  const viewer = { name: 'GetViewer', field: 'viewer' }
  t.equal(find(viewer, false), find({ name: null, field: 'viewer' }, true), 'a stranger has invented it')
  const named = find(viewer, true)
  t.equal(find(viewer, false), named, 'it is known by now')
  const second = find({ name: 'GetTokens', field: 'viewer' }, true)
  t.not(second, named)
  t.equal(find({ name: 'Third', field: 'viewer' }, true), find({ name: null, field: 'viewer' }, false))
  t.strictSame([...all.keys()], ['(none)', '(viewer)', 'GetViewer', 'GetTokens'])
})

t.test('names that are listed have theirs from the start, and no others get one', async (t) => {
  const { find, all } = createOperationSeries(['SignIn'])
  find({ name: 'SignIn', field: 'tokenAuth' }, false)
  find({ name: 'Other', field: 'tokenAuth' }, true)
  t.strictSame([...all.keys()], ['(none)', 'SignIn', '(tokenAuth)'])
})

t.test('what nobody could list makes no series', async (t) => {
  const { find, all } = createOperationSeries(100)
  const none = find(null, true)
  for (let count = 0; count < 1_000; count++) find({ name: `Invented${count}`, field: null }, false)
  t.equal(find({ name: 'x'.repeat(101), field: null }, true), none, 'a name that is too long for a label')
  t.equal(find({ name: null, field: null }, true), none, 'a field that the schema does not have')
  t.equal(all.size, 1)
})

t.test('each duration is in the bucket of the least bound that it does not exceed', async (t) => {
  const { find } = createOperationSeries(0)
  const series = find(null, false)
  const cases: [seconds: number, bucket: number][] = [
    [0, 0],
    [0.0005, 0],
    [0.0006, 1],
    [10, durationBounds.length - 1],
    [10.1, durationBounds.length],
  ]
  for (const [seconds, bucket] of cases) {
    const before = series.buckets[bucket] as number
    countRequest(series, null, seconds)
    t.equal(series.buckets[bucket], before + 1, `${seconds} s`)
  }
  countRequest(series, 'RATE_LIMITED', 1)
  countRequest(series, 'RATE_LIMITED', 1)
  t.equal(series.answered, cases.length)
  t.strictSame([...series.refused], [['RATE_LIMITED', 2]])
})
