import { setTimeout as sleep } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { fillDisk, mountSmallDisk } from '../support/disk.ts'
import { openDomain } from '../support/domain.ts'
import { type Ledger, startLoad } from '../support/ledger.ts'
import { type Postgres, startPostgres, whyWithoutPostgres } from '../support/postgres.ts'
import { startServer } from '../support/servers.ts'

t.setTimeout(600_000)

const operations = ['sign in', 'use', 'revoke']

/** Failed sign-ins that are free for an account. */
const free = 5

/** Two instances on one database under load, and one who guesses a password all the while. */
async function startInstances(t: Test, postgres: Postgres) {
  const name = `faults_${++count}`
  // No copy of another one, whose sequences a crash could set back.
  await postgres.createDatabase(name)
  const databaseUrl = postgres.urlOf(name)
  const domain = await openDomain(t, { url: databaseUrl })
  // An attempt that the database leaves half-way stays counted: no account has more than a few of them.
  const users = Array.from({ length: 100 }, (_, index) => `user${index}`)
  for (const user of users) await domain.createUser(user)
  await domain.createUser('eve')
  await domain.database.close()
  const settings = {
    databaseUrl,
    databaseTimeout: '2s',
    tokenLimit: 10_000,
    tokenFlushInterval: '500ms',
    rateLimitAddressFailures: 100_000,
    rateLimitAccountFailures: free,
    rateLimitBackoff: '1h',
    rateLimitBackoffMax: '1h',
  }
  const servers = await Promise.all([startServer(t, settings), startServer(t, settings)])
  const [one, other] = servers as [(typeof servers)[0], (typeof servers)[0]]
  const guesser = { isOver: false, checked: 0 }
  const guessing = guess()

  async function guess(): Promise<void> {
    for (let turn = 0; !guesser.isOver; turn++) {
      const server = turn % 2 ? one : other
      const { body } = await server.graphql(
        'mutation { tokenAuth(username: "eve", password: "a wrong guess") { token } }',
      )
      if (
        body.errors[0].extensions.reason === 'CREDENTIALS' &&
        body.errors[0].extensions.code !== 'RATE_LIMITED'
      )
        guesser.checked++
      await sleep(20)
    }
  }

  return {
    name,
    load: startLoad([one, other], users),
    async finish(load: Ledger) {
      await load.finish()
      guesser.isOver = true
      await guessing
      return guesser.checked
    },
  }
}

let count = 0

/** How long it takes, in milliseconds, until each operation has succeeded once more. */
async function recover(load: Ledger): Promise<number> {
  const start = performance.now()
  while (operations.some((operation) => (load.lastSuccess.get(operation) ?? 0) < start)) {
    if (performance.now() - start > 60_000) throw new Error('it has not recovered within a minute')
    await sleep(10)
  }
  return performance.now() - start
}

/** Has two instances serve while `act` does something to the server, and judges what their clients were told. */
async function endure(
  t: Test,
  act: (postgres: Postgres, name: string) => Promise<void>,
  folder?: string,
): Promise<void> {
  const postgres = await startPostgres(t, folder)
  const { name, load, finish } = await startInstances(t, postgres)
  await recover(load)
  await sleep(500)
  await act(postgres, name)
  const tookMs = await recover(load)
  await sleep(500)
  const checked = await finish(load)
  t.comment(`as before after ${Math.round(tookMs)} ms; ${JSON.stringify([...load.counts])}`)
  t.same(load.wrong, [])
  t.ok(tookMs < 10_000, `as before after ${Math.round(tookMs)} ms`)
  t.ok(checked <= free, `${checked} guesses were checked`)
  const unexpected = [...load.counts.keys()].filter(
    (key) => !/ (ok|away|REVOKED|SERVICE_UNAVAILABLE|RATE_LIMITED)$/.test(key),
  )
  t.same(unexpected, [], 'nobody hears of anything else')
}

const skip = whyWithoutPostgres()

t.test(
  'what was acknowledged holds when PostgreSQL is restarted, and ends its connections first',
  { skip },
  (t) =>
    endure(t, async (postgres) => {
      await postgres.stop('fast')
      await sleep(1_000)
      await postgres.start()
    }),
)

t.test('what was acknowledged holds when PostgreSQL crashes and is started again', { skip }, (t) =>
  endure(t, async (postgres) => {
    await postgres.stop('immediate')
    await sleep(1_000)
    await postgres.start()
  }),
)

t.test(
  'what was acknowledged holds when PostgreSQL has all connections killed, again and again',
  { skip },
  (t) =>
    endure(t, async (postgres, name) => {
      for (let round = 0; round < 10; round++) {
        await postgres.query(
          'postgres',
          `select pg_terminate_backend(pid) from pg_stat_activity where datname = '${name}'`,
        )
        await sleep(100)
      }
    }),
)

t.test('what was acknowledged holds when PostgreSQL stands still for ten seconds', { skip }, (t) =>
  endure(t, async (postgres) => {
    postgres.signal('SIGSTOP')
    await sleep(10_000)
    postgres.signal('SIGCONT')
  }),
)

t.test('what was acknowledged holds when the disk of PostgreSQL is full', { skip }, async (t) => {
  const folder = mountSmallDisk(t, '150m')
  if (folder === null) return
  await endure(
    t,
    async (postgres, name) => {
      // What is left within its own files is used up as well.
      await postgres.query(name, 'create table ballast (text text)')
      const giveBack = fillDisk(folder)
      const add = (rows: number) =>
        postgres.query(name, `insert into ballast select repeat('x', 1000) from generate_series(1, ${rows})`)
      const until = async (refused: () => Promise<unknown>): Promise<void> => {
        for (;;)
          if (
            !(await refused().then(
              () => true,
              () => false,
            ))
          )
            return
      }
      for (const rows of [1_000, 10]) await until(() => add(rows))
      await until(() =>
        postgres.query(name, 'select pg_switch_wal(), pg_logical_emit_message(false, $$$$, $$x$$)'),
      )
      await sleep(3_000)
      giveBack()
      // Where there is no room for the log of writes it ends itself, and is started by whoever looks after it.
      if (postgres.hasEnded()) await postgres.start()
    },
    folder,
  )
})
