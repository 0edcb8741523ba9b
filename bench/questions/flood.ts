import type { ChildProcess } from 'node:child_process'
import { join } from 'node:path'
import { fillNew } from '../fill.ts'
import type { Load, Measure } from '../load.ts'
import type { Answer, Question } from '../question.ts'
import {
  medianOf,
  type Server,
  type Spread,
  spreadOf,
  start,
  startLatchkey,
  startLoad,
  startServer,
  stop,
  table,
  tell,
  tick,
  toRequest,
  withFolder,
} from '../runner.ts'

const perSecond = 300
const attackers = 200

/** The flood goes on this much longer than what is measured, at both ends. */
const marginMs = 500

const wrongSignIn = toRequest(
  'mutation ($name: String!) { tokenAuth(username: $name, password: "a wrong password") { token } }',
  { variables: { name: 'stranger{number}' } },
)

/** Whether a flood of sign-ins is felt by those who are signed in. */
export const flood: Question = {
  name: 'flood',
  ask: ({ rounds, durationMs }) =>
    withFolder(async (folder) => {
      const filling = { users: 1_000, tokens: 10_000, known: 1_000 }
      const { file, tokens } = await fillNew(join(folder, 'limits.db'), filling)
      const other = await fillNew(join(folder, 'no-limits.db'), filling)
      // The server has all cores, as in life: it hashes beside the event loop.
      const limits = await startLatchkey(file, { core: undefined })
      const noLimits = await startLatchkey(other.file, {
        core: undefined,
        env: { RATE_LIMIT_ADDRESS_FAILURES: '1000000', RATE_LIMIT_ACCOUNT_FAILURES: '1000' },
      })
      const [loader, attacker] = [startLoad(), start('load.ts')]
      const measure = (server: Server, tokens: string): Promise<Measure> =>
        tell<Measure>(loader, {
          port: server.port,
          request: toRequest('{ viewer { id username } }', { signedIn: true }),
          tokens,
          expected: '"viewer":{"id":"',
          connections: 16,
          perSecond,
          durationMs,
        } satisfies Load)
      const cases: Case[] = [
        { name: 'nothing else', run: () => measure(noLimits, other.tokens) },
        {
          name: 'one core kept busy by another program',
          run: () => beside(startSpinning, () => measure(noLimits, other.tokens)),
        },
        {
          name: `${attackers} wrong sign-ins at once, limits too high to be reached`,
          run: () => besideFlood(attacker, noLimits, durationMs, () => measure(noLimits, other.tokens)),
        },
        {
          name: `${attackers} wrong sign-ins at once, default limits`,
          run: () => besideFlood(attacker, limits, durationMs, () => measure(limits, tokens)),
        },
      ]
      const samples = cases.map((): Sample[] => [])
      try {
        await measure(limits, tokens)
        await measure(noLimits, other.tokens)
        for (let round = 0; round < rounds; round++) {
          for (const [index, { run }] of cases.entries()) {
            samples[index]?.push(await run())
            tick()
          }
        }
        return answer(cases, samples)
      } finally {
        await stop(limits.child, noLimits.child, loader, attacker)
      }
    }),
}

interface Case {
  name: string
  run: () => Promise<Sample>
}

interface Sample extends Measure {
  flood?: Measure
}

async function startSpinning(): Promise<() => Promise<void>> {
  const { child } = await startServer('spin', { core: undefined })
  return () => stop(child)
}

async function beside<T>(begin: () => Promise<() => Promise<void>>, work: () => Promise<T>): Promise<T> {
  const end = await begin()
  try {
    return await work()
  } finally {
    await end()
  }
}

/** Attackers who try again as soon as they are answered, each from an address of its own. */
async function besideFlood(
  attacker: ChildProcess,
  { port }: Server,
  durationMs: number,
  work: () => Promise<Measure>,
): Promise<Sample> {
  const flooding = tell<Measure>(attacker, {
    port,
    request: wrongSignIn,
    connections: attackers,
    durationMs: durationMs + 2 * marginMs,
    manyAddresses: true,
  } satisfies Load)
  await new Promise((resolve) => setTimeout(resolve, marginMs))
  const measured = await work()
  return { ...measured, flood: await flooding }
}

function answer(cases: readonly Case[], samples: readonly (readonly Sample[])[]): Answer {
  const p99s: Spread[] = samples.map((rounds) => spreadOf(rounds.map(({ p99Ms }) => p99Ms)))
  const [, busy, ...floods] = p99s as [Spread, Spread, Spread, Spread]
  const rows = cases.map(({ name }, index) => {
    const rounds = samples[index] ?? []
    const { median, lowest, highest } = p99s[index] as Spread // as many as cases
    return [
      name,
      ...[medianOf(rounds.map(({ p50Ms }) => p50Ms)), median, lowest, highest].map((ms) => ms.toFixed(2)),
      (median / busy.median).toFixed(2),
      describeFlood(rounds),
    ]
  })
  return {
    title: `Is a flood of sign-ins felt by others? ${perSecond} signed-in requests per second beside it`,
    text: [
      'The server is not pinned: it has all cores, and so has what disturbs it. The attackers have an address each, unknown names, and try again as soon as they are answered.',
      '',
      table(
        [
          'beside',
          'p50, ms',
          'p99, ms, median',
          'lowest',
          'highest',
          'p99 ÷ beside a busy core',
          'answers to the flood',
        ],
        rows,
      ),
    ].join('\n'),
    figures: floods.map(({ median }, index) => ({
      measure: `p99 beside ${cases[index + 2]?.name} ÷ with one core kept busy by another program`,
      value: median / busy.median,
      target: 1.5,
      bound: 'most',
    })),
  }
}

function describeFlood(rounds: readonly Sample[]): string {
  const counts = new Map<string, number>()
  for (const { flood } of rounds) {
    for (const [status, count] of Object.entries(flood?.statuses ?? {}))
      counts.set(status, (counts.get(status) ?? 0) + count)
  }
  return [...counts].map(([status, count]) => `${count} × ${status}`).join(', ')
}
