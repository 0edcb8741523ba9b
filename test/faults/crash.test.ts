import { randomInt } from 'node:crypto'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import SqliteDatabase from 'better-sqlite3'
import t, { type Test } from 'tap'
import { uuidToBytes } from '../../src/db/bytes.ts'
import { password } from '../support/app.ts'
import { ConnectionLost, type Lane, type LaneAnswer, openLane } from '../support/lane.ts'
import { secret } from '../support/log.ts'
import { createDatabase, startServer, type TestServer } from '../support/servers.ts'
import { stockTokens } from '../support/stock.ts'

const kills = 100
const processes = 3
const clients = 4

const settings = {
  tokenLimit: 10_000,
  rateLimitAddressFailures: 100_000,
  rateLimitAccountFailures: 1_000,
  rateLimitBackoff: '1ms',
  tokenFlushInterval: '100ms',
  logLevel: 'warn',
}

t.setTimeout(900_000) // for machines that are slow to start a hundred processes

// A hundred processes start here: they need not compile a hundred times.
process.env.NODE_COMPILE_CACHE ??= join(tmpdir(), 'latchkey-compile-cache')

/** The processes that serve at the moment. */
type Serving = Set<TestServer>

/** Keeps one process serving, and kills it at a random moment; each tenth time all that serve die together. */
async function crashAgainAndAgain(
  start: () => Promise<TestServer>,
  serving: Serving,
  count: { kills: number },
  afterKill: () => void,
): Promise<void> {
  while (count.kills < kills) {
    const server = await start()
    serving.add(server)
    await sleep(randomInt(20, 500))
    if (!serving.has(server)) continue
    const victims = ++count.kills % 10 === 0 ? [...serving] : [server]
    for (const victim of victims) serving.delete(victim)
    await Promise.all(victims.map((victim) => victim.kill()))
    afterKill()
  }
}

/** What a client knows for certain, for it was told so. */
interface Known {
  live: Set<string>
  revoked: Set<string>
  /** The names a token may have, by its id: the one that was acknowledged, and those that nobody answered for. */
  names: Map<string, Set<string>>
}

/** What happened, to be told in the end. */
interface Tally {
  [what: string]: number
}

/** A user at work on whatever process serves: what had no answer may be either way, what had one must hold. */
class Client {
  readonly known: Known = { live: new Set(), revoked: new Set(), names: new Map() }
  readonly wrong: string[] = []
  readonly #lanes = new Map<TestServer, Lane>()
  readonly #t: Test
  readonly #serving: Serving
  readonly #tally: Tally
  readonly #username: string
  #password: string = password
  #changes = 0

  constructor(t: Test, serving: Serving, tally: Tally, username: string) {
    this.#t = t
    this.#serving = serving
    this.#tally = tally
    this.#username = username
  }

