import { copyFileSync } from 'node:fs'
import { join } from 'node:path'
import { fill, password } from '../fill.ts'
import type { Load, Measure } from '../load.ts'
import type { Answer, Question } from '../question.ts'
import {
  costOf,
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
import { warmUpMs } from '../terms.ts'

const users = 500

const request = toRequest(
  'mutation ($name: String!, $password: String!, $device: DeviceInput) { tokenAuth(username: $name, password: $password, device: $device) { token } }',
  { variables: { name: 'user{number}', password, device: { id: 'phone-{number}', platform: 'ios' } } },
)

interface Sample {
  perSecond: number
  p50Ms: number
  p99Ms: number
  cpuMs: number
}

/** What the audit costs a sign-in. */
export const auditedSignIn: Question = {
  name: 'audited-sign-in',
  ask: ({ rounds, durationMs }) =>
    withFolder(async (folder) => {
      const file = join(folder, 'with.db')
      await fill(file, { users, tokens: 10_000 })
      const copy = join(folder, 'without.db')
      copyFileSync(file, copy)
      const audited = await startLatchkey(file, { core: undefined })
      const plain = await startLatchkey(copy, { core: undefined, env: { AUDIT_RETENTION: 'off' } })
      const loader = startLoad()
      const measure = async ({ child, port }: Server, forMs: number): Promise<Sample> => {
        const load: Load = { port, request, numbers: users, connections: 8, durationMs: forMs }
        const { value, cpuMicroseconds } = await costOf(child, () =>
          tell<Measure>(loader, { ...load, expected: '"token":"lk_' }),
        )
        const { requestsPerSecond: perSecond, p50Ms, p99Ms, answered } = value
        return { perSecond, p50Ms, p99Ms, cpuMs: cpuMicroseconds / answered / 1000 }
      }
      try {
        for (const server of [audited, plain]) await measure(server, warmUpMs)
        const pairs: Pair[] = []
        for (let round = 0; round < rounds; round++) {
          const order = round % 2 === 0 ? [audited, plain] : [plain, audited]
          const samples = new Map<Server, Sample>()
          for (const server of order) samples.set(server, await measure(server, durationMs))
          pairs.push({ audited: samples.get(audited) as Sample, plain: samples.get(plain) as Sample })
          tick()
        }
        return answer(pairs)
      } finally {
        await stop(audited.child, plain.child, loader)
      }
    }),
}

/** Measured one right after the other. */
interface Pair {
  audited: Sample
  plain: Sample
}

function answer(pairs: readonly Pair[]): Answer {
  const keys = ['perSecond', 'p50Ms', 'p99Ms', 'cpuMs'] as const
  const row = (name: string, samples: readonly Sample[]): string[] => [
    name,
    ...keys.map((key) => medianOf(samples.map((sample) => sample[key])).toFixed(1)),
  ]
  const ratios = keys.map((key) => pairs.map(({ audited, plain }) => audited[key] / plain[key]))
  const [rate = []] = ratios
  return {
    title: 'What does the audit cost a sign-in?',
    text: [
      `The same server with \`AUDIT_RETENTION=off\`, which keeps no records, each on a copy of one file. Eight sign-ins at once; each round measures one right after the other, the other one first each time. Ratios are medians of the rounds' own ratios, which went from ${Math.min(...rate).toFixed(2)} to ${Math.max(...rate).toFixed(2)} for the rate.`,
      '',
      table(
        ['', 'per second', 'p50, ms', 'p99, ms', 'CPU each, ms'],
        [
          row(
            'with the audit',
            pairs.map(({ audited }) => audited),
          ),
          row(
            'without',
            pairs.map(({ plain }) => plain),
          ),
          ['ratio', ...ratios.map((values) => medianOf(values).toFixed(2))],
        ],
      ),
    ].join('\n'),
    figures: [
      {
        measure: 'sign-ins per second with the audit ÷ without',
        value: medianOf(rate),
        byCpu: 1 / medianOf(ratios[3] as number[]), // the last of the keys
        target: 0.95,
        bound: 'least',
      },
    ],
  }
}
