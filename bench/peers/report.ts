import type { Figure } from '../figures.ts'
import { describeMachine, group, medianOf } from '../runner.ts'
import { warmUpMs } from '../terms.ts'
import { type Run, tokenCount } from './measure.ts'
import { type Peer, peers } from './peers.ts'

/** What the rounds of one server come to: medians, and the ends of the range. */
export interface Summary {
  peer: Peer
  rate: { median: number; lowest: number; highest: number }
  p50Ms: number
  p99Ms: number
  cpuUs: number | null
  /** How many times faster the first server is, by rate and by processor time. */
  ratio: number
  cpuRatio: number | null
}

/** Adds the rounds up; the fastest comes first. */
export function summarize(peers: readonly Peer[], { measures }: Run): Summary[] {
  const summaries = peers.map((peer) => {
    const rounds = measures.get(peer) ?? []
    const rates = rounds.map(({ requestsPerSecond }) => requestsPerSecond)
    const costs = rounds.flatMap(({ cpuUs }) => cpuUs ?? [])
    return {
      peer,
      rate: { median: medianOf(rates), lowest: Math.min(...rates), highest: Math.max(...rates) },
      p50Ms: medianOf(rounds.map(({ p50Ms }) => p50Ms)),
      p99Ms: medianOf(rounds.map(({ p99Ms }) => p99Ms)),
      cpuUs: costs.length === 0 ? null : medianOf(costs),
    }
  })
  const [first] = summaries
  if (first === undefined) return []
  return summaries
    .map((summary) => ({
      ...summary,
      ratio: first.rate.median / summary.rate.median,
      cpuRatio: first.cpuUs === null || summary.cpuUs === null ? null : summary.cpuUs / first.cpuUs,
    }))
    .sort((one, other) => other.rate.median - one.rate.median)
}

/** The report, as Markdown. `missing` says what was left out. */
export function describe(summaries: readonly Summary[], run: Run, missing: string | null): string {
  const rounds = [...run.measures.values()].flat()
  const loadBusy = Math.round(Math.max(...rounds.map(({ busy }) => busy)) * 100)
  const elsewhere = medianOf(rounds.flatMap(({ elsewhere }) => elsewhere ?? []))
  return `# Latchkey and its peers

![Requests per second of each server](peers.svg)

${describeMachine()}
\`npm run bench:peers -- --write\` measures anew and writes this file. Ratios are of Latchkey to each.

| | requests/s, median | lowest | highest | p50, ms | p99, ms | CPU/request, µs | ratio of rates | ratio of CPU | aim |
| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |
${summaries.map(rowOf).join('\n')}
${missing === null ? '' : `\n${missing}\n`}
## What is measured

One request: who is signed in? GraphQL servers answer \`{ viewer { id username } }\` by POST, the others their own
request for it. ${tokenCount.toLocaleString('en-US')} opaque tokens of as many users are sent in turn over ${run.connections} keep-alive connections, one
request under way on each. ${run.pinned ? 'The server has one core, the load generator another.' : 'Server and load generator are not pinned to cores.'}
All servers run at once and are idle but one; after a warm-up of ${warmUpMs / 1000} s each there are ${run.rounds} rounds of ${run.seconds} s, in
turn, each round in another order. Before that, each server is checked: it knows each of the tokens' users, and refuses a
request without a token and one with a token that it never issued.

Everyone runs as in production (\`NODE_ENV=production\`, \`DEBUG = False\`), without a rate limit, from SQLite in WAL
mode in a file of its own, and logs warnings and errors alone: nobody writes a line per request. \`npm run bench\` compares
on the same terms, and says what Latchkey's own line and limit cost on top. “One prepared statement”
is authentication as it would be written by hand: SHA-256 of the token, looked up with its user in the same tables as
Latchkey's. better-auth and Django REST Framework look their own tokens up in their own tables, where they are kept as
they are and not as digests. CPU time is that of the server's processes, all threads together, per answered request. The
load took ${loadBusy} % of its core at the most: at 100 % it would have been the limit.
${describeOthers(elsewhere)}
| | what answers | versions |
| --- | --- | --- |
${summaries.map(({ peer }) => `| ${[peer.name, peer.job, peer.versions()].join(' | ')} |`).join('\n')}`
}

function rowOf({ peer, rate, p50Ms, p99Ms, cpuUs, ratio, cpuRatio }: Summary): string {
  const ratios = [ratio.toFixed(2), cpuRatio?.toFixed(2) ?? '', peer.aim === undefined ? '' : `≥ ${peer.aim}`]
  const cells = [
    peer.name,
    group(rate.median),
    group(rate.lowest),
    group(rate.highest),
    p50Ms.toFixed(2),
    p99Ms.toFixed(2),
    cpuUs === null ? '' : group(cpuUs),
    ...(isSubject(peer) ? ['', '', ''] : ratios),
  ]
  return `| ${cells.join(' | ')} |`
}

/** Whether a server is the one that the others are compared with. */
export function isSubject(peer: Peer): boolean {
  return peer === peers[0]
}

/** A busy machine makes rates and latencies worse for everybody; that has to be said. */
function describeOthers(elsewhere: number): string {
  if (!(elsewhere > 0.1)) return ''
  return `
**Other programs ran at the same time**: in the median round they took ${Math.round(elsewhere * 100)} % of a core. CPU time per request is
the figure to compare then.
`
}

/** The ratios that have an aim. */
export function figuresOf(summaries: readonly Summary[]): Figure[] {
  return summaries.flatMap(({ peer, ratio, cpuRatio }) =>
    peer.aim === undefined
      ? []
      : [
          {
            measure: `requests/s ÷ ${peer.name}, the same job`,
            value: ratio,
            ...(cpuRatio === null ? {} : { byCpu: cpuRatio }),
            target: peer.aim,
            bound: 'least',
          },
        ],
  )
}
