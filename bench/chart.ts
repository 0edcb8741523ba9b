import type { Bar } from './question.ts'

const width = 860

/** Colours for light and dark pages. */
const style = `<style>
    text { font: 14px system-ui, sans-serif; fill: #1f2328; dominant-baseline: central }
    .heading { font-weight: 600; font-size: 16px }
    .note { fill: #59636e; font-size: 12px }
    .page { fill: #fff }
    .bar { fill: #8c959f }
    .subject { fill: #0969da }
    .range { stroke: #1f2328; stroke-width: 1.5 }
    .grid { stroke: #d1d9e0; stroke-width: 1 }
    .curve { fill: none; stroke-width: 2 }
    .c0 { stroke: #0969da } .c1 { stroke: #bf3989 } .c2 { stroke: #1a7f37 } .c3 { stroke: #9a6700 }
    .d0 { fill: #0969da } .d1 { fill: #bf3989 } .d2 { fill: #1a7f37 } .d3 { fill: #9a6700 }
    @media (prefers-color-scheme: dark) {
      text { fill: #f0f6fc }
      .note { fill: #9198a1 }
      .page { fill: #0d1117 }
      .bar { fill: #656c76 }
      .subject { fill: #4493f8 }
      .range { stroke: #f0f6fc }
      .grid { stroke: #3d444d }
      .c0 { stroke: #4493f8 } .c1 { stroke: #db61a2 } .c2 { stroke: #3fb950 } .c3 { stroke: #d29922 }
      .d0 { fill: #4493f8 } .d1 { fill: #db61a2 } .d2 { fill: #3fb950 } .d3 { fill: #d29922 }
    }
  </style>`

const labelWidth = 300
const valueWidth = 160
const rowHeight = 34
const barHeight = 18
const top = 62

/** A bar for each measure, as SVG. */
export function drawBars(chart: { heading: string; note: string; bars: readonly Bar[] }): string {
  const { heading, note, bars } = chart
  const scale = (width - labelWidth - valueWidth) / Math.max(...bars.map(({ highest }) => highest))
  const drawn = bars.map((bar, index) => {
    const y = top + index * rowHeight
    const middle = y + barHeight / 2
    const [low, high] = [bar.lowest, bar.highest].map((value) => (labelWidth + value * scale).toFixed(1))
    return `  <text class="label" x="${labelWidth - 12}" y="${middle}" text-anchor="end">${escapeXml(bar.name)}</text>
  <rect class="${bar.isSubject ? 'subject' : 'bar'}" x="${labelWidth}" y="${y}" width="${(bar.median * scale).toFixed(1)}" height="${barHeight}" rx="2"/>
  <path class="range" d="M${low} ${middle}H${high}"/>
  <text class="value" x="${(Number(high) + 10).toFixed(1)}" y="${middle}">${escapeXml(bar.note)}</text>`
  })
  const title = `${heading} ${bars.map((bar) => `${bar.name}: ${bar.note}`).join(', ')}`
  return page({ height: top + bars.length * rowHeight + 14, title, heading, note, drawn })
}

/** Lines over sizes, each in a panel of its own, with sizes and values at a logarithmic scale or from zero. */
export interface Panel {
  title: string
  /** The same for all panels of a chart. */
  sizes: readonly number[]
  curves: readonly { name: string; values: readonly number[] }[]
  isLogarithmic: boolean
  format: (value: number) => string
}

const panelsPerRow = 2
const panelWidth = width / panelsPerRow
const panelHeight = 230
const plot = { left: 64, right: 24, top: 50, bottom: 34 }

/** Panels of curves, as SVG. */
export function drawPanels(chart: { heading: string; note: string; panels: readonly Panel[] }): string {
  const { heading, note, panels } = chart
  const drawn = panels.map((panel, index) => {
    const x = (index % panelsPerRow) * panelWidth
    const y = top + Math.floor(index / panelsPerRow) * panelHeight
    return `  <g transform="translate(${x} ${y})">\n${drawPanel(panel)}\n  </g>`
  })
  const height = top + Math.ceil(panels.length / panelsPerRow) * panelHeight + 10
  return page({ height, title: heading, heading, note, drawn })
}

function drawPanel({ title, sizes, curves, isLogarithmic, format }: Panel): string {
  const values = curves.flatMap((curve) => curve.values)
  const scale = isLogarithmic ? Math.log10 : (value: number) => value
  const lowest = isLogarithmic ? Math.floor(scale(Math.min(...values))) : 0
  const highest = isLogarithmic ? Math.ceil(scale(Math.max(...values)) + 1e-9) : Math.max(...values) * 1.1
  const spanX = panelWidth - plot.left - plot.right
  const spanY = panelHeight - plot.top - plot.bottom
  const xOf = (index: number): string =>
    (plot.left + (spanX * index) / Math.max(1, sizes.length - 1)).toFixed(1)
  const yOf = (scaled: number): string =>
    (plot.top + spanY * (1 - (scaled - lowest) / (highest - lowest || 1))).toFixed(1)
  const steps = isLogarithmic ? highest - lowest : 4
  const grid = Array.from({ length: steps + 1 }, (_, step) => {
    const scaled = lowest + ((highest - lowest) * step) / steps
    const label = format(isLogarithmic ? 10 ** scaled : scaled)
    return `    <path class="grid" d="M${plot.left} ${yOf(scaled)}H${plot.left + spanX}"/><text class="note" x="${plot.left - 6}" y="${yOf(scaled)}" text-anchor="end">${label}</text>`
  })
  const labels = sizes.map(
    (size, index) =>
      `    <text class="note" x="${xOf(index)}" y="${plot.top + spanY + 16}" text-anchor="middle">${short(size)}</text>`,
  )
  const lines = curves.map((curve, number) => {
    const points = curve.values.map((value, index) => [xOf(index), yOf(scale(value))] as const)
    const dots = points.map(([x, y]) => `<circle class="d${number}" cx="${x}" cy="${y}" r="3"/>`)
    const key = `<text x="${plot.left + number * 170 + 12}" y="34">${escapeXml(curve.name)}</text><circle class="d${number}" cx="${plot.left + number * 170 + 4}" cy="34" r="4"/>`
    return `    <path class="curve c${number}" d="M${points.map(([x, y]) => `${x} ${y}`).join('L')}"/>${dots.join('')}${curves.length > 1 ? key : ''}`
  })
  return [`    <text x="${plot.left}" y="14">${escapeXml(title)}</text>`, ...grid, ...labels, ...lines].join(
    '\n',
  )
}

/** Thousands and millions. */
export function short(value: number): string {
  if (value >= 1_000_000) return `${Number((value / 1_000_000).toFixed(1))}M`
  return value >= 1_000 ? `${Number((value / 1_000).toFixed(1))}k` : String(Number(value.toPrecision(2)))
}

function page(parts: {
  height: number
  title: string
  heading: string
  note: string
  drawn: readonly string[]
}): string {
  const { height, title, heading, note, drawn } = parts
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img" aria-labelledby="title">
  <title id="title">${escapeXml(title)}</title>
  ${style}
  <rect class="page" width="${width}" height="${height}" rx="6"/>
  <text class="heading" x="16" y="22">${escapeXml(heading)}</text>
  <text class="note" x="16" y="42">${escapeXml(note)}</text>
${drawn.join('\n')}
</svg>
`
}

function escapeXml(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')
}
