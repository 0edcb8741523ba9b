import { readFileSync, writeFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import Database from 'better-sqlite3'
import { password } from './fill.ts'
import type { Load, Measure } from './load.ts'
import type { Plan } from './question.ts'
import { timeStarts } from './questions/start-up.ts'
import { measureRates, type Row } from './rates.ts'
import { medianOf, type Server, startLatchkey, startLoad, stop, tell, tick, toRequest } from './runner.ts'
import type { FileReport } from './scale-file.ts'
import type { MemoryReport, PruneReport } from './servers/latchkey.ts'

/** A filled file of one size. */
export interface SizedFile {
  size: number
  users: number
  file: string
  /** A file with tokens of it that are known in full. */
  tokens: string
  knownCount: number
  fillSeconds: number
  inspected: FileReport
}

/** What a look-up costs at one size, and the memory that the server has taken by then. */
export interface LookUps {
  warm: Row
  cold: Row
  warmMb: number
  coldMb: number
}

/** What else users do at one size. */
export interface Uses {
  signInsPerSecond: number
  listsPerSecond: number
  revocationsPerSecond: number
  prunedPerSecond: number
  startSeconds: number
}

const lookUp = {
  request: toRequest('{ viewer { id username } }', { signedIn: true }),
  expected: '"viewer":{"id":"',
}

/** The same tokens are sent in turn where they are to be found in memory. */
const warmTokens = 500

/** Measures look-ups of all sizes in turn, from memory and from the file. */
export async function measureLookUps(files: readonly SizedFile[], plan: Plan): Promise<LookUps[]> {
  const servers: Server[] = []
  try {
    for (const { file } of files) {
      servers.push(await startLatchkey(file))
      servers.push(await startLatchkey(file, { env: { TOKEN_CACHE: 'off' } }))
    }
    const variants = files.flatMap(({ size, tokens }, index) => {
      const few = `${tokens}.few`
      writeFileSync(few, readFileSync(tokens, 'latin1').split('\n').slice(0, warmTokens).join('\n'))
      const [warm, cold] = servers.slice(2 * index, 2 * index + 2) as [Server, Server]
      return [
        { name: `${size} warm`, server: warm, load: { ...lookUp, tokens: few } },
        { name: `${size} cold`, server: cold, load: { ...lookUp, tokens } },
      ]
    })
    const rows = await measureRates(variants, plan)
    return await Promise.all(
      files.map(async (_, index) => ({
        warm: rows[2 * index] as Row, // two for each file
        cold: rows[2 * index + 1] as Row,
        warmMb: await readMb(servers[2 * index] as Server),
        coldMb: await readMb(servers[2 * index + 1] as Server),
      })),
    )
  } finally {
    await stop(...servers.map(({ child }) => child))
  }
}

/** Measures at one size what writes or reads more than one token. The file is spent after that. */
export async function measureUses(file: SizedFile, plan: Plan): Promise<Uses> {
  const { size, users, tokens, knownCount } = file
  const startSeconds = (await timeStarts(file.file, plan.rounds)).median
  // With ten million tokens users have 40 live ones: sign-ins would end some of those that are to be revoked.
  const server = await startLatchkey(file.file, { core: undefined, env: { TOKEN_LIMIT: '10000' } })
  const loader = startLoad()
  const rateOf = async (load: Pick<Load, 'request' | 'expected' | 'tokens' | 'numbers' | 'most'>) => {
    const { port } = server
    const order: Load = { ...load, port, connections: 8, durationMs: plan.durationMs }
    return (await tell<Measure>(loader, order)).requestsPerSecond
  }
  const medianRateOf = async (load: Parameters<typeof rateOf>[0]): Promise<number> => {
    const rates: number[] = []
    for (let round = 0; round < plan.rounds; round++) rates.push(await rateOf(load))
    tick()
    return medianOf(rates)
  }
  try {
    const listsPerSecond = await medianRateOf({
      request: toRequest('{ viewer { tokens(first: 20) { nodes { id name lastUsedAt } } } }', {
        signedIn: true,
      }),
      expected: '"nodes":[{"id"',
      tokens,
    })
    const signInsPerSecond = await medianRateOf({
      request: toRequest(
        'mutation ($name: String!, $password: String!) { tokenAuth(username: $name, password: $password) { token } }',
        { variables: { name: 'user{number}', password } },
      ),
      expected: '"token":"lk_',
      numbers: users,
    })
    // Each token can be revoked once, and none is spent by then: the smallest sizes have few.
    const revocationsPerSecond = await rateOf({
      request: toRequest('mutation { revokeToken { revoked } }', { signedIn: true }),
      expected: '"revokeToken":{',
      tokens,
      most: Math.min(knownCount, Math.floor(size / 4)),
    })
    await stop(server.child)
    const prunedPerSecond = await measurePrune(file, plan)
    return { startSeconds, listsPerSecond, signInsPerSecond, revocationsPerSecond, prunedPerSecond }
  } finally {
    await stop(server.child, loader)
  }
}

/** The oldest tenth ended long ago. */
function expireOldest({ file, size }: SizedFile): void {
  const db = new Database(file)
  db.pragma('synchronous = OFF')
  db.prepare(
    `UPDATE latchkey_tokens SET created_at = 1, expires_at = 1, last_used_at = 1 WHERE id IN
      (SELECT id FROM latchkey_tokens ORDER BY id LIMIT ?)`,
  ).run(Math.min(size / 10, 100_000))
  db.pragma('wal_checkpoint(TRUNCATE)')
  db.close()
}

/** Tokens deleted per second as the command does it, which leaves half of the time to others. */
async function measurePrune(file: SizedFile, plan: Plan): Promise<number> {
  expireOldest(file)
  const server = await startLatchkey(file.file)
  try {
    await tell<PruneReport>(server.child, 'pruneAtOnce')
    const giveUpAt = performance.now() + plan.durationMs * 5
    for (;;) {
      const { deleted, seconds, done } = await tell<PruneReport>(server.child, 'pruned')
      if (done || performance.now() > giveUpAt) return deleted / seconds
      await sleep(20)
    }
  } finally {
    await stop(server.child)
  }
}

async function readMb(server: Server): Promise<number> {
  return (await tell<MemoryReport>(server.child, 'memory')).rss / 1_000_000
}
