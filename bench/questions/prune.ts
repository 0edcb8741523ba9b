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

/** Batches come seconds apart: in a short round there would be none, or one too many. */
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
        const half = Math.ceil(rounds / 2)
        for (let round = 0; round < half; round++) await measure(false)
        await tell(server.child, 'prune')
        // As many again, and the last one is only counted where it was all beside the pruning.
        for (let round = 0; round < rounds && !(await isDone(server)); round++) await measure(true)
        const progress = await tell<PruneReport>(server.child, 'pruned')
        if (progress.done) samples.splice(-paces.length)
        else await waitForOne(server)
        return answer(samples, progress)
      } finally {
        await stop(server.child, loader)
      }
    }),
}

interface Sample extends Measure {
  pace: string
  pruning: boolean
}

async function isDone(server: Server): Promise<boolean> {
  return (await tell<PruneReport>(server.child, 'pruned')).done
}

/** A batch that is under way should not be cut off by the end of the process. */
async function waitForOne(server: Server): Promise<void> {
  if (!(await isDone(server))) await sleep(100)
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
  const { deleted, seconds, done } = progress
  const perSecond = deleted / seconds
  const took = done
    ? `The whole took ${Math.round(seconds)} s.`
    : `At this rate a million take ${Math.round(expired / perSecond / 60)} minutes.`
  return {
    title: 'Is the deleting of a million expired tokens felt?',
    text: [
      `Beside the requests ${group(deleted)} tokens were deleted in ${seconds.toFixed(0)} s, ${group(perSecond)} per second. ${took}`,
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
      measure: `p99 while one million expired tokens are pruned ÷ without, at ${name}`,
      value: beside.median / without.median,
      target: 1.5,
      bound: 'most',
    })),
  }
}
