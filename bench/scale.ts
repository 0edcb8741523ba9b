/**
 * How does Latchkey bear growth? Fills files of one thousand to ten million tokens, and measures each.
 * `node bench/scale.ts [--max 1000000] [--rounds 3] [--seconds 2] [--write]`
 */
import { copyFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { fill } from './fill.ts'
import { saveResults, updateReadme } from './results.ts'
import { describeMachine, tick, withFolder } from './runner.ts'
import { inspectFile } from './scale-file.ts'
import { measureLookUps, measureUses, type SizedFile } from './scale-measures.ts'
import { tryRemedies } from './scale-remedies.ts'
import { describeScale, drawScale, figuresOf, type ScaleRun, type SizeReport } from './scale-report.ts'

const { values: options } = parseArgs({
  options: {
    max: { type: 'string', default: '10000000' },
    rounds: { type: 'string', default: '3' },
    seconds: { type: 'string', default: '2' },
    connections: { type: 'string', default: '32' },
    write: { type: 'boolean', default: false },
  },
})
const plan = {
  rounds: Number(options.rounds),
  durationMs: Number(options.seconds) * 1000,
  connections: Number(options.connections),
}
const sizes = [1_000, 10_000, 100_000, 1_000_000, 10_000_000].filter((size) => size <= Number(options.max))
const mostUsers = 100_000
const tokensPerUser = 10
/** Tokens that the looks-up know in full. */
const mostKnown = 100_000
/** Other ways to store tokens are tried with as many at the most. */
const remedyLimit = 500_000

const started = performance.now()
const run = await withFolder(measureAll)
const report = describeScale(run)
process.stdout.write(`${report}\n`)
if (options.write) {
  writeFileSync(new URL('SCALE.md', import.meta.url), `# Latchkey and its size\n\n${report}\n`)
  writeFileSync(new URL('scale.svg', import.meta.url), drawScale(run))
  saveResults('scale', { machine: run.machine, figures: figuresOf(run) })
  updateReadme()
}

async function measureAll(folder: string): Promise<ScaleRun> {
  const machine = describeMachine()
  const files = await fillAll(folder)
  tick(' layouts ')
  const largest = files.findLast(({ size }) => size <= 1_000_000)
  const remedies = largest === undefined ? [] : tryRemedies(largest.file, folder, remedyLimit)
  tick(' look-ups ')
  const lookUps = await measureLookUps(files, plan)
  tick(' uses ')
  const reports: SizeReport[] = []
  for (const [index, file] of files.entries()) {
    const uses = await measureUses(file, plan)
    const lookUp = lookUps[index] as (typeof lookUps)[number] // one for each file
    reports.push({ ...file, ...lookUp, ...uses })
    rmSync(file.file)
  }
  tick('\n')
  return { machine, plan, reports, remedies, minutes: (performance.now() - started) / 60_000 }
}

/** One file grows; a copy of it is kept of each size. */
async function fillAll(folder: string): Promise<SizedFile[]> {
  const growing = join(folder, 'growing.db')
  const files: SizedFile[] = []
  let known: string[] = []
  let before = 0
  for (const size of sizes) {
    const start = performance.now()
    const users = Math.min(size / tokensPerUser, mostUsers)
    // Where users have more tokens than the limit allows to be live, most have ended.
    const revoked = size / users > tokensPerUser ? 0.6 : 0.1
    const share = Math.min(mostKnown, Math.floor((size - before) * 0.5))
    const fresh = await fill(growing, { users, tokens: size - before, revoked, known: share })
    known = [...fresh, ...known].slice(0, mostKnown)
    const fillSeconds = (performance.now() - start) / 1000
    const inspected = inspectFile(growing)
    const file = join(folder, `${size}.db`)
    copyFileSync(growing, file)
    const tokens = `${file}.tokens`
    writeFileSync(tokens, known.join('\n'))
    files.push({ size, users, file, tokens, knownCount: known.length, fillSeconds, inspected })
    before = size
    tick()
  }
  rmSync(growing)
  return files
}
