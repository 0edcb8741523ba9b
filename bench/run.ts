import { type ChildProcess, spawn } from 'node:child_process'
import { openSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import type { Load, Measure } from './load.ts'
import type { Question, Variant } from './question.ts'
import { answerOf, cores, describeMachine, medianOf, pin, tell } from './runner.ts'
import type { Announcement, CpuTime } from './servers/announce.ts'
import { viewer } from './viewer.ts'

/** A measure, and what it cost the server: unlike the rate, that says the same on a machine with other work to do. */
interface CostedMeasure extends Measure {
  cpuMicroseconds: number
}

const questions: readonly Question[] = [viewer]

const { values: options } = parseArgs({
  options: {
    rounds: { type: 'string', default: '7' },
    seconds: { type: 'string', default: '3' },
    connections: { type: 'string', default: '32' },
    write: { type: 'boolean', default: false },
  },
})
const rounds = Number(options.rounds)
const durationMs = Number(options.seconds) * 1000
const connections = Number(options.connections)

const sections: string[] = []
for (const question of questions) sections.push(await ask(question))
const report = [describeRun(), ...sections].join('\n\n')
process.stdout.write(`${report}\n`)
if (options.write) writeFileSync(new URL('RESULTS.md', import.meta.url), `# Benchmarks\n\n${report}\n`)

/** Measures all variants of a question in turn, round by round, and reports them as Markdown. */
async function ask(question: Question): Promise<string> {
  const loader = start('load.ts', cores?.load)
  const children = new Map<string, ChildProcess>()
  const announced = new Map<string, Announcement>()
  try {
    for (const server of question.servers) {
      const child = start(`servers/${server}.ts`, cores?.server)
      children.set(server, child)
      announced.set(server, await answerOf<Announcement>(child))
    }
    const measure = async (variant: Variant, forMs: number): Promise<CostedMeasure> => {
      const server = children.get(variant.server)
      const { port, tokens } = announced.get(variant.server) ?? {}
      if (server === undefined || port === undefined)
        throw new Error(`${variant.server} is not among the servers.`)
      const requests = (variant.signedIn ? (tokens ?? []) : [null]).map((token) =>
        toRequest(variant.query, token),
      )
      const load: Load = { port, requests, expected: variant.expected, connections, durationMs: forMs }
      const before = await tell<CpuTime>(server, 'cpu')
      const measured = await tell<Measure>(loader, load)
      const after = await tell<CpuTime>(server, 'cpu')
      const spent = after.cpuMicroseconds - before.cpuMicroseconds
      return { ...measured, cpuMicroseconds: spent / measured.answered }
    }
    for (const variant of question.variants) await measure(variant, 2000) // until it is compiled
    const measures = new Map<Variant, CostedMeasure[]>(question.variants.map((variant) => [variant, []]))
    for (let round = 0; round < rounds; round++) {
      // Another one first each time: what the machine does beside this should not always hit the same.
      for (let turn = 0; turn < question.variants.length; turn++) {
        const variant = question.variants[(round + turn) % question.variants.length] as Variant // in range
        measures.get(variant)?.push(await measure(variant, durationMs))
        if (process.stderr.isTTY) process.stderr.write('.')
      }
    }
    if (process.stderr.isTTY) process.stderr.write('\n')
    return reportOf(question, measures)
  } finally {
    for (const child of [loader, ...children.values()]) if (child.connected) child.disconnect()
  }
}

function reportOf(question: Question, measures: ReadonlyMap<Variant, readonly CostedMeasure[]>): string {
  const rows = [...measures].map(([{ name }, all]) => {
    const rates = all.map((one) => one.requestsPerSecond)
    return {
      name,
      rate: medianOf(rates),
      lowest: Math.min(...rates),
      highest: Math.max(...rates),
      p99: medianOf(all.map((one) => one.p99Ms)),
      cost: medianOf(all.map((one) => one.cpuMicroseconds)),
      busy: Math.max(...all.map((one) => one.busy)),
    }
  })
  const subject = rows.find(({ name }) => name === question.subject)
  if (subject === undefined) throw new Error(`${question.subject} is not among the variants.`)
  const lines = rows.map((row) => {
    const ratios = [subject.rate / row.rate, subject.cost / row.cost].map((ratio) => ratio.toFixed(2))
    const cells = [
      row.name,
      ...[row.rate, row.lowest, row.highest].map((rate) => Math.round(rate).toLocaleString('en-US')),
      row.p99.toFixed(1),
      row.cost.toFixed(1),
      ...(row === subject ? ['', ''] : ratios),
      `${Math.round(row.busy * 100)} %`,
    ]
    return `| ${cells.join(' | ')} |`
  })
  return [
    `## ${question.title}`,
    '',
    `Ratios are of the first row to each. The load's own core at 100 % would mean that the load was the limit.`,
    '',
    '| | requests/s, median | lowest | highest | p99, ms | CPU/request, µs | ratio of rates | ratio of CPU | load, at most |',
    '| --- | --- | --- | --- | --- | --- | --- | --- | --- |',
    ...lines,
  ].join('\n')
}

function describeRun(): string {
  const pinned = cores ? 'server and load on a core of their own' : 'server and load not pinned to cores'
  return [
    describeMachine(),
    `${connections} keep-alive connections, ${rounds} rounds of ${durationMs / 1000} s, taken in turn; ${pinned}.`,
    'All log one line per request at `info`, to the null device. SQLite in a file; `NODE_ENV=production`; `RATE_LIMIT_REQUESTS=off`.',
  ].join('\n')
}

function toRequest(query: string, token: string | null): string {
  const body = JSON.stringify({ query })
  const headers = [
    'POST /graphql HTTP/1.1',
    'host: 127.0.0.1',
    'accept: application/json',
    'content-type: application/json',
    `content-length: ${body.length}`,
    ...(token === null ? [] : [`authorization: Token ${token}`]),
  ]
  return `${headers.join('\r\n')}\r\n\r\n${body}`
}

/** Starts a file of this folder on a core; its log goes nowhere. */
function start(file: string, core: string | undefined): ChildProcess {
  const command = [process.execPath, fileURLToPath(new URL(file, import.meta.url))]
  const [program = '', ...args] = pin(core, command)
  return spawn(program, args, {
    stdio: ['ignore', openSync('/dev/null', 'w'), 'inherit', 'ipc'],
    env: { ...process.env, NODE_ENV: 'production' },
  })
}
