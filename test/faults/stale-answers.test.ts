import SqliteDatabase from 'better-sqlite3'
import t, { type Test } from 'tap'
import { uuidToBytes } from '../../src/db/bytes.ts'
import { password } from '../support/app.ts'
import { hourMs, type TestDomain } from '../support/domain.ts'
import { type Lane, type LaneAnswer, openLane } from '../support/lane.ts'
import { createDatabase, startServer, type TestServer } from '../support/servers.ts'
import { type StockedToken, stockTokens } from '../support/stock.ts'

const settings = {
  tokenFlushInterval: '100ms',
  rateLimitBadTokens: 1_000_000,
  rateLimitAddressFailures: 100_000,
  logLevel: 'warn',
}

const use = '{ viewer { username role } }'
const revokeThis = 'mutation { revokeToken { revoked } }'
const revokeById = 'mutation ($id: ID!) { revokeToken(id: $id) { revoked } }'

/** How many tokens are at work at the same time. */
const laneCount = 8

interface Cluster {
  file: string
  domain: TestDomain
  servers: TestServer[]
  /** A connection to each. */
  openLanes(): Lane[]
  /** A connection to each for each token that is at work; `laneOf(lane, server)` gives one of them. */
  openGrid(): (lane: number, server: number) => Lane
}

async function startCluster(t: Test, processes: number, more: object = {}): Promise<Cluster> {
  const { databaseUrl, file, domain } = await createDatabase(t)
  const servers = await Promise.all(
    Array.from({ length: processes }, () => startServer(t, { databaseUrl, ...settings, ...more })),
  )
  const openLanes = (): Lane[] => servers.map(({ url }) => openLane(t, url))
  return {
    file,
    domain,
    servers,
    openLanes,
    openGrid() {
      const grid = Array.from({ length: laneCount }, openLanes)
      return (lane, server) => grid[lane]?.[server] as Lane
    },
  }
}

/** Does `work` once for each item, `laneCount` at a time. */
async function inLanes<T>(
  items: readonly T[],
  work: (item: T, index: number, lane: number) => Promise<void>,
) {
  const lane = async (_: unknown, start: number): Promise<void> => {
    for (let index = start; index < items.length; index += laneCount)
      await work(items[index] as T, index, start)
  }
  await Promise.all(Array.from({ length: laneCount }, lane))
}

/** What an answer says of the one who asked: the user's name and role, or why there is none. */
function verdict({ status, body }: LaneAnswer): string {
  if (status === 200) return `${body.data.viewer.username} ${body.data.viewer.role}`
  return body.errors[0].extensions.reason
}

/**
 * Each token is used in one process, revoked in another, and used in the first again the moment the answer is there. A
 * request that is under way during the revocation may be answered either way.
 */
async function revokeAndUse(t: Test, processes: number, rounds: number): Promise<void> {
  const { domain, openGrid } = await startCluster(t, processes)
  const stock = await stockTokens(domain, Math.ceil(rounds / 49), 50)
  // The first token of each user revokes half of the others, by their ids.
  const managers = new Map(stock.map((entry) => [entry.userId, entry.token]).reverse() as [string, string][])
  const tokens = stock.filter(({ userId, token }) => managers.get(userId) !== token).slice(0, rounds)
  const laneOf = openGrid()
  const otherLaneOf = openGrid()
  const odd: string[] = []
  await inLanes(tokens, async ({ token, tokenId, userId }, index, lane) => {
    const round = Math.floor(index / laneCount)
    const revoking = round % processes
    const using = (revoking + 1 + (Math.floor(round / processes) % (processes - 1))) % processes
    const ask = (server: number, ...question: Parameters<Lane['ask']>): Promise<LaneAnswer> =>
      laneOf(lane, server).ask(...question)
    const before = await ask(using, use, null, token)
    const underWay = otherLaneOf(lane, using).ask(use, null, token)
    const answer = await (index % 2 === 0
      ? ask(revoking, revokeThis, null, token)
      : ask(revoking, revokeById, { id: tokenId }, managers.get(userId)))
    const after = await ask(using, use, null, token)
    await underWay
    if (before.status !== 200) odd.push(`unusable: ${verdict(before)}`)
    if (answer.body.data?.revokeToken?.revoked !== true) odd.push(`not revoked: ${JSON.stringify(answer)}`)
    if (after.status !== 401 || verdict(after) !== 'REVOKED') odd.push(`stale: ${verdict(after)}`)
  })
  t.equal(tokens.length, rounds)
  t.same(odd.slice(0, 10), [], `${rounds} revocations, ${odd.length} of them with a wrong answer`)
}