  /** Works until it is stopped, on the tokens of its own and on those of a user whose tokens were laid in stock. */
  async work(stock: { token: string; tokenId: string }[], isOver: () => boolean): Promise<void> {
    while (!isOver()) {
      const dice = randomInt(100)
      if (dice < 8) await this.signIn()
      else if (dice < 10) await this.changePassword()
      else if (dice < 35) await this.revoke(stock.pop()?.token)
      else if (dice < 40) await this.revoke(this.#anyOf(this.known.live))
      else if (dice < 45) await this.rotate()
      else if (dice < 55) await this.rename(stock[randomInt(stock.length)])
      else if (dice < 75) await this.expect(stock[randomInt(stock.length)]?.token, 'live')
      else if (dice < 90) await this.expect(this.#anyOf(this.known.live), 'live')
      else await this.expect(this.#anyOf(this.known.revoked), 'revoked')
      await sleep(randomInt(10))
    }
  }

  async signIn(): Promise<string | null> {
    const answer = await this.#trySignIn(this.#password)
    if (answer?.body.data?.tokenAuth) {
      const { token } = answer.body.data.tokenAuth
      this.known.live.add(token)
      this.#count('signed in')
      return token
    }
    if (answer !== null && !isBusy(answer)) this.wrong.push(`cannot sign in: ${JSON.stringify(answer.body)}`)
    return null
  }

  async revoke(token: string | undefined): Promise<void> {
    if (token === undefined) return
    this.known.live.delete(token)
    const answer = await this.#ask('mutation { revokeToken { revoked } }', null, token)
    if (answer?.body.data?.revokeToken?.revoked === true) {
      this.known.revoked.add(token)
      this.#count('revoked')
    } else if (answer !== null && !isBusy(answer)) {
      this.wrong.push(`cannot revoke: ${JSON.stringify(answer.body)}`)
    }
  }

  /** Where no answer came, asking with the same token again gives the new one, whether it was rotated or not. */
  async rotate(): Promise<void> {
    const token = this.#anyOf(this.known.live)
    if (token === undefined) return
    for (;;) {
      const answer = await this.#ask('mutation { rotateToken { token } }', null, token)
      if (answer === null || isBusy(answer)) continue
      if (answer.body.data?.rotateToken) {
        this.known.live.delete(token)
        this.known.live.add(answer.body.data.rotateToken.token)
        this.#count('rotated')
      } else {
        this.wrong.push(`cannot rotate: ${JSON.stringify(answer.body)}`)
      }
      return
    }
  }

  async rename(entry: { token: string; tokenId: string } | undefined): Promise<void> {
    if (entry === undefined) return
    const name = `name ${++this.#changes}`
    const names = this.known.names.get(entry.tokenId) ?? new Set(['Unnamed device'])
    this.known.names.set(entry.tokenId, names.add(name))
    const answer = await this.#ask(
      'mutation ($id: ID!, $name: String!) { renameToken(id: $id, name: $name) { tokenInfo { name } } }',
      { id: entry.tokenId, name },
      entry.token,
    )
    if (answer?.body.data?.renameToken?.tokenInfo.name !== name) return
    this.known.names.set(entry.tokenId, new Set([name]))
    this.#count('renamed')
  }

  /** Where no answer came, either the password is the new one and all other tokens have ended, or neither is so. */
  async changePassword(): Promise<void> {
    const token = this.#anyOf(this.known.live)
    if (token === undefined) return
    const newPassword = secret(`another fine password ${++this.#changes}`)
    const variables = { c: this.#password, n: newPassword }
    const mutation =
      'mutation ($c: String!, $n: String!) { changePassword(currentPassword: $c, newPassword: $n) { revokedTokens } }'
    const answer = await this.#ask(mutation, variables, token)
    if (answer !== null && isBusy(answer)) return
    const changed =
      answer === null ? await this.#isPassword(newPassword) : answer.body.data?.changePassword != null
    if (changed) {
      this.#password = newPassword
      for (const other of this.known.live) if (other !== token) this.known.revoked.add(other)
      this.known.live.clear()
      this.known.live.add(token)
      this.#count(answer === null ? 'password changed without an answer' : 'password changed')
    } else if (answer !== null) {
      this.wrong.push(`cannot change the password: ${JSON.stringify(answer.body)}`)
    }
    for (const revoked of [...this.known.revoked].slice(-3)) await this.expect(revoked, 'revoked')
    for (const live of [...this.known.live].slice(0, 3)) await this.expect(live, 'live')
  }

  async expect(token: string | undefined, state: 'live' | 'revoked'): Promise<void> {
    if (token === undefined) return
    const answer = await this.#ask('{ viewer { id } }', null, token)
    if (answer === null) return
    this.#count('used')
    const found = answer.status === 200 ? 'live' : answer.body.errors[0].extensions.reason
    if (found.toLowerCase() !== state) this.wrong.push(`a token is ${found}, not ${state}`)
  }

  async #isPassword(candidate: string): Promise<boolean> {
    for (;;) {
      const answer = await this.#trySignIn(candidate)
      if (answer === null || isBusy(answer)) continue
      return answer.status === 200
    }
  }

  #trySignIn(attempt: string): Promise<LaneAnswer | null> {
    return this.#ask(
      'mutation ($u: String!, $p: String!) { tokenAuth(username: $u, password: $p) { token } }',
      { u: this.#username, p: attempt },
    )
  }

  /** Asks one of the processes that serve; null where it died before it answered. */
  async #ask(query: string, variables: object | null, token?: string): Promise<LaneAnswer | null> {
    while (this.#serving.size === 0) await sleep(5)
    const server = [...this.#serving][randomInt(this.#serving.size)] as TestServer
    const lane = this.#lanes.get(server) ?? openLane(this.#t, server.url)
    this.#lanes.set(server, lane)
    try {
      return await lane.ask(query, variables, token)
    } catch (error) {
      if (!(error instanceof ConnectionLost)) throw error
      this.#count('left without an answer')
      return null
    }
  }

  #anyOf(tokens: Set<string>): string | undefined {
    return [...tokens][randomInt(Math.max(1, tokens.size))]
  }

  #count(what: string): void {
    this.#tally[what] = (this.#tally[what] ?? 0) + 1
  }
}

