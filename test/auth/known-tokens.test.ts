import { renameSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import SqliteDatabase from 'better-sqlite3'
import { sql } from 'kysely'
import t, { type Test } from 'tap'
import { createKnownTokens } from '../../src/auth/known-tokens.ts'
import { createNoteLife } from '../../src/auth/note-life.ts'
import { createResolvePrincipal } from '../../src/auth/principal.ts'
import { digestToken } from '../../src/auth/token-format.ts'
import { createTokenLife } from '../../src/auth/token-life.ts'
import { createTokenUses } from '../../src/auth/token-uses.ts'
import { createReadChanges, type ReadChanges } from '../../src/db/changes.ts'
import { openDatabase } from '../../src/db/open.ts'
import { prepareFindPredecessor } from '../../src/db/rotation.ts'
import { prepareFindToken } from '../../src/db/tokens.ts'
import { dayMs, openDomain, origin, type TestDomain, tokenDefaults } from '../support/domain.ts'
import { foreignTokens, storeForeignToken } from '../support/imported.ts'

interface Reader extends TestDomain {
  file: string
  /** The answer to a token out of a cache of its own, and the look-ups it took. */
  resolve(token: string): { answer: string; lookUps: number }
  /** Writes to the file as another program would. */
  execute(sql: string): void
  uses: ReturnType<typeof createTokenUses>
}

/** A domain on a file, and beside it a process that only reads, with a cache. */
async function openReader(t: Test, size = 100, life = tokenDefaults): Promise<Reader> {
  const file = join(t.testdir(), 'latchkey.db')
  const domain = await openDomain(t, { url: `sqlite:${file}`, token: life })
  const database = openDatabase(`sqlite:${file}`)
  t.teardown(() => database.close())
  const findToken = prepareFindToken(database)
  const uses = createTokenUses(database)
  let lookUps = 0
  const resolve = createResolvePrincipal({
    findPredecessor: prepareFindPredecessor(database),
    endFamily: async () => {},
    findToken: (digest) => {
      lookUps++
      return findToken(digest)
    },
    knownTokens: createKnownTokens(createReadChanges(database) as ReadChanges, size),
    clock: () => domain.clock.now,
    life: createTokenLife(life),
    uses,
    noteLife: createNoteLife(() => {}),
  })
  return {
    ...domain,
    file,
    uses,
    resolve(token) {
      lookUps = 0
      const principal = resolve(token, '192.0.2.7')
      if (principal instanceof Promise) throw new Error('this driver answers at once')
      const answer =
        principal.kind === 'user'
          ? `${principal.user.username} ${principal.user.role} ${principal.token.name}`
          : principal.reason
      return { answer, lookUps }
    },
    execute(sql) {
      const connection = new SqliteDatabase(file)
      connection.pragma('foreign_keys = ON')
      connection.exec(sql)
      connection.close()
    },
  }
}

t.test('a token that is known takes no look-up, whatever else is written', async (t) => {
  const { createUser, signIn, auth, resolve, userOf } = await openReader(t)
  await createUser('ada')
  await createUser('bob')
  const { token } = await signIn('ada', { device: { name: 'a' } })
  t.same(resolve(token), { answer: 'ada USER a', lookUps: 1 })
  t.same(resolve(token), { answer: 'ada USER a', lookUps: 0 })
  const { token: other } = await signIn('bob', { device: { name: 'b' } })
  t.same(resolve(other), { answer: 'bob USER b', lookUps: 1 })
  await auth.revokeToken(await userOf(other), null, origin())
  await userOf(token)
  await auth.flush() // a use of the token, written by another process
  t.same(resolve(token), { answer: 'ada USER a', lookUps: 0 })
  t.same(resolve(other), { answer: 'REVOKED', lookUps: 1 })
  t.same(resolve(other), { answer: 'REVOKED', lookUps: 1 }, 'a refusal is looked up each time')
})

t.test('what changes a user or a token is seen by the next request, whoever wrote it', async (t) => {
  const reader = await openReader(t)
  const { auth, createUser, signIn, userOf, resolve, execute } = reader
  const id = "(select id from latchkey_users where username = 'ada')"
  const cases: [what: string, change: (token: string, userId: string) => unknown, answer: string][] = [
    [
      'renamed',
      async (token) => auth.renameToken(await userOf(token), (await userOf(token)).token.id, 'b'),
      'ada USER b',
    ],
    [
      'made an administrator',
      () => execute(`update latchkey_users set role = 'ADMIN' where id = ${id}`),
      'ada ADMIN a',
    ],
    [
      'renamed by another program',
      () => execute(`update latchkey_users set username = 'eve' where id = ${id}`),
      'eve USER a',
    ],
    ['revoked', async (token) => auth.revokeToken(await userOf(token), null, origin()), 'REVOKED'],
    [
      'revoked by another program',
      () => execute(`update latchkey_tokens set revoked_at = 1 where user_id = ${id}`),
      'REVOKED',
    ],
    ['disabled', (_token, userId) => auth.setActive(userId, false), 'INACTIVE'],
    ['deleted', (_token, userId) => auth.deleteUser(userId), 'INACTIVE'],
    [
      'shortened',
      () => execute(`update latchkey_tokens set expires_at = 1 where user_id = ${id}`),
      'EXPIRED',
    ],
    ['taken out', () => execute(`delete from latchkey_tokens where user_id = ${id}`), 'INVALID'],
    [
      'given to somebody else',
      () =>
        execute(
          `update latchkey_tokens set user_id = (select id from latchkey_users where username = 'bob') where user_id = ${id}`,
        ),
      'bob USER a',
    ],
  ]
  const bob = await createUser('bob')
  t.ok(bob)
  for (const [what, change, answer] of cases) {
    const userId = await createUser('ada')
    const { token } = await signIn('ada', { device: { name: 'a' } })
    resolve(token)
    t.same(resolve(token), { answer: 'ada USER a', lookUps: 0 })
    await change(token, userId)
    t.same(resolve(token).answer, answer, what)
    execute("delete from latchkey_users where username in ('ada', 'eve')")
    reader.clock.now += 60_000
  }
})

t.test('expiry and idleness are told by the clock, and by what other processes have written', async (t) => {
  const { auth, clock, createUser, signIn, userOf, resolve } = await openReader(t, 100, {
    ...tokenDefaults,
    renew: true,
  })
  await createUser('ada')
  const { token } = await signIn('ada', { device: { name: 'a' } })
  resolve(token)
  clock.now += 10 * dayMs
  await userOf(token)
  await auth.flush()
  clock.now += 10 * dayMs
  t.same(resolve(token), { answer: 'ada USER a', lookUps: 1 }, 'used elsewhere meanwhile')
  clock.now += 14 * dayMs
  t.same(resolve(token), { answer: 'EXPIRED', lookUps: 1 })
})

t.test('an expiry that an operator puts off holds at once', async (t) => {
  const { clock, createUser, signIn, resolve, execute, uses, database } = await openReader(t)
  await createUser('ada')
  const { token } = await signIn('ada', { device: { name: 'a' } })
  resolve(token)
  execute(`update latchkey_tokens set expires_at = expires_at + 1000, max_expires_at = max_expires_at + 1000`)
  clock.now += 1_000
  t.same(resolve(token), { answer: 'ada USER a', lookUps: 1 })
  await uses.flush()
  const row = await database.kysely.selectFrom('latchkey_tokens').select('last_used_at').executeTakeFirst()
  t.equal(row?.last_used_at, clock.now, 'and uses go on being written')
})

t.test('no more tokens are kept than were asked for, those used last', async (t) => {
  const { createUser, signIn, resolve } = await openReader(t, 2)
  const tokens: string[] = []
  for (const [index, name] of ['ada', 'bob', 'cleo'].entries()) {
    await createUser(name)
    tokens.push((await signIn(name, { address: `192.0.2.${index}` })).token)
  }
  const [ada = '', bob = '', cleo = ''] = tokens
  for (const token of [ada, bob, ada, cleo]) resolve(token)
  t.equal(resolve(ada).lookUps, 0)
  t.equal(resolve(cleo).lookUps, 0)
  t.equal(resolve(bob).lookUps, 1)
})

t.test('whoever misses too many changes forgets everything', async (t) => {
  const { createUser, signIn, auth, resolve, execute } = await openReader(t)
  await createUser('ada')
  const { token } = await signIn('ada', { device: { name: 'a' } })
  resolve(token)
  const insert = (count: number) =>
    `insert into latchkey_changes (user_id) with recursive n(i) as (select 1 union all select i + 1 from n where i < ${count}) select 'x' from n`
  execute(insert(1_000))
  t.equal(resolve(token).lookUps, 0, 'as many as are read at once')
  execute(insert(1_001))
  t.equal(resolve(token).lookUps, 1, 'more')
  execute(insert(10_000))
  await auth.prune()
  execute(insert(1))
  t.equal(resolve(token).lookUps, 1, 'some are deleted already')
  t.equal(resolve(token).lookUps, 0)
  execute('delete from latchkey_changes')
  t.equal(resolve(token).lookUps, 1, 'the table is empty')
  execute(insert(1))
  t.equal(resolve(token).lookUps, 1, 'there is nothing to follow on from')
  t.equal(resolve(token).lookUps, 0)
})

t.test('a sequence of changes that began anew is not taken for the one that was followed', async (t) => {
  const { createUser, signIn, resolve, execute, database } = await openReader(t)
  await createUser('ada')
  const { token } = await signIn('ada', { device: { name: 'a' } })
  resolve(token)
  const last = await database.kysely
    .selectFrom('latchkey_changes')
    .select((select) => select.fn.max('seq').as('seq'))
    .executeTakeFirstOrThrow()
  execute(`
    drop trigger latchkey_user_changed; update latchkey_users set active = 0;
    delete from latchkey_changes; insert into latchkey_changes (seq, user_id) values (${last.seq}, 'somebody else')`)
  t.same(resolve(token), { answer: 'INACTIVE', lookUps: 1 })
})

t.test('a question for commits that failed is asked again', async (t) => {
  const { createUser, signIn, resolve, execute, file } = await openReader(t)
  await createUser('ada')
  const { token } = await signIn('ada', { device: { name: 'a' } })
  resolve(token)
  execute('update latchkey_users set active = 0')
  renameSync(file, `${file}.away`)
  await sleep(150) // the file is looked at ten times a second
  t.throws(() => resolve(token), { code: 'SERVICE_UNAVAILABLE' })
  renameSync(`${file}.away`, file)
  t.equal(resolve(token).answer, 'INACTIVE')
})

t.test('changes that nobody will ask for are deleted, the newest ten thousand stay', async (t) => {
  const { auth, execute, database } = await openReader(t)
  execute(
    `insert into latchkey_changes (user_id) with recursive n(i) as (select 1 union all select i + 1 from n where i < 12000) select 'x' from n`,
  )
  await auth.prune()
  const { count } = await database.kysely
    .selectFrom('latchkey_changes')
    .select((select) => select.fn.countAll<number>().as('count'))
    .executeTakeFirstOrThrow()
  t.equal(count, 10_000)
})

t.test('what is in memory has one connection, and no cache', async (t) => {
  const database = openDatabase('sqlite::memory:')
  t.teardown(() => database.close())
  t.equal(createReadChanges(database), null)
})

t.test('without a cache each use is looked up', async (t) => {
  const file = join(t.testdir(), 'latchkey.db')
  const { createUser, signIn, reasonOf, database } = await openDomain(t, {
    url: `sqlite:${file}`,
    token: { cacheSize: 0 },
  })
  await createUser('ada')
  const { token } = await signIn('ada')
  t.equal(await reasonOf(token), 'none')
  // Behind the back of the triggers, as nothing else would notice it.
  await sql`drop trigger latchkey_user_changed`.execute(database.kysely)
  await sql`update latchkey_users set active = 0`.execute(database.kysely)
  t.equal(await reasonOf(token), 'INACTIVE')
})

t.test('an imported token is known as well, by whichever digest it is stored', async (t) => {
  for (const foreign of foreignTokens) {
    const { auth, clock, createUser, database, resolve } = await openReader(t)
    const userId = await createUser('ada')
    const unknown = foreign.form === 'knox' && foreign.token.length === 64 ? 2 : 1
    t.strictSame(resolve(foreign.token), { answer: 'INVALID', lookUps: unknown }, foreign.what)
    t.strictSame(resolve(foreign.token.toUpperCase()), { answer: 'INVALID', lookUps: 0 })
    await storeForeignToken(database, foreign, { userId, now: clock.now })
    const isOlder = foreign.what.endsWith('Knox 4')
    t.strictSame(resolve(foreign.token), { answer: 'ada USER Imported', lookUps: isOlder ? 2 : 1 })
    t.strictSame(resolve(foreign.token), { answer: 'ada USER Imported', lookUps: 0 })
    await auth.endToken({ token: foreign.token })
    t.match(resolve(foreign.token), { answer: 'REVOKED' })
  }
})

t.test('what a change has overtaken while it was looked up is not kept', async (t) => {
  const { database, auth, createUser, signIn } = await openDomain(t)
  const userId = await createUser('ada')
  const { token } = await signIn('ada')
  const digest = digestToken(token)
  const row = await prepareFindToken(database)(digest)
  let changes: string[] | null = []
  let isCurrent = true
  const known = createKnownTokens(
    () => changes?.splice(0) ?? null,
    100,
    () => isCurrent,
  )
  const keepsAfter = (happened: string[] | null): boolean => {
    const mark = known.mark()
    changes = happened
    known.keepSince(mark, digest, row)
    changes = []
    return known.find(digest) !== undefined
  }
  t.equal(keepsAfter([]), true)
  t.equal(keepsAfter(['somebody else']), true)
  t.equal(keepsAfter([userId]), false)
  t.equal(keepsAfter([]), true, 'a later look-up has seen the change')
  t.equal(keepsAfter(null), false, 'of everything that changed nothing is told')
  t.equal(keepsAfter(Array.from({ length: 10_001 }, (_, index) => `user ${index}`)), false)
  t.equal(keepsAfter([]), true)
  const mark = known.mark()
  known.keepSince(mark, digest, undefined)
  t.equal(known.find(digest), undefined, 'nor is a token that there is not')
  t.equal(keepsAfter([]), true)
  isCurrent = false
  t.equal(known.find(digest), undefined, 'what may have been missed is not relied on')
  isCurrent = true
  t.not(known.find(digest), undefined)
  await auth.flush()
})
