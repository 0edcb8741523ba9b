import { once } from 'node:events'
import { Agent } from 'node:http'
import { connect } from 'node:net'
import t from 'tap'
import { createBench, type Running } from './cli/command.ts'
import { send, startLoad } from './support/load.ts'

const env = { WORKERS: '2', LOG_LEVEL: 'info', RATE_LIMIT_REQUESTS: 'off' }

async function saidTimes(running: Running, text: string, count: number): Promise<void> {
  while (running.output().stdout.split(text).length <= count) await once(running.child.stdout, 'data')
}

t.test('rolling restarts lose no request, and no connection is cut under one', async (t) => {
  const running = createBench(t, env).start(['serve'])
  const [, url = ''] = await running.said(/listens on (http:\S+)\n/)
  const load = startLoad(url, 16)
  await load.answers(200)
  for (let restart = 1; restart <= 3; restart++) {
    running.child.kill('SIGHUP')
    await saidTimes(running, '"workers are restarted"', restart)
    await load.answers(200)
  }
  const { answered, lost, statuses, connections } = await load.stop()
  t.strictSame(lost, [])
  t.strictSame([...statuses], [[200, answered]])
  t.ok(connections > 16, 'clients were sent elsewhere')
  t.comment(`${answered} answers over ${connections} connections`)
  running.child.kill('SIGTERM')
  t.match(await running.ended, { status: 0, stderr: '' })
})

for (const workers of ['1', '2']) {
  t.test(`SIGTERM loses no request, with WORKERS=${workers}`, async (t) => {
    const running = createBench(t, { ...env, WORKERS: workers }).start(['serve'])
    const [, url = ''] = await running.said(/listens on (http:\S+)\n/)
    const load = startLoad(url, 16, { untilRefused: true })
    await load.answers(200)
    running.child.kill('SIGTERM')
    const { status, stderr } = await running.ended
    t.match({ status, stderr }, { status: 0, stderr: '' })
    const { answered, lost, statuses } = await load.stop()
    t.strictSame(lost, [])
    t.strictSame([...statuses], [[200, answered]])
  })
}

t.test(
  'each answer ends its connection while the process drains, and idle ones are kept for a while',
  async (t) => {
    const running = createBench(t, { ...env, WORKERS: '1' }).start(['serve'])
    const [, url = ''] = await running.said(/listens on (http:\S+)\n/)
    const { port } = new URL(url)
    const agent = new Agent({ keepAlive: true, maxSockets: 1 })
    t.teardown(() => agent.destroy())
    await send(url, agent)
    const silent = connect(Number(port), '127.0.0.1')
    await once(silent, 'connect')
    running.child.kill('SIGTERM')
    await running.said(/"msg":"stopping"/)
    const answer = await send(url, agent)
    t.match(answer, { status: 200, reused: true, connection: 'close' })
    await once(silent, 'close') // nobody waits for one that has never said a word
    t.match(await running.ended, { status: 0 })
  },
)

t.test('every worker logs its requests, and no line is torn', async (t) => {
  const running = createBench(t, { ...env, WORKERS: '4' }).start(['serve'])
  const [, url = ''] = await running.said(/listens on (http:\S+)\n/)
  const load = startLoad(url, 32)
  await load.answers(1_000)
  const { answered } = await load.stop()
  running.child.kill('SIGTERM')
  const { stdout } = await running.ended
  const lines = stdout
    .split('\n')
    .filter((line) => line !== '' && !/^(Latchkey|GraphiQL|The account console|There) /.test(line))
  const requests = lines.map((line) => JSON.parse(line)).filter(({ msg }) => msg === 'request')
  t.equal(requests.length, answered)
  t.equal(new Set(requests.map(({ pid }) => pid)).size, 4)
})
