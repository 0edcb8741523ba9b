/**
 * How does Latchkey bear many accounts? Lists, records, the audit's price and a migration.
 * `node bench/accounts.ts [--only pages] [--rounds 3] [--seconds 5] [--write]`
 */
import { writeFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { describeFigures } from './figures.ts'
import type { Answer, Plan, Question } from './question.ts'
import { auditedSignIn } from './questions/audited-sign-in.ts'
import { migration } from './questions/migration.ts'
import { pages } from './questions/pages.ts'
import { saveResults, updateReadme } from './results.ts'
import { describeMachine, tick } from './runner.ts'

const questions: readonly Question[] = [pages, auditedSignIn, migration]

const { values: options } = parseArgs({
  options: {
    rounds: { type: 'string', default: '5' },
    seconds: { type: 'string', default: '5' },
    only: { type: 'string' },
    write: { type: 'boolean', default: false },
  },
})
const plan: Plan = {
  rounds: Number(options.rounds),
  durationMs: Number(options.seconds) * 1000,
  connections: 1,
}
const only = options.only?.split(',')
if (only !== undefined && options.write) throw new Error('Results are written only of all questions at once.')

const answers: Answer[] = []
for (const question of questions) {
  if (only !== undefined && !only.includes(question.name)) continue
  tick(`${question.name} `)
  answers.push(await question.ask(plan))
  tick('\n')
}
const machine = describeMachine()
const figures = answers.flatMap((answer) => answer.figures)
const report = [
  `${machine}\n\`npm run bench:accounts -- --write\` measures anew and writes this file; ${plan.rounds} rounds.`,
  describeFigures(figures),
  ...answers.map(({ title, text }) => `## ${title}\n\n${text}`),
].join('\n\n')
process.stdout.write(`${report}\n`)
if (options.write) {
  writeFileSync(new URL('ACCOUNTS.md', import.meta.url), `# Latchkey with many accounts\n\n${report}\n`)
  saveResults('accounts', { machine, figures })
  updateReadme()
}
