import { Agent } from 'node:http'
import t from 'tap'
import { createBench } from './cli/command.ts'
import { send } from './support/load.ts'

/** Sends requests at once over so many connections, and counts those that were admitted. */
async function countAdmitted(url: string, requests: number, connections: number): Promise<number> {
  const agents = Array.from({ length: connections }, () => new Agent({ keepAlive: true, maxSockets: 1 }))
  const answers = await Promise.all(
    Array.from({ length: requests }, (_, index) => send(url, agents[index % connections] as Agent)),
  )
  for (const agent of agents) agent.destroy()
  t.strictSame(
    answers.filter(({ status }) => status !== 200 && status !== 429),
    [],
  )
  return answers.filter(({ status }) => status === 200).length
}

for (const workers of [2, 4]) {
  t.test(`${workers} workers together admit what the limit says`, async (t) => {
    for (const max of [50, 1_000]) {
      const env = { WORKERS: String(workers), RATE_LIMIT_REQUESTS: String(max), RATE_LIMIT_WINDOW: '1h' }
      const running = createBench(t, { ...env, LOG_LEVEL: 'warn' }).start(['serve'])
      const [, url = ''] = await running.said(/listens on (http:\S+)\n/)
      const admitted = await countAdmitted(url, max + 200, 32)
      t.ok(admitted <= max && admitted >= 0.99 * max, `${admitted} of ${max}`)
      const more = await countAdmitted(url, 100, 32)
      t.ok(admitted + more <= max, `${more} more`)
      running.child.kill('SIGTERM')
      await running.ended
    }
  })
}

t.test('unknown tokens are counted across workers too', async (t) => {
  const env = { WORKERS: '2', RATE_LIMIT_BAD_TOKENS: '30' }
  const running = createBench(t, env).start(['serve'])
  const [, url = ''] = await running.said(/listens on (http:\S+)\n/)
  const startedAt = performance.now()
  const statuses = await Promise.all(
    Array.from({ length: 60 }, async () => {
      const headers = {
        'content-type': 'application/json',
        authorization: 'Token lk_guess',
        connection: 'close',
      }
      const response = await fetch(url, {
        method: 'POST',
        headers,
        body: '{"query":"{ serverInfo { name } }"}',
      })
      await response.arrayBuffer()
      return response.status
    }),
  )
  // The window of a minute may end meanwhile on a machine that is slow.
  const admitted = statuses.filter((status) => status === 200).length
  const windows = 1 + Math.floor((performance.now() - startedAt) / 60_000)
  t.ok(admitted >= 30 && admitted <= 30 * windows, `${admitted}`)
  running.child.kill('SIGTERM')
  await running.ended
})

t.test('while the primary does not answer, workers count by themselves and say so', async (t) => {
  const env = { WORKERS: '2', RATE_LIMIT_REQUESTS: '20', RATE_LIMIT_WINDOW: '1h' }
  const running = createBench(t, env).start(['serve'])
  const [, url = ''] = await running.said(/listens on (http:\S+)\n/)
  const agent = new Agent({ keepAlive: true, maxSockets: 1 })
  t.teardown(() => agent.destroy())
  const ask = async (): Promise<number> => (await send(url, agent)).status
  t.equal(await ask(), 200)
  running.child.kill('SIGSTOP')
  const statuses: number[] = []
  for (let request = 0; request < 21; request++) statuses.push(await ask())
  t.strictSame(statuses, [...Array(20).fill(200), 429])
  running.child.kill('SIGCONT')
  await running.said(/"level":50.*the primary does not answer/)
  while ((await ask()) === 429) await new Promise((go) => setTimeout(go, 100)) // until the primary is asked again
  running.child.kill('SIGTERM')
  const { stdout } = await running.ended
  t.equal(stdout.match(/the primary does not answer/g)?.length, 1)
})
