import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import type { Test } from 'tap'
import { freePort } from './ports.ts'
import { asAnother, type Postgres, whyWithoutPostgres } from './postgres.ts'

const program = '/usr/sbin/pgbouncer'

/** Why a test that needs it is skipped; never where everything must be tested. */
export function whyWithoutPgBouncer(): string | false {
  if (existsSync(program) || process.env.CI !== undefined) return whyWithoutPostgres()
  return `there is no ${program}; install it: apt-get install pgbouncer`
}

/** Starts a pooler in front of a server, with session pooling; `t` ends it. Returns the address of a database through it. */
export async function startPgBouncer(t: Test, postgres: Postgres): Promise<(database: string) => string> {
  const folder = mkdtempSync(join(tmpdir(), 'latchkey-pgbouncer-'))
  t.teardown(() => rmSync(folder, { recursive: true, force: true }))
  const port = await freePort()
  const [users, settings] = [join(folder, 'users.txt'), join(folder, 'pgbouncer.ini')]
  writeFileSync(users, `"${postgres.user}" "${postgres.password}"\n`)
  writeFileSync(
    settings,
    `[databases]
* = host=${postgres.host} port=${postgres.port}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = ${port}
unix_socket_dir =
auth_type = scram-sha-256
auth_file = ${users}
pool_mode = session
`,
  )
  const [command = '', ...args] = [...asAnother(folder, users, settings), program, settings]
  const pooler = spawn(command, args, { stdio: ['ignore', 'ignore', 'pipe'] })
  const ended = once(pooler, 'exit')
  t.teardown(async () => {
    pooler.kill('SIGQUIT')
    await ended
  })
  for await (const line of createInterface({ input: pooler.stderr })) if (/process up/.test(line)) break
  pooler.stderr.resume()
  return (database) => postgres.urlOf(database).replace(`:${postgres.port}/`, `:${port}/`)
}
