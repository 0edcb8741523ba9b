import t, { type Test } from 'tap'
import { allWell, askFour } from '../support/four.ts'
import { openLane } from '../support/lane.ts'
import { startScript } from '../support/processes.ts'
import { createDatabase, startServer } from '../support/servers.ts'
import { stockTokens } from '../support/stock.ts'

const settings = {
  tokenFlushInterval: '100ms',
  tokenLimit: 1_000,
  rateLimitAddressFailures: 10_000,
  logLevel: 'error',
}

async function startWithLock(t: Test) {
  const { databaseUrl, file, domain } = await createDatabase(t, 'ada')
  const tokens: string[] = []
  for (let count = 0; count < 4; count++) tokens.push((await domain.signIn('ada')).token)
  const stock = await stockTokens(domain, 4, 50)
  await domain.database.close()
  const server = await startServer(t, { databaseUrl, ...settings })
  const token = tokens.pop() as string
  return {
    server,
    token,
    stock,
    ask: () => askFour(server.graphql, { username: 'ada', token, spare: tokens.pop() as string }),
    /** Has another process take the write lock. */
    async lockFor(milliseconds: number) {
      const script = startScript(t, 'hold-lock.ts', file, String(milliseconds))
      t.equal(await script.nextLine(), 'held')
      return script
    },
  }
}

t.test('a write lock that is held for a while is waited for, and nobody notices', async (t) => {
  const { ask, lockFor } = await startWithLock(t)
  const { ended } = await lockFor(1_000)
  t.same(await ask(), allWell)
  t.equal(await ended, 0)
})

t.test(
  'a write lock that is not let go holds up writing alone, for five seconds, and then it is BUSY',
  async (t) => {
    const { ask, lockFor } = await startWithLock(t)
    const { child } = await lockFor(120_000)
    t.same(await ask(), { ...allWell, signIn: '429 BUSY', revoke: '429 BUSY' })
    child.kill('SIGKILL')
    t.same(await ask(), allWell, 'all is well when the lock is gone')
  },
)

/** How long the event loop may stand still while others hold the lock, in milliseconds. */
const limitMs = 100

t.test(
  'while another process holds the write lock, the event loop never stands still for 100 ms',
  async (t) => {
    const { server, stock, token, lockFor } = await startWithLock(t)
    // A machine that is busy with something else holds up any process: what the lock does, it does each time.
    let longestTurnMs = Number.POSITIVE_INFINITY
    for (let round = 0; round < 3 && longestTurnMs >= limitMs; round++) {
      const { child } = await lockFor(120_000)
      await server.observe() // from here on
      const writers = stock
        .splice(0, 50)
        .map(({ token }) => server.graphql('mutation { revokeToken { revoked } }', null, token))
      const signIns = Array.from({ length: 20 }, () => server.signIn('ada').catch((error) => String(error)))
      let over = false
      const lane = openLane(t, server.url)
      const statuses = new Map<number, number>()
      const reading = (async () => {
        while (!over) {
          const { status } = await lane.ask('{ viewer { tokens { totalCount } } }', null, token)
          statuses.set(status, (statuses.get(status) ?? 0) + 1)
        }
      })()
      const answers = await Promise.all(writers)
      for (const outcome of await Promise.all(signIns)) t.match(outcome, /BUSY/)
      over = true
      await reading
      longestTurnMs = (await server.observe()).longestTurnMs
      child.kill('SIGKILL')
      t.same([...statuses.keys()], [200], 'reads go on')
      t.ok((statuses.get(200) ?? 0) > 20, `${statuses.get(200)} of them`)
      t.same([...new Set(answers.map(({ body }) => body.errors?.[0].extensions.reason))], ['BUSY'])
      t.comment(`the longest turn: ${Math.round(longestTurnMs)} ms`)
    }
    t.ok(longestTurnMs < limitMs, `${longestTurnMs} ms`)
  },
)
