/** Run as a process: `serve.ts <settings as JSON>` serves on a free port, logs, and says where in a line of its own. */
import { buildApp } from '../../src/app.ts'
import { loadConfig, variableOf } from '../../src/config.ts'

const given = Object.entries(JSON.parse(process.argv[2] ?? '{}'))
const settings = loadConfig(
  Object.fromEntries(given.map(([name, value]) => [variableOf(name), String(value)])),
)
const app = await buildApp(settings, { logger: { level: settings.logLevel, stream: process.stdout } })
process.stdout.write(`${await app.listen({ host: '127.0.0.1', port: 0 })}\n`)
process.stdin.on('end', () => app.close()).resume()
