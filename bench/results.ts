import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { describeFigures, type Figure } from './figures.ts'

/** Which command measured. */
export type Command = 'bench' | 'peers' | 'scale' | 'accounts'

/** What is kept of a run, for the README. */
export interface Results {
  /** Date, runtime, processor and commit. */
  machine: string
  figures: readonly Figure[]
}

const folder = new URL('results/', import.meta.url)
const readme = new URL('../README.md', import.meta.url)

const commands: readonly [Command, npm: string, report: string][] = [
  ['bench', 'npm run bench', 'RESULTS.md'],
  ['peers', 'npm run bench:peers', 'RESULTS-PEERS.md'],
  ['scale', 'npm run bench:scale', 'SCALE.md'],
  ['accounts', 'npm run bench:accounts', 'ACCOUNTS.md'],
]

/** Keeps the figures of a command's last run. */
export function saveResults(command: Command, results: Results): void {
  mkdirSync(folder, { recursive: true })
  writeFileSync(new URL(`${command}.json`, folder), `${JSON.stringify(results, null, 2)}\n`)
}

/** Puts the last figures of every command between the README's two marks, so that they never differ. */
export function updateReadme(): void {
  const sections = commands.flatMap(([command, npm, report]) => {
    const file = new URL(`${command}.json`, folder)
    if (!existsSync(file)) return []
    const { machine, figures } = JSON.parse(readFileSync(file, 'utf8')) as Results // we wrote it
    return [
      `\`${npm}\`, ${machine} All of it: [\`bench/${report}\`](bench/${report}).\n\n${describeFigures(figures)}`,
    ]
  })
  const chart = existsSync(new URL('results.svg', import.meta.url))
    ? ['![Requests per second on one core](bench/results.svg)']
    : []
  const text = [...chart, ...sections].join('\n\n')
  const markdown = readFileSync(readme, 'utf8')
  writeFileSync(
    readme,
    markdown.replace(/(<!-- bench -->\n)[\s\S]*?(<!-- \/bench -->)/, (_all, start: string, end: string) => {
      return `${start}${text}\n${end}`
    }),
  )
}
