import { existsSync, readFileSync } from 'node:fs'
import t, { type Test } from 'tap'
import { type Lane, openLane } from '../support/lane.ts'
import { startScript } from '../support/processes.ts'
import { createDatabase, startServer, type TestServer } from '../support/servers.ts'

const kib = 1_024

t.setTimeout(240_000)

async function startOne(t: Test): Promise<{ server: TestServer; token: string }> {
  const { databaseUrl, domain } = await createDatabase(t, 'ada')
  const { token } = await domain.signIn('ada')
  const server = await startServer(t, { databaseUrl, logLevel: 'error' })
  // What the first requests need is no matter of connections.
  const lane = openLane(t, server.url)
  for (let count = 0; count < 500; count++) await serve(lane, token)
  lane.close()
  return { server, token }
}

/** What a crowd of connections can tell of itself. */
interface CrowdReport {
  open: number
  statuses: string[]
}

/** Opens many connections of a kind, from another process. */
async function openCrowd(t: Test, server: TestServer, kind: string, count: number, token: string) {
  const script = startScript(t, 'crowd.ts', new URL(server.url).port, kind, String(count), token)
  t.equal(await script.nextLine(), 'open')
  return async (): Promise<CrowdReport> => {
    script.child.stdin?.end()
    return JSON.parse(await script.nextLine())
  }
}

async function serve(lane: Lane, token: string): Promise<void> {
  const { status, body } = await lane.ask('{ viewer { username } }', null, token)
  if (status !== 200) throw new Error(`others are not served: ${status} ${JSON.stringify(body)}`)
}

/** As many connections as the limit on open files allows, and no more than wanted. */
function affordable(wanted: number): number {
  const limits = existsSync('/proc/self/limits') ? readFileSync('/proc/self/limits', 'utf8') : ''
  const limit = Number(/Max open files\s+(\d+)/.exec(limits)?.[1] ?? 1_024)
  return Math.min(wanted, limit - 200)
}

t.test(
  'ten thousand keep-alive connections cost a bounded bit of memory each, and others are served',
  async (t) => {
    const { server, token } = await startOne(t)
    const before = await server.observe()
    const count = affordable(10_000)
    const leave = await openCrowd(t, server, 'idle', count, token)
    const lane = openLane(t, server.url)
    for (let asked = 0; asked < 100; asked++) await serve(lane, token)
    const during = await server.observe()
    const perConnection = (during.rss - before.rss) / count
    t.comment(`${count} connections, ${Math.round(perConnection / kib)} KiB each`)
    t.ok(perConnection < 64 * kib, `${perConnection} bytes`)
    t.match(await leave(), { open: count, statuses: ['200'] })
    await serve(lane, token)
  },
)

t.test(
  'who sends headers or a body a byte at a time, or nothing, is answered 408 and hung up on',
  async (t) => {
    const { server, token } = await startOne(t)
    const before = await server.observe()
    const crowds = await Promise.all(
      ['silent', 'slowHeaders', 'slowBody'].map((kind) => openCrowd(t, server, kind, 300, token)),
    )
    const lane = openLane(t, server.url)
    await serve(lane, token)
    const during = await server.observe()
    t.ok(during.descriptors === 0 || during.descriptors > before.descriptors + 800, 'they are there')
    t.ok(during.rss - before.rss < 900 * 64 * kib, `${during.rss - before.rss} bytes for 900`)
    // Ten seconds are theirs; what counts is that it comes to an end, while others are served.
    for (
      let { handles } = during;
      handles > before.handles + 10;
      handles = (await server.observe()).handles
    ) {
      await serve(lane, token)
      await new Promise((resolve) => setTimeout(resolve, 100))
    }
    for (const report of crowds) t.match(await report(), { open: 0, statuses: ['408'] })
  },
)

t.test('who never reads the answers is not read from either, and others are served', async (t) => {
  const { server, token } = await startOne(t)
  const before = await server.observe()
  const greedy = await openCrowd(t, server, 'greedy', 10, token)
  const deaf = await openCrowd(t, server, 'deaf', 20, token)
  const lane = openLane(t, server.url)
  const until = performance.now() + 8_000
  const quiet = before.handles + 25 // the 20 that send nothing, and the lane, are left
  let most = 0
  for (let handles = Infinity; performance.now() < until || handles > quiet; ) {
    await serve(lane, token)
    const now = await server.observe()
    most = Math.max(most, now.rss)
    handles = now.handles
  }
  t.comment(`${Math.round((most - before.rss) / 30 / kib)} KiB for each of 30`)
  t.ok(most - before.rss < 30 * 4_096 * kib, `${most - before.rss} bytes for 30`)
  t.match(await greedy(), { open: 0 }, 'who sends without end is hung up on')
  await deaf()
  await serve(lane, token)
})