t.test('of 6,000 tokens revoked in one of two processes none is accepted by the other', (t) =>
  revokeAndUse(t, 2, 6_000),
)

t.test('of 4,000 tokens revoked in one of four processes none is accepted by another', (t) =>
  revokeAndUse(t, 4, 4_000),
)

/** One user with two tokens, and the ways to get at them. */
interface Subject extends StockedToken {
  /** The other token. */
  manager: string
  domain: TestDomain
  /** The file as another program has it open. */
  program: SqliteDatabase.Database
  /** Asks one of the processes, another one each time. */
  askOne(query: string, variables: object | null, token?: string): Promise<LaneAnswer>
}

type Change = (subject: Subject) => unknown

const changes: [title: string, rounds: number, steps: [Change, expected: string][]][] = [
  [
    'a user who is disabled, and enabled again',
    100,
    [
      [({ domain, userId }) => domain.auth.setActive(userId, false), 'INACTIVE'],
      [({ domain, userId }) => domain.auth.setActive(userId, true), 'REVOKED'],
    ],
  ],
  [
    'a user whose password the operator sets',
    20,
    [[({ domain, username }) => setPassword(domain, username), 'REVOKED']],
  ],
  [
    'a user who changes the password on another device',
    10,
    [
      [({ domain, username }) => setPassword(domain, username, true), '$name USER'],
      [
        async ({ askOne, manager }) => {
          const mutation =
            'mutation ($c: String!, $n: String!) { changePassword(currentPassword: $c, newPassword: $n) { revokedTokens } }'
          const variables = { c: password, n: 'a password of its own' }
          const { body } = await askOne(mutation, variables, manager)
          if (body.data?.changePassword?.revokedTokens !== 1) throw new Error(JSON.stringify(body))
        },
        'REVOKED',
      ],
    ],
  ],
  [
    'a user who ends the other tokens',
    100,
    [[({ askOne, manager }) => askOne('mutation { revokeOtherTokens { count } }', null, manager), 'REVOKED']],
  ],
  [
    'a user who ends all tokens',
    100,
    [[({ askOne, manager }) => askOne('mutation { revokeAllTokens { count } }', null, manager), 'REVOKED']],
  ],
  [
    'a user who takes another name',
    100,
    [
      [
        ({ askOne, username, manager }) =>
          askOne(
            'mutation ($n: String!) { updateViewer(username: $n) { user { id } } }',
            { n: `new-${username}` },
            manager,
          ),
        'new-$name USER',
      ],
    ],
  ],
  [
    'a user who becomes an administrator, and no longer is one',
    100,
    [
      [
        ({ program, userId }) =>
          program.prepare("update latchkey_users set role = 'ADMIN' where id = ?").run(userId),
        '$name ADMIN',
      ],
      [
        ({ program, userId }) =>
          program.prepare("update latchkey_users set role = 'USER' where id = ?").run(userId),
        '$name USER',
      ],
    ],
  ],
  ['a user who is deleted', 100, [[({ domain, userId }) => domain.auth.deleteUser(userId), 'INACTIVE']]],
  [
    'a token that the operator ends',
    100,
    [[({ domain, tokenId }) => domain.auth.endToken({ id: tokenId }), 'REVOKED']],
  ],
  [
    'a token that another program revokes, and takes that back',
    300,
    [
      [
        ({ program, tokenId }) =>
          program
            .prepare('update latchkey_tokens set revoked_at = ? where id = ?')
            .run(Date.now(), uuidToBytes(tokenId)),
        'REVOKED',
      ],
      [
        ({ program, tokenId }) =>
          program
            .prepare('update latchkey_tokens set revoked_at = null where id = ?')
            .run(uuidToBytes(tokenId)),
        '$name USER',
      ],
    ],
  ],
  [
    'a user whom another program disables, and takes that back',
    100,
    [
      [
        ({ program, userId }) =>
          program.prepare('update latchkey_users set active = 0 where id = ?').run(userId),
        'INACTIVE',
      ],
      [
        ({ program, userId }) =>
          program.prepare('update latchkey_users set active = 1 where id = ?').run(userId),
        '$name USER',
      ],
    ],
  ],
  [
    'a token that another program deletes, and puts there again',
    100,
    [
      [
        ({ program, tokenId }) => {
          program.exec('create temp table if not exists kept as select * from latchkey_tokens where false')
          program
            .prepare('insert into temp.kept select * from latchkey_tokens where id = ?')
            .run(uuidToBytes(tokenId))
          program.prepare('delete from main.latchkey_tokens where id = ?').run(uuidToBytes(tokenId))
        },
        'INVALID',
      ],
      [
        ({ program, tokenId }) =>
          program
            .prepare('insert into main.latchkey_tokens select * from temp.kept where id = ?')
            .run(uuidToBytes(tokenId)),
        '$name USER',
      ],
    ],
  ],
  [
    'a token whose expiry another program moves into the past',
    100,
    [
      [
        ({ program, tokenId }) =>
          program
            .prepare('update latchkey_tokens set expires_at = ? where id = ?')
            .run(Date.now() - 1, uuidToBytes(tokenId)),
        'EXPIRED',
      ],
    ],
  ],
]

