/**
 * Run as a process: `serve.ts <settings as JSON>` serves on a free port, logs, and says where in a line of its own. A line
 * on its standard input is a question of how the process is; the end of the input stops it.
 */
import { existsSync, readdirSync } from 'node:fs'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { createInterface } from 'node:readline'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { buildApp } from '../../src/app.ts'
import { loadConfig, variableOf } from '../../src/config.ts'
import type { Condition } from './servers.ts'

const given = Object.entries(JSON.parse(process.argv[2] ?? '{}'))
const settings = loadConfig(
  Object.fromEntries(given.map(([name, value]) => [variableOf(name), String(value)])),
)
const app = await buildApp(settings, { logger: { level: settings.logLevel, stream: process.stdout } })
const delay = monitorEventLoopDelay({ resolution: 5 })
process.stdout.write(`${await app.listen({ host: '127.0.0.1', port: 0 })}\n`)
delay.enable()
createInterface({ input: process.stdin })
  .on('line', async () => process.stdout.write(`${JSON.stringify({ condition: await observe() })}\n`))
  .on('close', () => app.close())

async function observe(): Promise<Condition> {
  const longestTurnMs = delay.max / 1e6
  setFlagsFromString('--expose-gc')
  const collectGarbage = runInNewContext('gc')
  for (let count = 0; count < 3; count++) {
    collectGarbage()
    await new Promise(setImmediate)
  }
  await new Promise((resolve) => setTimeout(resolve, 20)) // collecting garbage is no matter of the server's
  delay.reset()
  return {
    longestTurnMs,
    rss: process.memoryUsage.rss(),
    heapUsed: process.memoryUsage().heapUsed,
    handles: process.getActiveResourcesInfo().length,
    descriptors: existsSync('/proc/self/fd') ? readdirSync('/proc/self/fd').length : 0,
  }
}
