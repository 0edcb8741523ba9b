import { setTimeout as sleep } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { type Changes, createFeed } from '../../src/db/feed.ts'

/** A source whose answers a test gives, and a feed that has heard of it. */
function openFeed(t: Test) {
  const heard: Changes[] = []
  const control = {
    opened: 0,
    closed: 0,
    fails: false,
    answer: async (): Promise<void> => {},
    hear: (_changes: Changes): void => {},
    end: (): void => {},
  }
  const feed = createFeed(async (hear, end) => {
    if (control.fails) throw new Error('nobody there')
    control.opened++
    control.hear = hear
    control.end = end
    return {
      beat: () => control.answer(),
      close: async () => {
        control.closed++
      },
    }
  })
  t.teardown(() => feed.close())
  const until = async (isSo: () => boolean): Promise<void> => {
    while (!isSo()) await sleep(5)
  }
  return { feed, heard, control, until }
}

/** Has each question wait for a test to answer it. */
function holdAnswers(control: { answer: () => Promise<void> }): (() => void)[] {
  const answers: (() => void)[] = []
  control.answer = () => new Promise((resolve) => answers.push(resolve))
  return answers
}

t.test('a feed begins with its first listener, and is current once the source has answered', async (t) => {
  const { feed, heard, control, until } = openFeed(t)
  await feed.settled()
  t.equal(feed.isCurrent(), false)
  t.equal(control.opened, 0)
  const stop = feed.subscribe((changes) => heard.push(changes))
  await until(feed.isCurrent)
  control.hear(['ada'])
  stop()
  control.hear(['eve'])
  t.same(heard, [null, ['ada']], 'what was before is not known')
})

t.test('a source that ends is lost at once, and opened again', async (t) => {
  const { feed, heard, control, until } = openFeed(t)
  feed.subscribe((changes) => heard.push(changes))
  await until(feed.isCurrent)
  control.fails = true
  control.end()
  control.end()
  t.equal(feed.isCurrent(), false)
  t.same(heard, [null, null])
  await feed.settled()
  await sleep(200) // it is tried some times in vain
  control.fails = false
  await until(feed.isCurrent)
  t.same([control.opened, control.closed], [2, 1])
  t.same(heard, [null, null, null])
})

t.test('a source that does not answer is not relied on, until it does again', async (t) => {
  const { feed, control, until } = openFeed(t)
  feed.subscribe(() => {})
  await until(feed.isCurrent)
  const silence = Promise.withResolvers<void>()
  control.answer = () => silence.promise
  const start = performance.now()
  await feed.settled()
  t.equal(feed.isCurrent(), false)
  t.ok(performance.now() - start < 5_000, 'nobody waits for it for long')
  control.answer = async () => {}
  silence.resolve()
  await until(feed.isCurrent)
  t.equal(control.opened, 1)
})

t.test('one whose answer is an error is opened anew', async (t) => {
  const { feed, control, until } = openFeed(t)
  feed.subscribe(() => {})
  await until(feed.isCurrent)
  control.answer = async () => {
    throw new Error('gone')
  }
  await feed.settled()
  await until(() => control.closed > 0)
  control.answer = async () => {}
  await until(feed.isCurrent)
  t.ok(control.opened > 1)
})

t.test('whoever has written waits for an answer that was asked for afterwards', async (t) => {
  const { feed, control, until } = openFeed(t)
  feed.subscribe(() => {})
  await until(feed.isCurrent)
  const answers = holdAnswers(control)
  await until(() => answers.length === 1) // the regular question
  let settled = 0
  for (let count = 0; count < 3; count++) void feed.settled().then(() => settled++)
  answers[0]?.()
  await until(() => answers.length === 2)
  t.equal(settled, 0, 'the answer that was under way says nothing')
  answers[1]?.()
  await until(() => settled === 3)
  t.equal(answers.length, 2, 'one answer is enough for all')
  for (const answer of answers) answer()
})

t.test('whoever waits for a source that is lost meanwhile waits no longer', async (t) => {
  const { feed, control, until } = openFeed(t)
  feed.subscribe(() => {})
  await until(feed.isCurrent)
  const answers = holdAnswers(control)
  await until(() => answers.length === 1)
  const settled = feed.settled()
  control.fails = true
  control.end()
  answers[0]?.()
  await settled
  t.equal(answers.length, 1, 'nothing is asked of it any more')
  t.equal(feed.isCurrent(), false)
})

t.test('a source that opens when the feed is closed is closed as well', async (t) => {
  const { feed, control } = openFeed(t)
  feed.subscribe(() => {})
  await feed.close()
  t.same([control.opened, control.closed], [1, 1])
  t.equal(feed.isCurrent(), false)
})