/** Has the user a password that proves something; with `keepTokens` nothing else changes. */
async function setPassword(domain: TestDomain, username: string, keepTokens = false): Promise<void> {
  const user = await domain.auth.findUser(username)
  if (user === undefined) throw new Error('the account is not there')
  if (!keepTokens) {
    await domain.auth.setPassword(user, password)
    return
  }
  commonDigest ??= await digestOfCommonPassword(domain)
  await domain.database.kysely
    .updateTable('latchkey_users')
    .set({ password_digest: commonDigest })
    .where('id', '=', user.id)
    .execute()
}

let commonDigest: string | undefined

async function digestOfCommonPassword(domain: TestDomain): Promise<string> {
  await domain.createUser('common')
  const { password_digest } = await domain.database.kysely
    .selectFrom('latchkey_users')
    .select('password_digest')
    .where('username', '=', 'common')
    .executeTakeFirstOrThrow()
  return password_digest as string
}

t.test('whatever changes is seen by each of four processes from the next request on', async (t) => {
  const { domain, file, openLanes } = await startCluster(t, 4)
  const program = new SqliteDatabase(file, { timeout: 5_000 })
  t.teardown(() => program.close())
  const lanes = openLanes()
  let turn = 0
  const askOne: Subject['askOne'] = (...question) => (lanes[turn++ % lanes.length] as Lane).ask(...question)
  for (const [title, rounds, steps] of changes) {
    const stock = await stockTokens(domain, rounds, 2)
    const odd: string[] = []
    for (let round = 0; round < rounds; round++) {
      const [entry, manager] = stock.slice(2 * round) as [StockedToken, StockedToken]
      const subject = { ...entry, manager: manager.token, domain, program, askOne }
      const askAll = async (expected: string): Promise<void> => {
        const answers = await Promise.all(lanes.map((lane) => lane.ask(use, null, entry.token)))
        for (const answer of answers) if (verdict(answer) !== expected) odd.push(verdict(answer))
      }
      await askAll(`${entry.username} USER`)
      await askAll(`${entry.username} USER`)
      for (const [change, expected] of steps) {
        await change(subject)
        await askAll(expected.replace('$name', entry.username))
      }
    }
    t.same(odd.slice(0, 5), [], `${title}: ${rounds} times, ${odd.length} wrong answers`)
  }
})

t.test('what a user does to a token in one process is in the list of each other', async (t) => {
  const { domain, openLanes } = await startCluster(t, 4)
  const lanes = openLanes()
  const stock = await stockTokens(domain, 50, 3)
  for (let user = 0; user < 50; user++) {
    const [keeping, renamed, revoked] = stock.slice(3 * user) as [StockedToken, StockedToken, StockedToken]
    const acting = lanes[user % lanes.length] as Lane
    const rename = 'mutation ($id: ID!, $n: String!) { renameToken(id: $id, name: $n) { tokenInfo { id } } }'
    await acting.ask(rename, { id: renamed.tokenId, n: `name ${user}` }, keeping.token)
    await acting.ask(revokeById, { id: revoked.tokenId }, keeping.token)
    const list = '{ viewer { tokens { nodes { id name } } } }'
    for (const { body } of await Promise.all(lanes.map((lane) => lane.ask(list, null, keeping.token)))) {
      const nodes = body.data.viewer.tokens.nodes.sort((one: { id: string }, other: { id: string }) =>
        one.id < other.id ? -1 : 1,
      )
      const expected = [
        { id: renamed.tokenId, name: `name ${user}` },
        { id: keeping.tokenId, name: 'Unnamed device' },
      ].sort((one, other) => (one.id < other.id ? -1 : 1))
      if (JSON.stringify(nodes) !== JSON.stringify(expected)) t.same(nodes, expected)
    }
  }
})

