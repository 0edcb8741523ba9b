import { copyFileSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { digestToken } from '../../src/auth/token-format.ts'
import { digestToBytes } from '../../src/db/bytes.ts'
import type { Figure } from '../figures.ts'
import { fillNew } from '../fill.ts'
import { busyAddress, type Cast, fillAudit, rareEvent, varyUsers } from '../fill-audit.ts'
import type { Load, Measure } from '../load.ts'
import type { Answer, Plan, Question } from '../question.ts'
import {
  group,
  medianOf,
  type Server,
  startLatchkey,
  startLoad,
  stop,
  table,
  tell,
  tick,
  toRequest,
  withFolder,
} from '../runner.ts'
import type { PruneReport } from '../servers/latchkey.ts'

const users = 100_000
const events = 100_000
const expired = 1_000_000
const live = 100_000

/** One page is asked for at a time, as often in each round. */
const timesPerRound = 100

const pruneSeconds = 60

/** So that code is compiled and the file's pages are in memory, as on a server that runs. */
const warmUpTimes = 200

/** Whether lists of many accounts and records come in milliseconds, beside the deleting of a million tokens too. */
export const pages: Question = {
  name: 'pages',
  ask: (plan) =>
    withFolder(async (folder) => {
      const filling = { users, tokens: expired + live, expired: expired / (expired + live), known: 1 }
      const { file, tokens } = await fillNew(join(folder, 'latchkey.db'), filling)
      const token = readFileSync(tokens, 'latin1')
      const cast = varyUsers(file, digestToBytes(digestToken(token)) as Buffer)
      await fillAudit(file, cast, events)
      tick()
      const spent = join(folder, 'spent.db')
      copyFileSync(file, spent)
      const server = await startLatchkey(file)
      const loader = startLoad()
      try {
        const lists = await listPages(server, token, cast)
        const rows = await measurePages(lists, { server, loader, tokens }, plan)
        await stop(server.child)
        return answer(rows, await timePrune(spent))
      } finally {
        await stop(server.child, loader)
      }
    }),
}

interface List {
  name: string
  request: string
  /** Whether an index leaves rows to be looked through, of which few fit. */
  looksThrough: boolean
}

interface Row {
  list: List
  alone: Measure[]
  pruning: Measure[]
}

/** The pages that are measured; the deep ones are in the middle of their list. */
async function listPages(server: Server, token: string, { adminId, busyId }: Cast): Promise<List[]> {
  const user = '{ id username email active role createdAt lastSignInAt }'
  const record = '{ id event at address userAgent times }'
  const page = (nodes: string): string => `{ nodes ${nodes} pageInfo { hasNextPage endCursor } }`
  const usersBy = (given: string): string => `{ users(first: 20${given}) ${page(user)} }`
  const recordsBy = (filter: string, after = ''): string =>
    `{ auditEvents(first: 20${filter && `, filter: { ${filter} }`}${after}) ${page(record)} }`
  const recordsOf = (id: string): string =>
    `{ user(id: "${id}") { username auditEvents(first: 20) ${page(record)} } }`
  const behind = async (list: 'users' | 'auditEvents', count: number): Promise<string> =>
    `, after: "${await findCursor(server, token, list, count)}"`
  const deepUsers = await behind('users', users / 2)
  const deepRecords = await behind('auditEvents', events / 2)
  const month = `since: "${daysAgo(60)}", until: "${daysAgo(30)}"`
  const queries: readonly [name: string, query: string, looksThrough?: true][] = [
    ['`users`, the first page', usersBy('')],
    ['… 100 at once', usersBy('').replace('first: 20', 'first: 100')],
    ['… in the middle', usersBy(deepUsers)],
    ['… `active: true`, in the middle', usersBy(`, active: true${deepUsers}`)],
    ['… `active: false`', usersBy(', active: false')],
    ['… `role: ADMIN`, one in a thousand', usersBy(', role: ADMIN')],
    ['… `role: ADMIN, active: false`, none', usersBy(', role: ADMIN, active: false')],
    ['… `search`, begins one name', usersBy(', search: "user000054321"')],
    ['… `search`, begins all names', usersBy(', search: "user"')],
    ['… `search`, begins none', usersBy(', search: "zoe"')],
    ['… `search`, begins all names, `role: ADMIN`', usersBy(', search: "user", role: ADMIN'), true],
    ['`user(id)` with its records', recordsOf(adminId)],
    [`… of a user with ${group(events / 10)}`, recordsOf(busyId)],
    ['`auditEvents`, the first page', recordsBy('')],
    ['… 100 at once', recordsBy('').replace('first: 20', 'first: 100')],
    ['… in the middle', recordsBy('', deepRecords)],
    ['… of a user', recordsBy(`userId: "${busyId}"`)],
    ['… of a user, one event', recordsBy(`userId: "${busyId}", events: ["${rareEvent}"]`), true],
    ['… an event, half of all', recordsBy('events: ["authn_login_success"]')],
    ['… an event, one in a thousand', recordsBy(`events: ["${rareEvent}"]`)],
    ['… two events', recordsBy(`events: ["authn_login_fail", "${rareEvent}"]`)],
    ['… from an address', recordsBy(`address: "${busyAddress}"`)],
    ['… from an address, one event', recordsBy(`address: "${busyAddress}", events: ["${rareEvent}"]`), true],
    ['… of a month', recordsBy(month)],
    ['… of a month, one event', recordsBy(`${month}, events: ["${rareEvent}"]`)],
    ['`viewer` with its records', `{ viewer { username auditEvents(first: 20) ${page(record)} } }`],
  ]
  return queries.map(([name, query, looksThrough = false]) => ({
    name,
    request: toRequest(query, { signedIn: true }),
    looksThrough,
  }))
}

/** The cursor behind which a list goes on after `count` of its items. */
async function findCursor(
  { port }: Server,
  token: string,
  list: 'users' | 'auditEvents',
  count: number,
): Promise<string> {
  let after: string | null = null
  for (let seen = 0; seen < count; seen += 100) {
    const response = await fetch(`http://127.0.0.1:${port}/graphql`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', authorization: `Token ${token}` },
      body: JSON.stringify({
        query: `query ($after: String) { ${list}(first: 100, after: $after) { pageInfo { endCursor } } }`,
        variables: { after },
      }),
    })
    const { data } = (await response.json()) as { data: Record<string, { pageInfo: { endCursor: string } }> }
    after = data[list]?.pageInfo.endCursor ?? null
  }
  return after ?? ''
}

