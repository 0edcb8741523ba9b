import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { fill } from '../fill.ts'
import type { Question } from '../question.ts'
import { cores, pin, type Spread, spreadOf, table, tick, withFolder } from '../runner.ts'

const command = join(import.meta.dirname, '../../bin/latchkey.js')

/** How long `latchkey serve` takes until it listens. */
export const startUp: Question = {
  name: 'start-up',
  ask: ({ rounds }) =>
    withFolder(async (folder) => {
      const sizes = [1_000, 1_000_000]
      const spreads: Spread[] = []
      for (const tokens of sizes) {
        const file = join(folder, `${tokens}.db`)
        await fill(file, { users: tokens / 10, tokens })
        spreads.push(await timeStarts(file, Math.max(3, rounds)))
        tick()
      }
      const rows = spreads.map(({ median, lowest, highest }, index) => [
        (sizes[index] ?? 0).toLocaleString('en-US'),
        ...[median, lowest, highest].map((seconds) => seconds.toFixed(3)),
      ])
      return {
        title: 'How long does it take to start?',
        text: [
          'From the start of the process `latchkey serve`, on one core, to its line that says that it listens; the file is migrated.',
          '',
          table(['tokens', 'seconds, median', 'lowest', 'highest'], rows),
        ].join('\n'),
        figures: [
          {
            measure: 'start to listening (migrated file, 1 million tokens)',
            value: spreads.at(-1)?.median ?? Number.NaN,
            target: 0.5,
            bound: 'most',
            unit: ' s',
          },
        ],
      }
    }),
}

/** Seconds from the start of the service on a database file until it listens. The first start is not counted. */
export async function timeStarts(file: string, count: number): Promise<Spread> {
  const seconds: number[] = []
  for (let turn = 0; turn <= count; turn++) seconds.push(await timeStart(file))
  return spreadOf(seconds.slice(1))
}

async function timeStart(file: string): Promise<number> {
  const [program = '', ...args] = pin(cores?.server, [process.execPath, command, 'serve'])
  const started = performance.now()
  const child = spawn(program, args, {
    // Elsewhere, so that no `.env` is read.
    cwd: join(file, '..'),
    env: {
      PATH: process.env.PATH ?? '',
      NODE_ENV: 'production',
      DATABASE_URL: `sqlite:${file}`,
      PORT: '0',
      HOST: '127.0.0.1',
    },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const ended = once(child, 'exit')
  let said = ''
  let took = Number.NaN
  for await (const chunk of child.stdout) {
    said += chunk
    if (!Number.isNaN(took) || !said.includes('listens on')) continue
    took = (performance.now() - started) / 1000
    child.kill()
  }
  await ended
  if (Number.isNaN(took)) throw new Error(`The service did not start:\n${said}`)
  return took
}
