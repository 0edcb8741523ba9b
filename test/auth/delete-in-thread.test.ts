import { closeSync, openSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { sql } from 'kysely'
import t, { type Test } from 'tap'
import { dayMs, numberedId, openDomain, type TestDomain } from '../support/domain.ts'
import { startScript } from '../support/processes.ts'

/** A domain on a file, with `count` tokens that have ended; how many are left can be asked. */
async function openFile(t: Test, count: number) {
  const file = join(t.testdir(), 'latchkey.db')
  const domain = await openDomain(t, { url: `sqlite:${file}`, token: { retentionMs: 0, limit: 10_000 } })
  await domain.createUser('ada')
  await addEnded(domain, count)
  const serving = setInterval(() => {}, 1_000) // a thread alone does not keep the process
  t.teardown(() => clearInterval(serving))
  return { ...domain, file, countTokens: () => countTokens(domain) }
}

t.test('a thread deletes what has ended and leaves the rest', async (t) => {
  const { auth, database, signIn, reasonOf, countTokens, clock } = await openFile(t, 500)
  const { token } = await signIn('ada')
  await database.kysely
    .insertInto('latchkey_throttle')
    .values({ key: 'x', attempts: 1, blocked_until: 0, expires_at: clock.now })
    .execute()
  const progress: number[] = []
  const deleted = await auth.prune({ background: true, onProgress: (tokens) => progress.push(tokens) })
  t.strictSame(deleted, { tokens: 500, counters: 1, auditEvents: 0 })
  t.equal(progress.at(-1), 500)
  t.ok(progress.length > 1, 'in batches')
  t.equal(await countTokens(), 1)
  t.equal(await reasonOf(token), 'none')
})

t.test('the clock is the one that was given', async (t) => {
  const { auth, clock, countTokens } = await openFile(t, 10)
  clock.now -= 2 * dayMs
  t.match(await auth.prune({ background: true }), { tokens: 0 })
  t.equal(await countTokens(), 10)
})

t.test('what is told to stop ends after the batch, and the next one goes on', async (t) => {
  const { auth, countTokens } = await openFile(t, 500)
  const stop = new AbortController()
  const pruned = auth.prune({ background: true, signal: stop.signal, onProgress: () => stop.abort() })
  await t.rejects(pruned, { name: 'AbortError' })
  const left = await countTokens()
  t.ok(left > 0 && left < 500, `${left} left`)
  await sleep(50)
  t.equal(await countTokens(), left, 'it has ended')
  t.match(await auth.prune({ background: true, signal: new AbortController().signal }), { tokens: left })
})

t.test('flags that are not for threads are left out', async (t) => {
  const { auth } = await openFile(t, 10)
  process.execArgv.push('--input-type=module', '--expose-gc')
  t.teardown(() => process.execArgv.splice(-2))
  t.match(await auth.prune({ background: true }), { tokens: 10 })
})

t.test('nothing begins once it was told to stop', async (t) => {
  const { auth, countTokens } = await openFile(t, 10)
  for (const background of [true, false])
    await t.rejects(auth.prune({ background, signal: AbortSignal.abort() }), { name: 'AbortError' })
  t.equal(await countTokens(), 10)
})

t.test('a locked file is waited for, but not for longer than till it is told to stop', async (t) => {
  const { auth, file, countTokens } = await openFile(t, 10)
  const holder = startScript(t, 'hold-lock.ts', file, '60000')
  t.equal(await holder.nextLine(), 'held')
  const stop = new AbortController()
  const stopped = auth.prune({ background: true, signal: stop.signal })
  setTimeout(() => stop.abort(), 500)
  await t.rejects(stopped, { name: 'AbortError' })
  await t.rejects(auth.prune({ background: true }), { code: 'RATE_LIMITED', details: { reason: 'BUSY' } })
  holder.child.kill('SIGKILL')
  await holder.ended
  t.match(await auth.prune({ background: true }), { tokens: 10 })
  t.equal(await countTokens(), 0)
})

t.test('a file that cannot be opened is a fault like another', async (t) => {
  const { auth, database, file } = await openFile(t, 2_000)
  await database.run((db) => sql`pragma wal_checkpoint(truncate)`.execute(db))
  const damaged = openSync(file, 'r+')
  writeSync(damaged, Buffer.alloc(100, 'x'), 0, 100, 0)
  closeSync(damaged)
  await t.rejects(auth.prune({ background: true }), { message: /it is not an SQLite database/ })
})

async function countTokens({ database }: TestDomain): Promise<number> {
  const rows = await database.run((db) => db.selectFrom('latchkey_tokens').select('id').execute())
  return rows.length
}

async function addEnded({ database, clock, auth }: TestDomain, count: number): Promise<void> {
  const user = await auth.findUser('ada')
  await database.transaction(async (db) => {
    for (let number = 0; number < count; number++) {
      const id = numberedId(number)
      const row = {
        id,
        user_id: user?.id ?? null,
        digest: id,
        name: '',
        created_at: clock.now - dayMs,
        expires_at: clock.now - dayMs,
        max_expires_at: 0,
      }
      await db
        .insertInto('latchkey_tokens')
        .values(row as never)
        .execute()
    }
  })
}
