import { join } from 'node:path'
import t from 'tap'
import { createFollowChanges } from '../../src/auth/follow-changes.ts'
import { openDatabase } from '../../src/db/open.ts'
import { openDomain } from '../support/domain.ts'

t.test('while the database cannot be read, listeners hear that nothing is known', async (t) => {
  const url = `sqlite:${join(t.testdir(), 'latchkey.db')}`
  await openDomain(t, { url })
  const database = openDatabase(url)
  const follow = createFollowChanges(database)
  const heard: (readonly string[] | null)[] = []
  const alive = setInterval(() => {}, 1_000) // following keeps no process alive
  await new Promise<void>((resolve) => {
    const stop = follow((changes) => {
      heard.push(changes)
      if (heard.length === 1) void database.close()
      if (heard.length < 4) return
      stop()
      stop() // once more does no harm
      resolve()
    })
  })
  clearInterval(alive)
  t.strictSame(heard.at(-1), [])
})

t.test(
  'while changes may be missed, listeners hear now and then that anything may have changed',
  async (t) => {
    const url = `sqlite:${join(t.testdir(), 'latchkey.db')}`
    await openDomain(t, { url })
    const database = openDatabase(url)
    t.teardown(() => database.close())
    // As of a server that does not answer.
    const feed = {
      isCurrent: () => false,
      isUp: async () => false,
      subscribe: () => () => {},
      settled: async () => {},
      close: async () => {},
    }
    const follow = createFollowChanges({ ...database, feed })
    const heard: (readonly string[] | null)[] = []
    const alive = setInterval(() => {}, 1_000)
    await new Promise<void>((resolve) => {
      const stop = follow((changes) => {
        heard.push(changes)
        if (heard.filter((changes) => changes === null).length < 3) return
        stop()
        resolve()
      })
    })
    clearInterval(alive)
    t.ok(
      heard.some((changes) => changes?.length === 0),
      'and nothing in between',
    )
  },
)
