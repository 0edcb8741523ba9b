import { join } from 'node:path'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { setTimeout as sleep } from 'node:timers/promises'
import SqliteDatabase from 'better-sqlite3'
import { Kysely, SqliteDialect, sql } from 'kysely'
import t, { type Test } from 'tap'
import { adoptKysely } from '../../src/db/open.ts'
import { password } from '../support/app.ts'
import { openDomain, origin, refusalOf } from '../support/domain.ts'
import { startScript } from '../support/processes.ts'

const busy = { code: 'RATE_LIMITED', reason: 'BUSY', retryAfter: 1 }
const manyAttempts = { addressMax: 1_000_000, accountFree: 1_000 }

/** A domain on a file, with a user and a token. */
async function openFile(t: Test) {
  const file = join(t.testdir(), 'latchkey.db')
  const domain = await openDomain(t, { url: `sqlite:${file}`, throttle: manyAttempts })
  await domain.createUser('ada')
  const { token } = await domain.signIn('ada')
  return {
    ...domain,
    token,
    /** Has another process take the write lock. */
    async lockFor(milliseconds: number) {
      const script = startScript(t, 'hold-lock.ts', file, String(milliseconds))
      t.equal(await script.nextLine(), 'held')
      return script
    },
  }
}

t.test('a sign-in waits for another process that writes for a while', async (t) => {
  const { signIn, lockFor, reasonOf } = await openFile(t)
  const script = await lockFor(1_500)
  let released = false
  script.ended.then(() => {
    released = true
  })
  const { token } = await signIn('ada')
  t.equal(await script.ended, 0)
  t.ok(released)
  t.equal(await reasonOf(token), 'none')
})

t.test(
  'while the lock is held, reads go on and the event loop turns; writers give up in the end',
  async (t) => {
    const { auth, signIn, lockFor, userOf, token } = await openFile(t)
    const principal = await userOf(token)
    const { child } = await lockFor(60_000)
    const delay = monitorEventLoopDelay({ resolution: 5 })
    delay.enable()
    let ticks = 0
    let reads = 0
    const ticking = setInterval(() => {
      ticks++
      if (auth.resolvePrincipal(token, '127.0.0.1')) reads++
    }, 10)
    const writers = [
      ...Array.from({ length: 100 }, (_, count) => signIn('ada', { address: `192.0.2.${count}` })),
      ...Array.from({ length: 50 }, () => auth.revokeOtherTokens(principal, origin())),
    ]
    const started = performance.now()
    const outcomes = await Promise.all(writers.map(refusalOf))
    const tookMs = performance.now() - started
    clearInterval(ticking)
    delay.disable()
    for (const outcome of outcomes) if (outcome.reason !== 'BUSY') t.match(outcome, busy)
    t.match(outcomes[0], busy)
    t.comment(
      `150 writers gave up after ${Math.round(tookMs)} ms; ${ticks} ticks of 10 ms; event loop delay max ${Math.round(delay.max / 1e6)} ms, p99 ${Math.round(delay.percentile(99) / 1e6)} ms`,
    )
    t.ok(ticks >= 50, `the event loop turned ${ticks} times`)
    t.equal(reads, ticks)
    t.equal((await userOf(token)).user.username, 'ada')

    child.kill('SIGKILL')
    t.match((await signIn('ada')).user, { username: 'ada' }, 'all is well when the lock is gone')
  },
)

t.test('uses that could not be written for a lock are written later', async (t) => {
  const { auth, clock, database, lockFor, userOf, token } = await openFile(t)
  clock.now += 1_000
  await userOf(token)
  const { child } = await lockFor(60_000)
  t.match(await refusalOf(auth.flush()), busy)
  child.kill('SIGKILL')
  await auth.flush()
  const row = await database.kysely.selectFrom('latchkey_tokens').select('last_used_at').executeTakeFirst()
  t.equal(row?.last_used_at, clock.now)
})

t.test('a fault that comes up while waiting is no matter of waiting', async (t) => {
  const { database, lockFor } = await openFile(t)
  await lockFor(300)
  let tries = 0
  await t.rejects(
    database.transaction(async (db) => {
      tries++
      await db.selectFrom('latchkey_users').selectAll().execute()
      throw new TypeError('ours')
    }),
    { name: 'TypeError' },
  )
  t.equal(tries, 1, 'nothing ran before the lock was there')
})

t.test('what changes the password waits as well', async (t) => {
  const { auth, lockFor, userOf, token, signIn } = await openFile(t)
  const principal = await userOf(token)
  await lockFor(300)
  const newPassword = 'a password of its own'
  t.equal(await auth.changePassword(principal, { currentPassword: password, newPassword }, origin()), 0)
  await signIn('ada', { password: newPassword })
})

t.test('who waits while the database is closed is told that it is', async (t) => {
  const { auth, database, lockFor, userOf, token } = await openFile(t)
  const principal = await userOf(token)
  const { child } = await lockFor(60_000)
  const waiting = auth.revokeOtherTokens(principal, origin())
  await new Promise((resolve) => setTimeout(resolve, 100))
  await database.close()
  await t.rejects(waiting, /destroyed|not open/)
  child.kill('SIGKILL')
})

t.test('the connection of an application waits as well', async (t) => {
  const file = join(t.testdir(), 'latchkey.db')
  const [own, other] = [0, 1].map(() => new SqliteDatabase(file, { timeout: 1 }))
  if (own === undefined || other === undefined) throw new Error('no connection')
  t.teardown(() => {
    own.close()
    other.close()
  })
  const database = adoptKysely(new Kysely({ dialect: new SqliteDialect({ database: own }) }))
  own.exec('create table t (a)')
  other.exec('begin immediate')
  const waiting = database.run((db) => sql`insert into t values (1)`.execute(db))
  await sleep(100)
  other.exec('commit')
  await waiting
  t.equal(own.prepare('select count(*) from t').pluck().get(), 1)
})