function isBusy({ body }: LaneAnswer): boolean {
  return body.errors?.[0].extensions.reason === 'BUSY'
}

/** The file is whole, and nothing in it has gone back since the last time. */
function createFileCheck(t: Test, file: string): () => void {
  let before = new Map<string, { id: string; last_used_at: number; revoked_at: number | null }>()
  return () => {
    const connection = new SqliteDatabase(file, { timeout: 5_000 })
    const integrity = connection.pragma('integrity_check')
    const orphans = connection
      .prepare('select hex(id) from latchkey_tokens where user_id not in (select id from latchkey_users)')
      .all()
    const rows = connection
      .prepare('select hex(id) as id, last_used_at, revoked_at from latchkey_tokens')
      .all()
    connection.close()
    const now = new Map(
      (rows as { id: string; last_used_at: number; revoked_at: number }[]).map((row) => [row.id, row]),
    )
    const undone = [...before.values()].filter(({ id, last_used_at, revoked_at }) => {
      const row = now.get(id)
      return (
        row === undefined ||
        row.last_used_at < last_used_at ||
        (row.revoked_at !== revoked_at && revoked_at !== null)
      )
    })
    before = now
    if (JSON.stringify([integrity, orphans, undone]) === '[[{"integrity_check":"ok"}],[],[]]') return
    t.fail('the file is not as it should be', { integrity, orphans, undone })
  }
}

const acknowledged = ['signed in', 'revoked', 'rotated', 'renamed', 'password changed']

t.test('whenever a process is killed, or all of them, what was acknowledged holds', async (t) => {
  const usernames = Array.from({ length: clients }, (_, index) => `ada${index}`)
  const { databaseUrl, file, domain } = await createDatabase(t, ...usernames)
  const stock = await stockTokens(domain, 12 * clients, 50)
  await domain.database.close()
  const serving: Serving = new Set()
  const tally: Tally = {}
  const start = () => startServer(t, { databaseUrl, ...settings })

  let over = false
  const users = usernames.map((username) => new Client(t, serving, tally, username))
  const working = Promise.all(
    users.map((user, index) =>
      user.work(
        stock.filter((_, position) => position % clients === index),
        () => over,
      ),
    ),
  )
  const count = { kills: 0 }
  const checkFile = createFileCheck(t, file)
  await Promise.all(
    Array.from({ length: processes }, () => crashAgainAndAgain(start, serving, count, checkFile)),
  )
  serving.add(await start())
  // On a machine that is busy, what takes long was not acknowledged between kills: it is now.
  const deadline = Date.now() + 60_000
  while (acknowledged.some((what) => tally[what] === undefined) && Date.now() < deadline) await sleep(50)
  over = true
  await working

  for (const user of users) {
    for (const token of user.known.live) await user.expect(token, 'live')
    for (const token of user.known.revoked) await user.expect(token, 'revoked')
    t.same(user.wrong.slice(0, 5), [])
  }
  checkFile()
  const connection = new SqliteDatabase(file)
  t.teardown(() => connection.close())
  const nameOf = connection.prepare('select name from latchkey_tokens where id = ?').pluck()
  const misnamed = users
    .flatMap(({ known }) => [...known.names])
    .filter(([id, names]) => !names.has(nameOf.get(uuidToBytes(id)) as string))
  t.same(misnamed, [])
  t.ok(count.kills >= kills)
  for (const what of [...acknowledged, 'left without an answer']) t.ok((tally[what] ?? 0) > 0, what)
  t.comment(`${count.kills} kills:`, tally)
})