function daysAgo(days: number): string {
  return new Date(Date.now() - days * 86_400_000).toISOString()
}

interface Place {
  server: Server
  loader: ReturnType<typeof startLoad>
  tokens: string
}

/** Rounds with and without a prune beside them take turns. */
async function measurePages(lists: readonly List[], place: Place, { rounds }: Plan): Promise<Row[]> {
  const rows = lists.map((list): Row => ({ list, alone: [], pruning: [] }))
  const measureAll = async (times: number, keep: (row: Row, measure: Measure) => void): Promise<void> => {
    for (const [index, list] of lists.entries()) {
      keep(rows[index] as Row, await measurePage(list, place, times)) // one for each list
    }
    tick()
  }
  await measureAll(warmUpTimes, () => {})
  for (let round = 0; round < rounds; round++) {
    await measureAll(timesPerRound, ({ alone }, measure) => alone.push(measure))
    await startPrune(place.server)
    await measureAll(timesPerRound, ({ pruning }, measure) => pruning.push(measure))
    const { done } = await tell<PruneReport>(place.server.child, 'stopPrune')
    if (done) throw new Error('There was nothing left to prune: the round measured nothing.')
  }
  return rows
}

function measurePage({ request }: List, { server, loader, tokens }: Place, most: number): Promise<Measure> {
  return tell<Measure>(loader, {
    port: server.port,
    request,
    tokens,
    expected: '"pageInfo":{"hasNextPage":',
    connections: 1,
    durationMs: 60_000,
    most,
  } satisfies Load)
}

async function startPrune({ child }: Server): Promise<void> {
  await tell(child, 'prune')
  while ((await tell<PruneReport>(child, 'pruned')).deleted === 0) await sleep(20)
}

/** A prune as `latchkey token prune` does it, on a core of its own, for a minute at the most. */
async function timePrune(file: string): Promise<PruneReport> {
  const server = await startLatchkey(file)
  try {
    await tell(server.child, 'pruneAtOnce')
    for (;;) {
      const report = await tell<PruneReport>(server.child, 'pruned')
      if (report.done) return report
      if (report.seconds > pruneSeconds) return await tell<PruneReport>(server.child, 'stopPrune')
      await sleep(100)
    }
  } finally {
    await stop(server.child)
  }
}

function answer(rows: readonly Row[], { deleted, seconds }: PruneReport): Answer {
  const medians = (measures: readonly Measure[]): number[] => [
    medianOf(measures.map(({ p50Ms }) => p50Ms)),
    medianOf(measures.map(({ p99Ms }) => p99Ms)),
  ]
  const cells = rows.map(({ list, alone, pruning }) => ({
    ...list,
    times: [...medians(alone), ...medians(pruning)] as [number, number, number, number],
  }))
  const figure = (measure: string, looksThrough: boolean, column: number, target: number): Figure => {
    const chosen = cells.filter((cell) => cell.looksThrough === looksThrough)
    const value = Math.max(...chosen.map(({ times }) => times[column] as number)) // one of the four
    return { measure, value, target, bound: 'most', unit: ' ms' }
  }
  const perSecond = deleted / seconds
  return {
    title: `How long does a page take, of ${group(users)} accounts and ${group(events)} records?`,
    text: [
      `In one file with ${group(expired)} expired tokens and ${group(live)} live ones. Pages of 20 through HTTP, one request at a time, ${timesPerRound} of each in a round; every tenth account is disabled, every thousandth an administrator, a tenth of the records is of one user and a tenth from one address. Beside a prune, the thread that deletes has the same core. Most pages are read along an index. Where two conditions meet (*) the rows of one are looked through for the other, 10,000 of them for a page at the most, after which it is short and says that there is more.`,
      '',
      table(
        ['page', 'p50, ms', 'p99, ms', 'beside a prune: p50, ms', 'p99, ms'],
        cells.map(({ name, looksThrough, times }) => [
          looksThrough ? `${name} *` : name,
          ...times.map((ms) => ms.toFixed(2)),
        ]),
      ),
      '',
      `\`latchkey token prune\` deleted ${group(deleted)} of these tokens in ${seconds.toFixed(0)} s, ${group(perSecond)} per second; half of the time it leaves to others.`,
    ].join('\n'),
    figures: [
      figure('slowest page along an index, p50', false, 0, 10),
      figure('slowest page along an index beside a prune, p50', false, 2, 10),
      figure('slowest page for which rows are looked through, p50', true, 0, 50),
    ],
  }
}
