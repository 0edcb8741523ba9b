import type { ChildProcess } from 'node:child_process'
import type { Load, Measure } from './load.ts'
import type { Bar, Plan } from './question.ts'
import {
  costOf,
  group,
  medianOf,
  type Server,
  type Spread,
  spreadOf,
  startLoad,
  stop,
  table,
  tell,
  tick,
} from './runner.ts'
import { warmUpMs } from './terms.ts'

/** One request of one server. */
export interface Variant {
  name: string
  server: Server
  load: Pick<Load, 'request' | 'tokens' | 'numbers' | 'expected'>
}

/** All rounds of a variant. */
export interface Row {
  name: string
  rate: Spread
  p99Ms: number
  /** What a request costs the server, in microseconds of a core: it says the same on a machine with other work to do. */
  cpuUs: number
  /** The most that the load took of its core. */
  busy: number
}

/** Measures variants in turn, round by round. */
export async function measureRates(variants: readonly Variant[], plan: Plan): Promise<Row[]> {
  const loader = startLoad()
  try {
    const measures = variants.map((): (Measure & { cpuUs: number })[] => [])
    for (const variant of variants) await measure(loader, variant, plan, warmUpMs) // until it is compiled
    for (let round = 0; round < plan.rounds; round++) {
      // Another one first each time: what the machine does beside this should not always hit the same.
      for (let turn = 0; turn < variants.length; turn++) {
        const index = (round + turn) % variants.length
        const variant = variants[index] as Variant // in range
        measures[index]?.push(await measure(loader, variant, plan, plan.durationMs))
        tick()
      }
    }
    return variants.map(({ name }, index) => summarize(name, measures[index] ?? []))
  } finally {
    await stop(loader)
  }
}

async function measure(
  loader: ChildProcess,
  { server, load }: Variant,
  { connections }: Plan,
  durationMs: number,
): Promise<Measure & { cpuUs: number }> {
  const order: Load = { ...load, port: server.port, connections, durationMs }
  const { value, cpuMicroseconds } = await costOf(server.child, () => tell<Measure>(loader, order))
  return { ...value, cpuUs: cpuMicroseconds / value.answered }
}

function summarize(name: string, rounds: readonly (Measure & { cpuUs: number })[]): Row {
  return {
    name,
    rate: spreadOf(rounds.map(({ requestsPerSecond }) => requestsPerSecond)),
    p99Ms: medianOf(rounds.map(({ p99Ms }) => p99Ms)),
    cpuUs: medianOf(rounds.map(({ cpuUs }) => cpuUs)),
    busy: Math.max(...rounds.map(({ busy }) => busy)),
  }
}

/** How much faster one is than another, by rate and by processor time. */
export function ratioOf(one: Row, other: Row): { value: number; byCpu: number } {
  return { value: one.rate.median / other.rate.median, byCpu: other.cpuUs / one.cpuUs }
}

/** The first row and its ratio to each other, as Markdown. */
export function describeRates(rows: readonly Row[]): string {
  const [subject] = rows
  if (subject === undefined) return ''
  const lines = rows.map((row) => {
    const { value, byCpu } = ratioOf(subject, row)
    return [
      row.name,
      ...[row.rate.median, row.rate.lowest, row.rate.highest].map(group),
      row.p99Ms.toFixed(1),
      row.cpuUs.toFixed(1),
      ...(row === subject ? ['', ''] : [value.toFixed(2), byCpu.toFixed(2)]),
      `${Math.round(row.busy * 100)} %`,
    ]
  })
  return [
    'Ratios are of the first row to each. Where the load took 100 % of its core, it was the limit, and the ratio of CPU counts.',
    '',
    table(
      [
        '',
        'requests/s, median',
        'lowest',
        'highest',
        'p99, ms',
        'CPU/request, µs',
        'ratio of rates',
        'ratio of CPU',
        'load, at most',
      ],
      lines,
    ),
  ].join('\n')
}

/** The rows as bars of a chart. */
export function barsOf(rows: readonly Row[]): Bar[] {
  return rows.map(({ name, rate }, index) => ({
    name,
    ...rate,
    note: group(rate.median),
    isSubject: index === 0,
  }))
}
