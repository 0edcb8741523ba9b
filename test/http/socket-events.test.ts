import t from 'tap'
import { createEvents } from '../../src/http/socket-events.ts'

async function* numbers(): AsyncGenerator<number> {
  yield 1
  yield 2
}

t.test('events are answered in turn, and the end is told once', async (t) => {
  let ends = 0
  const events = createEvents({ source: numbers(), answer: async (n) => n * 10, onEnd: () => ends++ })
  const seen = []
  for await (const event of events) seen.push(event)
  t.strictSame(seen, [10, 20])
  t.strictSame(await events.next(), { done: true, value: undefined })
  t.equal(ends, 1)
})

t.test('what ends before its first event has none', async (t) => {
  const events = createEvents({ source: numbers(), answer: async (n) => n, onEnd: () => {} })
  await events.return()
  t.strictSame(await events.next(), { done: true, value: undefined })
})

t.test('what ends while an event is answered tells of no event and of no error', async (t) => {
  for (const fails of [false, true]) {
    const events = createEvents({
      source: numbers(),
      async answer(n): Promise<number> {
        await events.return()
        if (fails) throw new Error('nobody waits for this')
        return n
      },
      onEnd: () => {},
    })
    t.strictSame(await events.next(), { done: true, value: undefined })
  }
})

t.test('an error of the source ends it, and one of its end is let go', async (t) => {
  let ends = 0
  const events = createEvents({
    source: {
      next: () => Promise.reject(new Error('the source is dry')),
      return: () => Promise.reject(new Error('and will not close')),
    },
    answer: async (n) => n,
    onEnd: () => ends++,
  })
  await t.rejects(events.next(), { message: 'the source is dry' })
  t.equal(ends, 1)
})
