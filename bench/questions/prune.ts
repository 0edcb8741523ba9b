import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fillNew } from '../fill.ts'
import type { Load, Measure } from '../load.ts'
import type { Answer, Question } from '../question.ts'
import {
  group,
  medianOf,
  type Server,
  type Spread,
  spreadOf,
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

const expired = 1_000_000
const live = 100_000

/** Batches come in pauses, and checkpoints with some of them: a short round would have too few. */
const longer = 3

/** A pace that leaves the server time to spare, and one that does not: each connection sends once it has its answer. */
const paces = [
  { name: '1,000 requests per second', perSecond: 1_000 },
  { name: 'as many requests as are answered', perSecond: undefined },
] as const

/** Whether the deleting of a million tokens is felt. */
export const prune: Question = {
  name: 'prune',
  ask: ({ rounds, durationMs, connections }) =>
    withFolder(async (folder) => {
      const { file, tokens } = await fillNew(join(folder, 'latchkey.db'), {
        users: 10_000,
        tokens: expired + live,
        expired: expired / (expired + live),
        known: 1_000,
      })
      const server = await startLatchkey(file)
      const loader = startLoad()
      const samples: Sample[] = []
      const measure = async (pruning: boolean): Promise<void> => {
        for (const { name, perSecond } of paces) {
          const measured = await tell<Measure>(loader, {
            port: server.port,
            request: toRequest('{ viewer { id username } }', { signedIn: true }),
            tokens,
            expected: '"viewer":{"id":"',
            connections,
            durationMs: longer * durationMs,
            ...(perSecond === undefined ? {} : { perSecond }),
          } satisfies Load)
          samples.push({ ...measured, pace: name, pruning })
          tick()
        }
      }
      try {
        await measure(false)
        samples.length = 0 // that was the warm-up
        const total = { deleted: 0, seconds: 0, done: false }
        for (let round = 0; round < rounds; round++) {
          // With and without in turn: what else the machine does, and what the file's cache holds, is the same for both.
          const first = round % 2 === 0
          if (first) await measure(false)
          await startPrune(server)
          await measure(true)
          const progress = await tell<PruneReport>(server.child, 'stopPrune')
          if (progress.done) throw new Error('There was nothing left to prune: the round measured nothing.')
          total.deleted += progress.deleted
          total.seconds += progress.seconds
          if (!first) await measure(false)
        }
        return answer(samples, total)
      } finally {
        await stop(server.child, loader)
      }
    }),
}

/** Until the first batch is deleted: a thread starts once an hour, and not in each window of a prune. */
async function startPrune({ child }: Server): Promise<void> {
  await tell(child, 'prune')
  while ((await tell<PruneReport>(child, 'pruned')).deleted === 0) await sleep(20)
}

interface Sample extends Measure {
  pace: string
  pruning: boolean
}

function answer(samples: readonly Sample[], progress: PruneReport): Answer {
  const compared = paces.map(({ name }) => {
    const of = (pruning: boolean): Spread => {
      const chosen = samples.filter((sample) => sample.pace === name && sample.pruning === pruning)
      return spreadOf(chosen.map(({ p99Ms }) => p99Ms))
    }
    const rateOf = (pruning: boolean): number =>
      medianOf(
        samples
          .filter((sample) => sample.pace === name && sample.pruning === pruning)
          .map(({ requestsPerSecond }) => requestsPerSecond),
      )
    return { name, without: of(false), beside: of(true), rates: [rateOf(false), rateOf(true)] as const }
  })
  const { deleted, seconds } = progress
  const perSecond = deleted / seconds
  const minutes = expired / perSecond / 60
  return {
    title: 'Is the deleting of a million expired tokens felt?',
    text: [
      `The service prunes in a thread of its own, which has the core of the server here and runs already when measuring begins. Of a million expired tokens ${group(deleted)} were deleted beside the requests, in ${seconds.toFixed(0)} s: ${group(perSecond)} per second, at which all of them would take ${minutes.toFixed(0)} minutes. The ratio is that of any window of that time, not of a whole prune. Rounds with and without it take turns.`,
      '',
      table(
        [
          '',
          'p99 without, ms',
          'lowest',
          'highest',
          'p99 beside it, ms',
          'lowest',
          'highest',
          'ratio',
          'requests/s without',
          'beside it',
        ],
        compared.map(({ name, without, beside, rates }) => [
          name,
          ...[without, beside].flatMap((spread) =>
            [spread.median, spread.lowest, spread.highest].map((ms) => ms.toFixed(2)),
          ),
          (beside.median / without.median).toFixed(2),
          ...rates.map(group),
        ]),
      ),
    ].join('\n'),
    figures: compared.map(({ name, without, beside }) => ({
      measure: `p99 in a window of the pruning of one million expired tokens ÷ without, at ${name}`,
      value: beside.median / without.median,
      target: 1.5,
      bound: 'most',
    })),
  }
}
