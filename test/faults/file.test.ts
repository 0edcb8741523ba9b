import { chmodSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import SqliteDatabase from 'better-sqlite3'
import t, { type Test } from 'tap'
import { allAway, allWell, askFour } from '../support/four.ts'
import { logLines } from '../support/log.ts'
import { createDatabase, startServer } from '../support/servers.ts'

/** A server on a file, and what it takes to ask it. */
async function startOnFile(t: Test) {
  const { databaseUrl, file, domain } = await createDatabase(t, 'ada')
  const tokens: string[] = []
  for (let count = 0; count < 3; count++) tokens.push((await domain.signIn('ada')).token)
  await domain.database.close()
  const server = await startServer(t, { databaseUrl })
  const token = tokens.pop() as string
  return {
    file,
    databaseUrl,
    server,
    token,
    ask: () => askFour(server.graphql, { username: 'ada', token, spare: tokens.pop() as string }),
  }
}

const parts = ['', '-wal', '-shm']

t.test('a file that is moved away while it is in use is away, until it is put back', async (t) => {
  const { file, server, ask } = await startOnFile(t)
  t.same(await ask(), allWell)
  for (const part of parts) renameSync(file + part, `${file}.away${part}`)
  await glanceIsOver()
  t.same(await ask(), allAway)
  t.equal((await fetch(`${server.url}/readyz`)).status, 503)
  t.ok(logLines().some((line) => line.includes('was deleted, moved or replaced while in use')))
  for (const part of parts) renameSync(`${file}.away${part}`, file + part)
  t.match(await ask(), { ...allWell, revoke: /./ })
})

t.test(
  'a file that is deleted while it is in use is away: nothing is acknowledged that would be lost',
  async (t) => {
    const { file, ask } = await startOnFile(t)
    for (const part of parts) rmSync(file + part)
    await glanceIsOver()
    t.same(await ask(), allAway)
  },
)

t.test(
  'a file that another takes the place of is away until the next start, which finds what is in the new one',
  async (t) => {
    const { file, databaseUrl, token, server, ask } = await startOnFile(t)
    const copy = new SqliteDatabase(file)
    await copy.backup(`${file}.backup`)
    copy.close()
    t.equal((await server.graphql('mutation { revokeAllTokens { count } }', null, token)).status, 200)
    for (const part of parts) rmSync(file + part)
    renameSync(`${file}.backup`, file)
    await glanceIsOver()
    t.same(await ask(), allAway)
    await server.kill()
    const next = await startServer(t, { databaseUrl })
    t.equal((await next.graphql('{ viewer { id } }', null, token)).status, 200, 'as the backup has it')
  },
)

t.test('a log of changes that is deleted beside its file is a file that is gone', async (t) => {
  const { file, ask } = await startOnFile(t)
  rmSync(`${file}-wal`)
  await glanceIsOver()
  t.same(await ask(), allAway)
})

t.test('a file that is damaged while it is in use answers nobody, and lets nobody in', async (t) => {
  const { file, ask } = await startOnFile(t)
  const other = new SqliteDatabase(file)
  other.pragma('wal_checkpoint(TRUNCATE)')
  const bytes = readFileSync(file)
  bytes.fill(0xff, 4_096)
  writeFileSync(file, bytes)
  // Somebody else's write has the server drop the pages that it keeps in memory.
  other.pragma('user_version = 1')
  other.close()
  t.same(await ask(), allAway)
})

t.test('a file whose rights are taken away while it is in use serves on, for it is open', async (t) => {
  const { file, ask } = await startOnFile(t)
  for (const part of parts) chmodSync(file + part, 0o400)
  t.same(await ask(), allWell)
})

/** On the request path the file is looked at ten times a second. */
function glanceIsOver(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 150))
}
