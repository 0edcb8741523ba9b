import { drawPanels, type Panel, short } from './chart.ts'
import { describeFigures, type Figure } from './figures.ts'
import type { Plan } from './question.ts'
import { group, table } from './runner.ts'
import type { FileReport } from './scale-file.ts'
import type { LookUps, SizedFile, Uses } from './scale-measures.ts'
import type { Remedy } from './scale-remedies.ts'

/** All that was measured of one size. */
export interface SizeReport extends SizedFile, LookUps, Uses {}

/** All that was measured. */
export interface ScaleRun {
  machine: string
  plan: Plan
  reports: readonly SizeReport[]
  remedies: readonly Remedy[]
  minutes: number
}

const bytesTarget = 350

/** The figures that have targets: the largest size, and its ratio to the smallest. */
export function figuresOf({ reports }: ScaleRun): Figure[] {
  const [first, last] = [reports[0], reports.at(-1)]
  if (first === undefined || last === undefined) return []
  const ratio = (which: 'warm' | 'cold'): Figure => ({
    measure: `look-ups per second, ${which}, with ${short(last.size)} tokens ÷ with ${short(first.size)}`,
    value: last[which].rate.median / first[which].rate.median,
    byCpu: first[which].cpuUs / last[which].cpuUs,
    target: 0.9,
    bound: 'least',
  })
  return [
    ratio('warm'),
    ratio('cold'),
    {
      measure: `bytes on disk per token, indexes included, with ${short(last.size)} tokens`,
      value: bytesPerToken(last.inspected),
      target: bytesTarget,
      bound: 'most',
    },
  ]
}

/** The report, as Markdown. */
export function describeScale(run: ScaleRun): string {
  const { machine, plan, reports, minutes } = run
  const last = reports.at(-1)
  return [
    '![What grows with the number of tokens](scale.svg)',
    `${machine}\n\`npm run bench:scale -- --write\` measures anew and writes this file; that took ${Math.round(minutes)} minutes. ${plan.rounds} rounds of ${plan.durationMs / 1000} s.`,
    describeFigures(figuresOf(run)),
    '## Every size',
    describeSizes(reports),
    `Look-ups of all sizes are measured in turn, with ${plan.connections} connections and server and load on a core of their own: warm with 500 tokens in turn and the cache as it is by default, cold with up to 100,000 known tokens in random order and \`TOKEN_CACHE=off\`. The rest has 8 connections and all cores. Lists are of 20 tokens; sign-ins are limited by the password hash. Pruning is that of \`latchkey token prune\`, which leaves half of the time to others.`,
    '## What the tokens are',
    'One file grows from size to size, and a copy is kept of each. A user has 10 tokens of which one has been revoked; with ten million there are 100 each, of which 60 have. They come in the order of their creation, each of a random user and with a random digest, into indexes that are there already: their pages are as full as life leaves them. Half of the tokens are a browser’s (a user agent of about 110 characters, no device id), three in ten a phone’s (a device id, a name, a short user agent), two in ten a script’s (neither).',
    ...(last === undefined ? [] : ['## Where the bytes go', describeFile(last)]),
    '## What other layouts would take',
    describeRemedies(run.remedies),
  ].join('\n\n')
}

function describeSizes(reports: readonly SizeReport[]): string {
  return table(
    [
      'tokens',
      'users',
      'warm, requests/s',
      'CPU, µs',
      'cold, requests/s',
      'CPU, µs',
      'sign-ins/s',
      'lists/s',
      'revocations/s',
      'pruned/s',
      'start, s',
      'file, MB',
      'bytes/token',
      'memory warm, MB',
      'memory cold, MB',
      'filled in, s',
    ],
    reports.map((report) => [
      group(report.size),
      group(report.users),
      group(report.warm.rate.median),
      report.warm.cpuUs.toFixed(1),
      group(report.cold.rate.median),
      report.cold.cpuUs.toFixed(1),
      report.signInsPerSecond.toFixed(0),
      group(report.listsPerSecond),
      group(report.revocationsPerSecond),
      group(report.prunedPerSecond),
      report.startSeconds.toFixed(2),
      (report.inspected.bytes / 1e6).toFixed(1),
      bytesPerToken(report.inspected).toFixed(0),
      report.warmMb.toFixed(0),
      report.coldMb.toFixed(0),
      report.fillSeconds.toFixed(0),
    ]),
  )
}

