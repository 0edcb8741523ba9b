import t from 'tap'
import type { Lease } from '../../src/http/leased-counter.ts'
import { createSharedLeases, type GrantLease } from '../../src/http/shared-leases.ts'

const request = { name: 'requests', key: 'ada', wanted: 1, max: 1_000, windowMs: 60_000 }

t.test('a part of the limit is asked for at once, under a key that tells nothing', async (t) => {
  const asked: Parameters<GrantLease>[0][] = []
  const ask = createSharedLeases(
    async (given) => {
      asked.push(given)
      return { granted: given.wanted, ttl: 5 }
    },
    () => t.fail('there is nothing to complain of'),
  )
  t.same(await ask(request), { granted: 10, ttl: 5 })
  t.same(await ask({ ...request, wanted: 20 }), { granted: 20, ttl: 5 })
  t.same(await ask({ ...request, max: 5 }), { granted: 1, ttl: 5 })
  t.same(await ask({ ...request, max: 1_000_000 }), { granted: 64, ttl: 5 })
  t.notMatch(JSON.stringify(asked), /ada|requests/)
  await ask({ ...request, name: 'bad tokens' })
  t.equal(new Set(asked.map(({ key }) => key)).size, 2, 'each limit has keys of its own')
})

t.test('where there is no answer nobody waits for long, and for a while nobody asks', async (t) => {
  let now = 0
  let questions = 0
  let grant: () => Promise<Lease> = () => new Promise(() => {})
  const complaints: string[] = []
  const ask = createSharedLeases(
    () => {
      questions++
      return grant()
    },
    (error) => complaints.push((error as Error).message),
    () => now,
  )
  t.equal(await ask(request), null)
  t.equal(await ask(request), null)
  t.equal(questions, 1)
  now += 5_000
  grant = async () => {
    throw new Error('refused')
  }
  t.equal(await ask(request), null)
  t.same(complaints, ['there was no answer in time'], 'once a minute is enough')
  now += 60_000
  t.equal(await ask(request), null)
  t.same(complaints, ['there was no answer in time', 'refused'])
  now += 5_000
  grant = async () => ({ granted: 1, ttl: 1 })
  t.same(await ask(request), { granted: 1, ttl: 1 })
})
