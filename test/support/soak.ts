import { statSync } from 'node:fs'
import SqliteDatabase from 'better-sqlite3'
import type { Test } from 'tap'
import { password } from './app.ts'
import { type Lane, openLane } from './lane.ts'
import { type Condition, createDatabase, startServer } from './servers.ts'
import { stockTokens } from './stock.ts'

const settings = {
  tokenFlushInterval: '200ms',
  tokenLimit: 200,
  tokenRetention: '1s',
  tokenCache: 2_000,
  rateLimitAddressFailures: 1_000_000,
  rateLimitAccountFailures: 1_000,
  rateLimitBadTokens: 1_000_000,
  logLevel: 'error',
}

/** What a soak finds at its first and at its last look, with nobody connected. */
export interface SoakReport {
  first: Condition
  last: Condition
  /** The largest that the file of changes was, in bytes. */
  largestWal: number
  requests: number
  /** Answers that should not be. */
  odd: string[]
}

/** Everything that clients do, again and again; each returns an answer's status that is to be expected. */
type Chore = (lane: Lane, turn: number) => Promise<void>

/**
 * Puts a server under mixed load for `rounds` times `seconds`, and looks at it after the first round, when caches are
 * full and everything is compiled, and after the last. Readers are at work all the time.
 */
export async function soak(
  t: Test,
  { rounds, seconds }: { rounds: number; seconds: number },
): Promise<SoakReport> {
  const { databaseUrl, file, domain } = await createDatabase(t, 'ada')
  const stock = await stockTokens(domain, 100, 50)
  const server = await startServer(t, { databaseUrl, ...settings })
  // Another program that has the file open and reads now and then, as a backup or a command would.
  const program = new SqliteDatabase(file, { readonly: true })
  t.teardown(() => program.close())
  const odd: string[] = []
  let largestWal = 0
  let requests = 0

  async function ask(lane: Lane, expected: number, ...question: Parameters<Lane['ask']>) {
    const { status, body } = await lane.ask(...question)
    requests++
    if (status !== expected)
      odd.push(`${status} instead of ${expected}: ${question[0]} ${JSON.stringify(body.errors)}`)
    return body
  }
  const tokenOf = (turn: number): string => stock[(turn * 31) % stock.length]?.token as string
  const use: Chore = async (lane, turn) => {
    await ask(lane, 200, '{ viewer { id username } }', null, tokenOf(turn))
  }
  const signInAndOut: Chore = async (lane, turn) => {
    const signIn =
      'mutation ($u: String!, $p: String!) { tokenAuth(username: $u, password: $p) { token tokenInfo { id } } }'
    const { token, tokenInfo } = (await ask(lane, 200, signIn, { u: 'ada', p: password })).data.tokenAuth
    const rename =
      'mutation ($id: ID!, $n: String!) { renameToken(id: $id, name: $n) { tokenInfo { name } } }'
    await ask(lane, 200, rename, { id: tokenInfo.id, n: `name ${turn}` }, token)
    await ask(lane, 200, 'mutation { revokeToken { revoked } }', null, token)
    await ask(lane, 401, '{ viewer { id } }', null, token)
  }
  const chores: Chore[] = [
    use,
    use,
    use,
    async (lane, turn) => {
      await ask(lane, 200, '{ viewer { tokens(first: 50) { nodes { name current } } } }', null, tokenOf(turn))
    },
    async (lane, turn) => {
      await ask(
        lane,
        200,
        `query Q${turn}x${requests} { viewer { a${turn}: username } }`,
        null,
        tokenOf(turn),
      )
    },
    async (lane) => {
      await ask(lane, 401, '{ viewer { id } }', null, 'lk_0000000000000000000000000000000000000000000000000')
    },
    async (lane, turn) => {
      await ask(lane, 400, `{ viewer { id } ${turn}`, null)
      await ask(lane, 400, `{ nothing${turn} }`, null)
    },
    async (lane, turn) => {
      const { userId, username } = stock[turn % stock.length] as { userId: string; username: string }
      const row = program.prepare('select username from latchkey_users where id = ?').get(userId)
      if ((row as { username: string }).username !== username)
        odd.push('another program reads something else')
      await use(lane, turn)
    },
  ]

  async function round(): Promise<Condition> {
    const until = performance.now() + seconds * 1_000
    const work = async (_: unknown, worker: number): Promise<void> => {
      const lane = openLane(t, server.url)
      for (let turn = worker; performance.now() < until; turn++) {
        await (worker === 0 ? signInAndOut : (chores[turn % chores.length] as Chore))(lane, turn)
        if (turn % 16 === 0) largestWal = Math.max(largestWal, statSync(`${file}-wal`).size)
      }
      lane.close()
    }
    await Promise.all(Array.from({ length: 8 }, work))
    let condition = await server.observe()
    // The server hears of a closed connection a little later.
    for (let look = 0; look < 20; look++) {
      await new Promise((resolve) => setTimeout(resolve, 50))
      const next = await server.observe()
      if (next.handles === condition.handles && next.descriptors === condition.descriptors && look > 3) break
      condition = next
    }
    return condition
  }

  const first = await round()
  let last = first
  for (let count = 1; count < rounds; count++) last = await round()
  return { first, last, largestWal, requests, odd }
}