/** Without what users and everything else take. */
function bytesPerToken({ parts, tokens }: FileReport): number {
  const own = parts.filter(({ name }) => /latchkey_(tokens|user_agents)/.test(name))
  return own.reduce((sum, { bytes }) => sum + bytes, 0) / tokens
}

function describeFile({ size, inspected }: SizeReport): string {
  const { parts, tokens, columns } = inspected
  const partRows = parts
    .filter(({ bytes }) => bytes / tokens >= 0.1)
    .map(({ name, bytes, full }) => [
      `\`${name}\``,
      (bytes / 1e6).toFixed(1),
      (bytes / tokens).toFixed(1),
      `${Math.round(full * 100)} %`,
    ])
  const columnRows = columns.map(({ name, bytes }) => [`\`${name}\``, bytes.toFixed(1)])
  return [
    `With ${group(size)} tokens, by SQLite's own account (\`dbstat\`):`,
    table(['table or index', 'MB', 'bytes per token', 'of its pages full'], partRows),
    'A row of `latchkey_tokens`, in bytes on average, without one or two for each column’s length:',
    table(['column', 'bytes'], columnRows),
  ].join('\n\n')
}

function describeRemedies(remedies: readonly Remedy[]): string {
  const [today] = remedies
  if (today === undefined) return ''
  const rows = remedies.map(({ name, bytesPerToken: bytes }) => [
    name,
    bytes.toFixed(0),
    (today.bytesPerToken - bytes).toFixed(0),
    bytes <= bytesTarget ? 'yes' : 'no',
  ])
  return [
    'Tried on the same tokens, in the same order..',
    table(['layout', 'bytes per token', 'saves', `≤ ${bytesTarget}`], rows),
  ].join('\n\n')
}

/** The curves, as SVG. */
export function drawScale({ reports }: ScaleRun): string {
  const sizes = reports.map(({ size }) => size)
  const panel = (
    title: string,
    isLogarithmic: boolean,
    curves: Record<string, (report: SizeReport) => number>,
  ): Panel => ({
    title,
    sizes,
    isLogarithmic,
    format: short,
    curves: Object.entries(curves).map(([name, pick]) => ({ name, values: reports.map(pick) })),
  })
  return drawPanels({
    heading: 'What grows with the number of tokens',
    note: 'Along the bottom: tokens in the file.',
    panels: [
      panel('Signed-in requests per second', false, {
        warm: ({ warm }) => warm.rate.median,
        'cold, no cache': ({ cold }) => cold.rate.median,
      }),
      panel('CPU per request, µs', false, {
        warm: ({ warm }) => warm.cpuUs,
        'cold, no cache': ({ cold }) => cold.cpuUs,
      }),
      panel('Lists and revocations per second', false, {
        lists: ({ listsPerSecond }) => listsPerSecond,
        revocations: ({ revocationsPerSecond }) => revocationsPerSecond,
      }),
      panel('Sign-ins per second', false, { 'sign-ins': ({ signInsPerSecond }) => signInsPerSecond }),
      panel('Tokens pruned per second', false, { pruned: ({ prunedPerSecond }) => prunedPerSecond }),
      panel('Start to listening, s', false, { start: ({ startSeconds }) => startSeconds }),
      panel('File, MB', true, { file: ({ inspected }) => inspected.bytes / 1e6 }),
      panel('Resident memory, MB', false, {
        warm: ({ warmMb }) => warmMb,
        'cold, no cache': ({ coldMb }) => coldMb,
      }),
    ],
  })
}
