import { setTimeout as sleep } from 'node:timers/promises'
import { isDeepStrictEqual } from 'node:util'
import SqliteDatabase from 'better-sqlite3'
import t, { type Test } from 'tap'
import { v7 as uuidv7 } from 'uuid'
import { digestToken, generateToken } from '../../src/auth/token-format.ts'
import { listMigrations, migrateDown, migrateToLatest } from '../../src/db/migrate.ts'
import type { Database } from '../../src/db/open.ts'
import { password } from '../support/app.ts'
import { dayMs, nobody, openDomain, origin } from '../support/domain.ts'
import { startScript } from '../support/processes.ts'

const agents = ['curl/8.14.1', 'Mozilla/5.0 (X11; Linux x86_64)', null]

/** A token as migration 0002 has it stored. */
interface OldToken {
  id: string
  token: string
  digest: string
  agent: string | null
}

async function migrateTo({ database, name }: { database: Database; name: string }): Promise<void> {
  const isAbove = async () =>
    (await listMigrations(database)).some((state) => state.executedAt !== null && state.name > name)
  while (await isAbove()) await migrateDown(database)
}

/** A file as it was before, with `count` tokens of a user `ada`. */
async function openOldFile(t: Test, count: number) {
  const file = `${t.testdir()}/latchkey.db`
  const { database, clock, createUser } = await openDomain(t, { url: `sqlite:${file}` })
  const userId = await createUser('ada')
  await migrateTo({ database, name: '0004-changes' })
  const connection = new SqliteDatabase(file)
  t.teardown(() => connection.close())
  const insert = connection.prepare(`
    insert into latchkey_tokens (id, user_id, digest, name, device_id, device_name, device_platform, user_agent,
      created_at, expires_at, max_expires_at, last_used_at, last_used_address, revoked_at)
    values (?, ?, ?, ?, 'd1', 'Pixel', 'android', ?, ?, ?, ?, ?, '192.0.2.7', ?)`)
  const tokens = Array.from({ length: count }, (_, index): OldToken => {
    const token = generateToken('lk_')
    const id = uuidv7({ msecs: clock.now + index })
    return { id, token, digest: digestToken(token), agent: agents[index % 3] ?? null }
  })
  const add = connection.transaction(() => {
    for (const [index, { id, digest, agent }] of tokens.entries()) {
      const times = [clock.now + index, clock.now + dayMs, clock.now + 2 * dayMs, clock.now]
      insert.run(id, userId, digest, `token ${index}`, agent, ...times, index % 5 === 0 ? clock.now : null)
    }
  })
  add()
  return { file, userId, clock, database, connection, tokens }
}

t.test('tokens of an old file are what they were', async (t) => {
  const { file, userId, clock, tokens } = await openOldFile(t, 2_500)
  const { auth, reasonOf, userOf } = await openDomain(t, {
    url: `sqlite:${file}`,
    clock,
    token: { limit: 10_000 },
  })
  const wrong: unknown[] = []
  for (const [index, { token, id, agent }] of tokens.entries()) {
    if (index % 5 === 0) {
      if ((await reasonOf(token)) !== 'REVOKED') wrong.push(index)
      continue
    }
    const expected = {
      id,
      userId,
      name: `token ${index}`,
      device: { id: 'd1', name: 'Pixel', platform: 'android' },
      userAgent: agent,
      createdAt: clock.now + index,
      expiresAt: clock.now + dayMs,
    }
    const found = (await userOf(token)).token
    if (!isDeepStrictEqual({ ...found, ...expected }, found)) wrong.push({ found, expected })
  }
  t.same(wrong, [])
  const { tokens: page } = await auth.listTokens(userId, 3, tokens[2_498]?.id ?? null)
  t.same(
    page.map(({ id }) => id),
    [2_497, 2_496, 2_494].map((index) => tokens[index]?.id),
    'newest first',
  )
  await auth.flush()
  t.equal(await auth.endTokens(userId), 2_000)
})

t.test('rows are the same again once it is taken back', async (t) => {
  const { database, connection } = await openOldFile(t, 30)
  const rows = () => connection.prepare('select * from latchkey_tokens order by id').all()
  const before = rows()
  await migrateToLatest(database)
  t.notSame(rows(), before)
  await migrateTo({ database, name: '0004-changes' })
  t.same(rows(), before)
})

t.test('a row whose id is no UUID is told of, and nothing is changed', async (t) => {
  const { database, connection } = await openOldFile(t, 3)
  connection.exec("update latchkey_tokens set id = 'mine' where name = 'token 1'")
  await t.rejects(migrateToLatest(database), {
    message: 'The id of a row of latchkey_tokens is no UUID: mine',
  })
  t.equal(connection.prepare("select count(*) from latchkey_tokens where name = 'token 1'").pluck().get(), 1)
  t.same(connection.prepare("select name from sqlite_schema where name like '%new_tokens%'").all(), [])
})

t.test('a process that is killed half-way leaves a file that the next one brings up to date', async (t) => {
  const { file, tokens } = await openOldFile(t, 20_000)
  for (const afterMs of [5, 20, 50, 100, 200]) {
    const { child, nextLine, ended } = startScript(t, 'open-and-migrate.ts', file)
    t.equal(await nextLine(), 'ready')
    child.stdin?.write('go\n')
    await sleep(afterMs)
    child.kill('SIGKILL')
    await ended
    const connection = new SqliteDatabase(file)
    t.equal(connection.prepare('select count(*) from latchkey_tokens').pluck().get(), 20_000)
    t.same(connection.pragma('integrity_check'), [{ integrity_check: 'ok' }])
    connection.close()
  }
  const { userOf } = await openDomain(t, { url: `sqlite:${file}` })
  t.match((await userOf(tokens[1]?.token ?? '')).token, { id: tokens[1]?.id })
})

t.test('a user agent is stored once, and goes with its last token', async (t) => {
  const { auth, clock, database, createUser } = await openDomain(t, { token: { retentionMs: 0 } })
  const [ada, bob] = [await createUser('ada'), await createUser('bob')]
  const agentsNow = () =>
    database.kysely.selectFrom('latchkey_user_agents').select(['text', 'tokens']).orderBy('text').execute()
  const signInAs = (username: string, userAgent: string | null) =>
    auth.tokenAuth({ username, password: password }, { ...origin(), userAgent }, nobody)
  for (const [username, agent] of [
    ['ada', 'one'],
    ['ada', 'one'],
    ['ada', 'two'],
    ['bob', 'one'],
    ['bob', null],
  ] as const)
    await signInAs(username, agent)
  t.same(await agentsNow(), [
    { text: 'one', tokens: 3 },
    { text: 'two', tokens: 1 },
  ])
  await auth.deleteUser(ada)
  t.same(await agentsNow(), [{ text: 'one', tokens: 1 }])
  await auth.endTokens(bob)
  clock.now += 1
  t.equal((await auth.prune()).tokens, 5)
  t.same(await agentsNow(), [])
})
