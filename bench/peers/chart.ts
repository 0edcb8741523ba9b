import { group, isSubject, type Summary } from './report.ts'

const width = 860
const labelWidth = 230
const valueWidth = 160
const rowHeight = 34
const barHeight = 18
const top = 62

/** A bar for each server, as SVG for light and dark pages. */
export function drawChart(summaries: readonly Summary[]): string {
  const most = Math.max(...summaries.map(({ rate }) => rate.highest))
  const scale = (width - labelWidth - valueWidth) / most
  const height = top + summaries.length * rowHeight + 14
  const bars = summaries.map(({ peer, rate, ratio }, index) => {
    const y = top + index * rowHeight
    const middle = y + barHeight / 2
    const end = labelWidth + rate.median * scale
    const [low, high] = [rate.lowest, rate.highest].map((value) => (labelWidth + value * scale).toFixed(1))
    const subject = isSubject(peer)
    const value = subject
      ? group(rate.median)
      : `${group(rate.median)} (${ratio.toFixed(ratio < 10 ? 2 : 0)} ×)`
    return `  <text class="label" x="${labelWidth - 12}" y="${middle}" text-anchor="end">${peer.name}</text>
  <rect class="${subject ? 'subject' : 'bar'}" x="${labelWidth}" y="${y}" width="${(end - labelWidth).toFixed(1)}" height="${barHeight}" rx="2"/>
  <path class="range" d="M${low} ${middle}H${high}"/>
  <text class="value" x="${(labelWidth + rate.highest * scale + 10).toFixed(1)}" y="${middle}">${value}</text>`
  })
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img" aria-labelledby="title">
  <title id="title">Authenticated requests per second on one core: ${summaries.map(({ peer, rate }) => `${peer.name} ${group(rate.median)}`).join(', ')}</title>
  <style>
    text { font: 14px system-ui, sans-serif; fill: #1f2328; dominant-baseline: central }
    .heading { font-weight: 600; font-size: 16px }
    .note { fill: #59636e; font-size: 12px }
    .page { fill: #fff }
    .bar { fill: #8c959f }
    .subject { fill: #0969da }
    .range { stroke: #1f2328; stroke-width: 1.5 }
    @media (prefers-color-scheme: dark) {
      text { fill: #f0f6fc }
      .note { fill: #9198a1 }
      .page { fill: #0d1117 }
      .bar { fill: #656c76 }
      .subject { fill: #4493f8 }
      .range { stroke: #f0f6fc }
    }
  </style>
  <rect class="page" width="${width}" height="${height}" rx="6"/>
  <text class="heading" x="16" y="22">Who is signed in? Requests per second on one core</text>
  <text class="note" x="16" y="42">Median, with the lowest and highest round as a line; in brackets, how many times faster Latchkey is.</text>
${bars.join('\n')}
</svg>
`
}
