import type { Figure } from './figures.ts'

/** How long and how often is measured. */
export interface Plan {
  rounds: number
  durationMs: number
  connections: number
}

/** What a benchmark asks. */
export interface Question {
  /** For `--only`. */
  name: string
  ask(plan: Plan): Promise<Answer>
}

/** What came of it. */
export interface Answer {
  title: string
  /** The measures, as Markdown. */
  text: string
  /** What is compared with a target. */
  figures: readonly Figure[]
  /** What the chart shows. */
  bars?: readonly Bar[]
}

/** One bar of a chart. */
export interface Bar {
  name: string
  median: number
  lowest: number
  highest: number
  /** Behind the bar. */
  note: string
  isSubject: boolean
}
