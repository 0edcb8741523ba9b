import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import type { Test } from 'tap'
import { freePort } from './ports.ts'

const program = '/usr/bin/redis-server'

/** Why a test that needs it is skipped; never where everything must be tested. */
export function whyWithoutRedis(): string | false {
  if (existsSync(program) || process.env.CI !== undefined) return false
  return `there is no ${program}; install it: apt-get install redis-server`
}

/** A Redis of its own, on loopback, that keeps nothing. */
export interface TestRedis {
  url: string
  kill(): Promise<void>
  start(): Promise<void>
}

/** Starts a server; `t` ends it. */
export async function startRedis(t: Test): Promise<TestRedis> {
  const folder = mkdtempSync(join(tmpdir(), 'latchkey-redis-'))
  t.teardown(() => rmSync(folder, { recursive: true, force: true }))
  const port = String(await freePort())
  let server: ChildProcess
  let ended: Promise<unknown>

  async function start(): Promise<void> {
    const options = ['--port', port, '--bind', '127.0.0.1', '--save', '', '--dir', folder]
    const started = spawn(program, options, { stdio: ['ignore', 'pipe', 'ignore'] })
    server = started
    ended = once(started, 'exit')
    for await (const line of createInterface({ input: started.stdout }))
      if (line.includes('Ready to accept connections')) break
    started.stdout.resume()
  }

  async function kill(): Promise<void> {
    server.kill('SIGKILL')
    await ended
  }

  await start()
  t.teardown(kill)
  return { url: `redis://127.0.0.1:${port}`, start, kill }
}