t.test('a token expires at its millisecond, in each of two processes that use it', async (t) => {
  const { domain, openGrid } = await startCluster(t, 2)
  const tokens = await stockTokens(domain, 4, 50, '2s')
  const laneOf = openGrid()
  const odd: string[] = []
  let live = new Set(tokens)
  while (live.size > 0) {
    const asked = [...live]
    await inLanes(asked, async (entry, index, lane) => {
      for (const server of [0, 1]) {
        const sentAt = Date.now()
        const answer = await laneOf(lane, server).ask(use, null, entry.token)
        const answeredAt = Date.now()
        const said = verdict(answer)
        if (
          answer.status === 200
            ? sentAt >= entry.expiresAt
            : answeredAt < entry.expiresAt || said !== 'EXPIRED'
        )
          odd.push(
            `${index}: ${said} between ${sentAt - entry.expiresAt} and ${answeredAt - entry.expiresAt} ms`,
          )
        if (answer.status !== 200) live.delete(entry)
      }
    })
    live = new Set(asked.filter((entry) => live.has(entry)))
  }
  t.same(odd, [])
})

t.test('a use in one process keeps a token alive in another that has not seen it for longer', async (t) => {
  const lives = [
    ['idle limit', { tokenIdleTtl: '2s' }, 'last_used_at', 0],
    ['renewal', { tokenRenew: true, tokenTtl: '2s', tokenIdleTtl: 'off' }, 'expires_at', -2_000],
  ] as const
  for (const [title, more, column, offset] of lives) {
    const { domain, file, openLanes } = await startCluster(t, 2, more)
    const program = new SqliteDatabase(file)
    t.teardown(() => program.close())
    const [{ token, tokenId }] = (await stockTokens(domain, 1, 1)) as [StockedToken]
    if (title === 'renewal')
      program.prepare('update latchkey_tokens set expires_at = ?').run(Date.now() + 2_000)
    const [using, other] = openLanes() as [Lane, Lane]
    const written = program.prepare(`select ${column} as at from latchkey_tokens where id = ?`)
    t.equal((await other.ask(use, null, token)).status, 200)
    const seenByOther = Date.now()
    let lastUse = 0
    while (lastUse < seenByOther + 2_100) {
      const { status } = await using.ask(use, null, token)
      if (status !== 200) break // a machine that stood still for two seconds
      await new Promise((resolve) => setTimeout(resolve, 20))
      lastUse = (written.get(uuidToBytes(tokenId)) as { at: number }).at + offset
    }
    const answer = await other.ask(use, null, token)
    if (Date.now() < lastUse + 2_000) t.equal(answer.status, 200, title)
    else t.comment(`${title}: the machine is too slow to tell`)
  }
})

t.test('no last use and no renewal is lost between two processes that stop', async (t) => {
  const { domain, file, servers, openGrid } = await startCluster(t, 2, { tokenRenew: true, tokenTtl: '1h' })
  const tokens = await stockTokens(domain, 6, 50, '30m')
  const laneOf = openGrid()
  const lastUses = new Map<string, number>()
  await inLanes(
    Array.from({ length: 3_000 }, (_, index) => tokens[(index * 7) % tokens.length] as StockedToken),
    async ({ token, tokenId }, index, lane) => {
      const round = Math.floor(index / laneCount)
      const sentAt = Date.now()
      const { status } = await laneOf(lane, round % 2).ask(use, null, token)
      const id = tokenId.replaceAll('-', '')
      if (status === 200) lastUses.set(id, Math.max(lastUses.get(id) ?? 0, sentAt))
    },
  )
  for (const server of servers) await server.stop()
  const program = new SqliteDatabase(file)
  t.teardown(() => program.close())
  const rows = program
    .prepare('select lower(hex(id)) as id, last_used_at, expires_at, max_expires_at from latchkey_tokens')
    .all() as {
    id: string
    last_used_at: number
    expires_at: number
    max_expires_at: number
  }[]
  t.equal(rows.length, lastUses.size)
  const lost = rows.filter((row) => {
    const lastUse = lastUses.get(row.id) as number
    return row.last_used_at < lastUse || row.expires_at < Math.min(lastUse + hourMs, row.max_expires_at)
  })
  t.same(lost, [])
})
