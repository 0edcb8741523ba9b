import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import { fill, password } from '../fill.ts'
import type { Measure } from '../load.ts'
import type { Question } from '../question.ts'
import {
  costOf,
  group,
  type Spread,
  spreadOf,
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
import type { Verifications } from '../servers/argon2.ts'

const users = 500

/** Latchkey's own default: one core is left to everything else. */
const concurrency = Math.max(1, availableParallelism() - 1)

const request = toRequest(
  'mutation ($name: String!, $password: String!, $device: DeviceInput) { tokenAuth(username: $name, password: $password, device: $device) { token } }',
  { variables: { name: 'user{number}', password, device: { id: 'phone-{number}', platform: 'ios' } } },
)

/** What a sign-in costs besides its hash. Both have all cores: the hash is computed beside the event loop. */
export const signIn: Question = {
  name: 'sign-in',
  ask: ({ rounds, durationMs }) =>
    withFolder(async (folder) => {
      const file = join(folder, 'latchkey.db')
      await fill(file, { users, tokens: 10_000 })
      const env = { PASSWORD_HASH_CONCURRENCY: String(concurrency) }
      const latchkey = await startLatchkey(file, { core: undefined, env })
      const bare = await startServer('argon2', {
        core: undefined,
        args: [String(concurrency), String(durationMs)],
      })
      const loader = startLoad()
      try {
        const signInForAWhile = async (): Promise<Sample> => {
          const { port } = latchkey
          const load = {
            port,
            request,
            numbers: users,
            expected: '"token":"lk_',
            connections: 8,
            durationMs,
          }
          const { value, cpuMicroseconds } = await costOf(latchkey.child, () => tell<Measure>(loader, load))
          return {
            perSecond: value.requestsPerSecond,
            cpuMs: cpuMicroseconds / value.answered / 1000,
          }
        }
        const verifyForAWhile = async (): Promise<Sample> => {
          const { value, cpuMicroseconds } = await costOf(bare.child, () =>
            tell<Verifications>(bare.child, 'verify'),
          )
          return { perSecond: value.perSecond, cpuMs: cpuMicroseconds / value.answered / 1000 }
        }
        await signInForAWhile()
        await verifyForAWhile()
        const samples: { signIns: Sample[]; bare: Sample[] } = { signIns: [], bare: [] }
        for (let round = 0; round < rounds; round++) {
          samples.signIns.push(await signInForAWhile())
          samples.bare.push(await verifyForAWhile())
          tick()
        }
        return answer(summarize(samples.signIns), summarize(samples.bare))
      } finally {
        await stop(latchkey.child, bare.child, loader)
      }
    }),
}

interface Sample {
  perSecond: number
  cpuMs: number
}

interface Summary {
  rate: Spread
  cpuMs: Spread
}

function summarize(samples: readonly Sample[]): Summary {
  return {
    rate: spreadOf(samples.map(({ perSecond }) => perSecond)),
    cpuMs: spreadOf(samples.map(({ cpuMs }) => cpuMs)),
  }
}

function answer(signIns: Summary, bare: Summary): Awaited<ReturnType<Question['ask']>> {
  const row = (name: string, { rate, cpuMs }: Summary): string[] => [
    name,
    ...[rate.median, rate.lowest, rate.highest].map((value) => value.toFixed(1)),
    cpuMs.median.toFixed(1),
  ]
  return {
    title: `What does a sign-in cost besides its hash? ${group(concurrency)} at once`,
    text: [
      'argon2id with 19,456 KiB, two passes, one lane. A sign-in takes two transactions and a hash, and replaces the token of its device. Neither is pinned to a core.',
      '',
      table(
        ['', 'per second, median', 'lowest', 'highest', 'CPU each, ms'],
        [row('sign-ins', signIns), row('bare verifications', bare)],
      ),
    ].join('\n'),
    figures: [
      {
        measure: 'sign-ins per second ÷ bare argon2id verifications at the same concurrency',
        value: signIns.rate.median / bare.rate.median,
        byCpu: bare.cpuMs.median / signIns.cpuMs.median,
        target: 0.9,
        bound: 'least',
      },
    ],
  }
}
