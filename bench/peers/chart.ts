import { drawBars } from '../chart.ts'
import { group } from '../runner.ts'
import { isSubject, type Summary } from './report.ts'

/** A bar for each server, as SVG for light and dark pages. */
export function drawChart(summaries: readonly Summary[]): string {
  return drawBars({
    heading: 'Who is signed in? Requests per second on one core',
    note: 'Median, with the lowest and highest round as a line; in brackets, how many times faster Latchkey is.',
    bars: summaries.map(({ peer, rate, ratio }) => ({
      name: peer.name,
      ...rate,
      note: isSubject(peer)
        ? group(rate.median)
        : `${group(rate.median)} (${ratio.toFixed(ratio < 10 ? 2 : 0)} ×)`,
      isSubject: isSubject(peer),
    })),
  })
}
