import { writeFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { saveResults, updateReadme } from '../results.ts'
import { describeMachine } from '../runner.ts'
import { drawChart } from './chart.ts'
import { installDebianPackages, installPackages, missingFromDebian } from './install.ts'
import { measureAll } from './measure.ts'
import { type Peer, peers } from './peers.ts'
import { describe, figuresOf, isSubject, summarize } from './report.ts'

const { values: options } = parseArgs({
  options: {
    rounds: { type: 'string', default: '5' },
    seconds: { type: 'string', default: '3' },
    connections: { type: 'string', default: '32' },
    only: { type: 'string' },
    install: { type: 'boolean', default: false },
    write: { type: 'boolean', default: false },
  },
})
const rounds = Number(options.rounds)
const seconds = Number(options.seconds)
const connections = Number(options.connections)
const only = options.only?.toLowerCase().split(',')

if (options.install) installDebianPackages()
installPackages()
const missing = missingFromDebian()
if (missing !== null) process.stderr.write(`${missing}\n`)

const chosen = peers.filter((peer) => isChosen(peer) && (peer.accounts !== 'drf' || missing === null))
const run = await measureAll(chosen, { rounds, seconds, connections })
const summaries = summarize(chosen, run)
const report = describe(summaries, run, missing)
process.stdout.write(`${report}\n`)
if (options.write) {
  writeFileSync(new URL('../RESULTS-PEERS.md', import.meta.url), `${report}\n`)
  writeFileSync(new URL('../peers.svg', import.meta.url), drawChart(summaries))
  saveResults('peers', { machine: describeMachine(), figures: figuresOf(summaries) })
  updateReadme()
}

/** Latchkey is measured in any case: the others are compared with it. */
function isChosen(peer: Peer): boolean {
  return only === undefined || isSubject(peer) || only.some((part) => peer.name.toLowerCase().includes(part))
}
