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
