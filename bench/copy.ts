/**
 * How long does moving to PostgreSQL take, and back, and is every row there? Fills a file of SQLite, copies it into a
 * PostgreSQL that it starts, and that into a new file; each way the command is killed twice, and then run to its end. The
 * checksums of all tables must be the same at both ends. `node bench/copy.ts [tokens]`
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { startPostgres } from '../test/support/postgres.ts'
import { fillNew } from './fill.ts'
import { describeMachine } from './runner.ts'

const command = fileURLToPath(new URL('../bin/latchkey.js', import.meta.url))

const tokens = Number(process.argv[2] ?? 1_000_000)
/** Seconds; the second run goes on where the first one was. */
const killedAfter = [20, 40]
const folder = mkdtempSync(join(tmpdir(), 'latchkey-copy-'))
const teardown: (() => unknown)[] = [() => rmSync(folder, { recursive: true })]
try {
  console.log(`${describeMachine()}; ${tokens} tokens of ${tokens / 10} users`)
  const { file } = await fillNew(join(folder, 'from.db'), { users: tokens / 10, tokens, revoked: 0.1 })
  const postgres = await startPostgres({ teardown: (work) => teardown.unshift(work as () => unknown) })
  await postgres.createDatabase('latchkey')
  const onServer = postgres.urlOf('latchkey')
  const there = await move('SQLite to PostgreSQL', `sqlite:${file}`, onServer)
  const back = await move('PostgreSQL to SQLite', onServer, `sqlite:${join(folder, 'to.db')}`)
  if (JSON.stringify(there) !== JSON.stringify(back)) throw new Error('what came back is not what went')
  console.log('all tables have the same checksums at both ends')
} finally {
  for (const work of teardown) await work()
}

interface Table {
  table: string
  rows: number
  sha256: string
  changed: number
}

/** Copies with two kills; returns the sums of the tables. */
async function move(what: string, from: string, to: string): Promise<Omit<Table, 'changed'>[]> {
  const args = ['db', 'copy', '--to', to, '--json']
  for (const seconds of killedAfter) await run(from, [...args, '--ahead'], seconds)
  const began = performance.now()
  const tables = await run(from, [...args, '--ahead'])
  const resumed = tables.find(({ table }) => table === 'latchkey_tokens')
  console.log(
    `${what}: killed after ${killedAfter.join(' s and ')} s, then ${secondsSince(began)} s for the rest (${resumed?.changed} of ${resumed?.rows} tokens)`,
  )
  const again = performance.now()
  const last = await run(from, args)
  console.log(`${what}: ${secondsSince(again)} s where nothing has changed, all of it compared twice`)
  return last.map(({ table, rows, sha256 }) => ({ table, rows, sha256 }))
}

function secondsSince(began: number): string {
  return ((performance.now() - began) / 1_000).toFixed(1)
}

async function run(from: string, args: string[], killAfter?: number): Promise<Table[]> {
  const child = spawn(process.execPath, [command, ...args], {
    cwd: folder,
    env: { ...process.env, DATABASE_URL: from },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const chunks: Buffer[] = []
  child.stdout.on('data', (chunk) => chunks.push(chunk))
  const ended = once(child, 'close')
  if (killAfter !== undefined) {
    await sleep(killAfter * 1_000)
    child.kill('SIGKILL')
  }
  const [status] = await ended
  if (killAfter !== undefined) return []
  if (status !== 0) throw new Error(`the copy ended with ${status}`)
  return JSON.parse(Buffer.concat(chunks).toString()).tables
}
