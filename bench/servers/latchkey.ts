import { monitorEventLoopDelay, performance } from 'node:perf_hooks'
import { setTimeout as sleep } from 'node:timers/promises'
import type { PruneOptions } from '../../src/auth/prune.ts'
import { loadConfig } from '../../src/config.ts'
import { startService } from '../../src/service.ts'
import { announce } from './announce.ts'

/** What the event loop did since it was asked last. */
export interface LoopReport {
  /** The longest time that it did not turn, in milliseconds, to within one. */
  heldMs: number
  /** All the time that it did not wait. */
  activeMs: number
}

/** Memory of the process, in bytes. */
export interface MemoryReport {
  rss: number
  heapUsed: number
}

/** How far a prune is. */
export interface PruneReport {
  deleted: number
  seconds: number
  done: boolean
}

/** Latchkey as `latchkey serve` runs it, with settings from the environment; answers the runner besides. */
const { app } = await startService(loadConfig({ ...process.env, HOST: '127.0.0.1', PORT: '0' }))
const delay = monitorEventLoopDelay({ resolution: 1 })
let utilization = performance.eventLoopUtilization()
let pruning: PruneReport = { deleted: 0, seconds: 0, done: true }
let stopping = new AbortController()
let ending: Promise<void> = Promise.resolve()

await announce(app, {
  loop: readLoop,
  memory: () => {
    const { rss, heapUsed } = process.memoryUsage()
    return { rss, heapUsed } satisfies MemoryReport
  },
  // As the service does it once an hour, and as the command does.
  prune: () => startPrune({ background: true }),
  pruneAtOnce: () => startPrune({}),
  pruned: () => pruning,
  stopPrune,
})

/** The delay is watched only from here on: its timer would cost every other question a little. */
async function readLoop(): Promise<LoopReport> {
  await sleep(5) // the timer has to come due for the last hold to be seen
  const { active } = performance.eventLoopUtilization(utilization)
  const heldMs = Math.max(0, delay.max / 1e6 - 1)
  delay.enable()
  delay.reset()
  utilization = performance.eventLoopUtilization()
  return { heldMs, activeMs: active }
}

function startPrune(options: PruneOptions): PruneReport {
  const start = performance.now()
  const report = (deleted: number, done: boolean): void => {
    pruning = { deleted, seconds: (performance.now() - start) / 1000, done }
  }
  report(0, false)
  stopping = new AbortController()
  const { signal } = stopping
  const onProgress = (deleted: number): void => report(deleted, false)
  const ended = app.latchkey.auth.prune({ ...options, onProgress, signal }).then(
    ({ tokens }) => report(tokens, true),
    (error) => {
      if (!signal.aborted) throw error
      report(pruning.deleted, false)
    },
  )
  ending = ended
  return pruning
}

/** Ends it between two batches, and says how far it came. */
async function stopPrune(): Promise<PruneReport> {
  stopping.abort()
  await ending
  return pruning
}
