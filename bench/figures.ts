/** A figure that has a target. */
export interface Figure {
  measure: string
  value: number
  /** The same ratio by processor time: on a machine with other work to do, it says more. */
  byCpu?: number
  target: number
  bound: 'least' | 'most'
  unit?: string
}

/** Whether the target is reached. */
export function isReached({ value, target, bound }: Figure): boolean {
  return bound === 'least' ? value >= target : value <= target
}

/** Figures with their targets, as a Markdown table. */
export function describeFigures(figures: readonly Figure[]): string {
  const rows = figures.map((figure) => {
    const { measure, value, byCpu, target, bound, unit = '' } = figure
    const cells = [
      measure,
      `${bound === 'least' ? '≥' : '≤'} ${format(target)}${unit}`,
      `${format(value)}${unit}`,
      byCpu === undefined ? '' : format(byCpu),
      isReached(figure) ? 'yes' : '**no**',
    ]
    return `| ${cells.join(' | ')} |`
  })
  return ['| | target | measured | by CPU time | reached |', '| --- | --- | --- | --- | --- |', ...rows].join(
    '\n',
  )
}

function format(value: number): string {
  if (value >= 1000) return Math.round(value).toLocaleString('en-US')
  return value >= 10 ? String(Number(value.toFixed(1))) : String(Number(value.toFixed(2)))
}
