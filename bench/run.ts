import { writeFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { drawBars } from './chart.ts'
import { describeFigures } from './figures.ts'
import type { Answer, Plan, Question } from './question.ts'
import { cold } from './questions/cold.ts'
import { flood } from './questions/flood.ts'
import { hostile } from './questions/hostile.ts'
import { memory } from './questions/memory.ts'
import { metrics } from './questions/metrics.ts'
import { prune } from './questions/prune.ts'
import { signIn } from './questions/sign-in.ts'
import { startUp } from './questions/start-up.ts'
import { viewer } from './questions/viewer.ts'
import { saveResults, updateReadme } from './results.ts'
import { cores, describeMachine, tick } from './runner.ts'

const questions: readonly Question[] = [viewer, metrics, cold, signIn, flood, prune, hostile, startUp, memory]

const { values: options } = parseArgs({
  options: {
    rounds: { type: 'string', default: '5' },
    seconds: { type: 'string', default: '3' },
    connections: { type: 'string', default: '32' },
    only: { type: 'string' },
    write: { type: 'boolean', default: false },
  },
})
const plan: Plan = {
  rounds: Number(options.rounds),
  durationMs: Number(options.seconds) * 1000,
  connections: Number(options.connections),
}
const only = options.only?.split(',')
if (only !== undefined && options.write) throw new Error('Results are written only of all questions at once.')

const answers: Answer[] = []
for (const question of questions) {
  if (only !== undefined && !only.includes(question.name)) continue
  tick(`${question.name} `)
  answers.push(await question.ask(plan))
  tick('\n')
}
const figures = answers.flatMap((answer) => answer.figures)
const machine = describeMachine()
const sections = answers.map(({ title, text }) => `## ${title}\n\n${text}`)
const report = [describeRun(), describeFigures(figures), ...sections].join('\n\n')
process.stdout.write(`${report}\n`)
if (options.write) {
  const chart = '![Requests per second on one core](results.svg)'
  writeFileSync(new URL('RESULTS.md', import.meta.url), `# Benchmarks\n\n${chart}\n\n${report}\n`)
  const bars = answers.flatMap((answer) => answer.bars ?? [])
  writeFileSync(
    new URL('results.svg', import.meta.url),
    drawBars({
      heading: 'Who is signed in? Requests per second on one core',
      note: 'Median, with the lowest and highest round as a line. Nobody logs a line per request.',
      bars,
    }),
  )
  saveResults('bench', { machine, figures })
  updateReadme()
}

function describeRun(): string {
  const { connections, rounds, durationMs } = plan
  const pinned = cores ? 'server and load on a core of their own' : 'server and load not pinned to cores'
  return [
    machine,
    `${connections} keep-alive connections, ${rounds} rounds of ${durationMs / 1000} s, taken in turn; ${pinned}, unless said otherwise.`,
    'Latchkey runs as `latchkey serve` does with `NODE_ENV=production`, on SQLite in a file. Where it is compared with other servers nobody counts requests and nobody writes a line per request (`RATE_LIMIT_REQUESTS=off`, `LOG_LEVEL=warn`), as in `bench:peers`: those servers do neither by themselves. Everywhere else its settings are the default ones, but that the limit of requests is too high to be reached, and its log goes to the null device.',
  ].join('\n')
}
