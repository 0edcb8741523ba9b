import { statSync } from 'node:fs'
import SqliteDatabase from 'better-sqlite3'
import t from 'tap'
import { openLane } from '../support/lane.ts'
import { createDatabase, startServer } from '../support/servers.ts'
import { soak } from '../support/soak.ts'
import { stockTokens } from '../support/stock.ts'

const mib = 1_048_576

/** `SOAK_SECONDS=3600 tap run test/faults/soak.test.ts` soaks for an hour. */
const seconds = Number(process.env.SOAK_SECONDS ?? 32)

/** How often SQLite empties the file of changes, in pages of 4 KiB, and what is added while it does. */
const walLimit = 16 * mib

t.setTimeout(120_000 + seconds * 2_000)

t.test(
  'under mixed load neither the heap, the handles, the descriptors nor the file of changes grow',
  async (t) => {
    const { first, last, largestWal, requests, odd } = await soak(t, { rounds: 4, seconds: seconds / 4 })
    t.comment(`${requests} requests;`, { first, last, largestWal })
    t.same(odd.slice(0, 5), [])
    t.ok(last.heapUsed < first.heapUsed + 32 * mib, `heap: ${first.heapUsed} → ${last.heapUsed}`)
    t.ok(last.handles <= first.handles + 2, `handles: ${first.handles} → ${last.handles}`)
    t.ok(last.descriptors <= first.descriptors + 2, `descriptors: ${first.descriptors} → ${last.descriptors}`)
    t.ok(largestWal < walLimit, `the file of changes had ${largestWal} bytes`)
  },
)

t.test('the file of changes that grew behind a long read is used anew when the read is over', async (t) => {
  const { databaseUrl, file, domain } = await createDatabase(t)
  const stock = await stockTokens(domain, 40, 50)
  await domain.database.close()
  const server = await startServer(t, { databaseUrl, logLevel: 'error' })
  const lane = openLane(t, server.url)
  const revoke = async (count: number): Promise<number> => {
    for (const { token } of stock.splice(0, count)) {
      const { status } = await lane.ask('mutation { revokeToken { revoked } }', null, token)
      if (status !== 200) throw new Error(`not revoked: ${status}`)
    }
    return statSync(`${file}-wal`).size
  }
  const reader = new SqliteDatabase(file, { readonly: true })
  t.teardown(() => reader.close())
  reader.exec('begin')
  reader.prepare('select count(*) from latchkey_tokens').get()
  const behindReader = await revoke(1_000)
  t.ok(behindReader > 5 * mib, `${behindReader} bytes behind a long read`)
  reader.exec('commit')
  const after = await revoke(900)
  t.ok(after < behindReader + mib, `${after} bytes after it`)
})
