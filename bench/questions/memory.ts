import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fillNew } from '../fill.ts'
import type { Load, Measure } from '../load.ts'
import type { Question } from '../question.ts'
import {
  medianOf,
  startLatchkey,
  startLoad,
  stop,
  table,
  tell,
  tick,
  toRequest,
  withFolder,
} from '../runner.ts'
import type { MemoryReport } from '../servers/latchkey.ts'

const principals = 100_000

/** Longer than the uses of tokens wait for being written. */
const settleMs = 12_000

/** What the cache of principals takes when it is full. */
export const memory: Question = {
  name: 'memory',
  ask: ({ connections }) =>
    withFolder(async (folder) => {
      const { file, tokens } = await fillNew(join(folder, 'latchkey.db'), {
        users: 20_000,
        tokens: 120_000,
        known: principals,
      })
      const rows: string[][] = []
      const atRest: number[] = []
      for (const cache of [String(principals), 'off']) {
        const server = await startLatchkey(file, { env: { TOKEN_CACHE: cache } })
        const loader = startLoad()
        const readMb = async (): Promise<number> =>
          (await tell<MemoryReport>(server.child, 'memory')).rss / 1_000_000
        const use = (most: number): Promise<Measure> =>
          tell<Measure>(loader, {
            port: server.port,
            request: toRequest('{ viewer { id username } }', { signedIn: true }),
            tokens,
            expected: '"viewer":{"id":"',
            connections,
            durationMs: 120_000,
            most,
          } satisfies Load)
        try {
          const before = await readMb()
          // Each token twice: once to be looked up, once to be found.
          await use(2 * principals)
          const after = await readMb()
          await sleep(settleMs)
          const settled = [await readMb()]
          for (let turn = 0; turn < 2; turn++) {
            await use(principals / 2)
            settled.push(await readMb())
            tick()
          }
          atRest.push(Math.max(...settled))
          rows.push([
            cache,
            ...[before, after, medianOf(settled), Math.max(...settled)].map((mb) => mb.toFixed(0)),
          ])
        } finally {
          await stop(server.child, loader)
        }
      }
      return {
        title: 'How much memory do 100 thousand cached principals take?',
        text: [
          'Resident memory of the process in MB (10⁶ bytes): at the start, after two requests with each of 100,000 tokens, and later, once their uses are written.',
          '',
          table(['`TOKEN_CACHE`', 'at the start', 'just after', 'later, median', 'later, at most'], rows),
        ].join('\n'),
        figures: [
          {
            measure: 'resident memory with 100 thousand cached principals',
            value: atRest[0] ?? Number.NaN,
            target: 200,
            bound: 'most',
            unit: ' MB',
          },
        ],
      }
    }),
}
