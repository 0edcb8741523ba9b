/** Run as a process: `write-log.ts <lines> <batch bytes>` writes log lines faster than they are read. */
import { createLogOutput } from '../../src/log-output.ts'

const [lines = '0', batchBytes = '0'] = process.argv.slice(2)
const output = createLogOutput(1, (sentence) => process.stderr.write(sentence), Date.now, Number(batchBytes))
for (let line = 0; line < Number(lines); line++) {
  output.write(`${JSON.stringify({ pid: process.pid, line, padding: 'x'.repeat(200) })}\n`)
}
await output.flush(600_000)
