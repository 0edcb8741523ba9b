import cluster, { type Worker } from 'node:cluster'
import type { Lease, LeaseRequest } from '../http/leased-counter.ts'
import type { Snapshot } from '../metrics/registry.ts'
import type { Log } from './log.ts'
import { ignore, type ToPrimary, type ToWorker, workerVariable } from './messages.ts'
import { createQuestions, type QuestionKind } from './questions.ts'

/** A worker that lived so long was sound; what ends sooner is started again after a wait that doubles. */
const soundMs = 10_000
const firstWaitMs = 100
const longestWaitMs = 30_000

/** What workers are given beyond the time they stop in, until they are killed. */
const overtimeMs = 1_000

/** A worker's process. */
interface Member {
  number: number
  worker: Worker
  startedAt: number
  isReady: boolean
  /** Whether it is replaced when it ends. */
  isKept: boolean
  /** What it has to announce, once it listens; rejects with what keeps it from that. */
  ready: Promise<string[]>
  /** Its exit status or the signal that ended it. */
  ended: Promise<number | string>
}

/** How workers are asked to stop: after `delayMs`, connections are idle for `graceMs` at the most, and all is over within `limitMs`. */
export interface Stopping {
  cause: string
  delayMs: number | null
  graceMs: number
  limitMs: number
}

/** The workers, numbered from 1 on. */
export interface Pool {
  /** Starts all, the first one before the others: what keeps it from starting is said once. Resolves as they listen. */
  start(): Promise<string[]>
  /** Replaces one after the other; rejects, and leaves the others as they are, where a new one cannot start. */
  replaceAll(stopping: Stopping): Promise<void>
  /** Stops all for good; false where one that listened did not end as it should. */
  stop(stopping: Stopping): Promise<boolean>
  /** Asks all that listen, and hands over each answer as it comes; of one that gives none in time it is null. */
  ask(question: QuestionKind, take: (answer: unknown, process: number) => void): Promise<void>
  /** Ends all at once. */
  kill(): void
}

export function createPool(deps: {
  size: number
  /** Variables that all workers find in their environment. */
  env: Record<string, string>
  lease(request: LeaseRequest): Lease
  /** Hears of each worker that ends, by its process, with what it has counted. */
  onEnd?: ((process: number, last: Snapshot | null) => void) | undefined
  log: Log
}): Pool {
  const { size, env, lease, onEnd, log } = deps
  const questions = createQuestions()
  const members = new Set<Member>()
  const failures = new Map<number, number>()
  const retries = new Map<number, NodeJS.Timeout>()
  let isStopping = false

  function fork(number: number): Member {
    const worker = cluster.fork({ ...env, [workerVariable]: String(number) })
    const ready = Promise.withResolvers<string[]>()
    const ended = Promise.withResolvers<number | string>()
    const member: Member = {
      number,
      worker,
      startedAt: performance.now(),
      isReady: false,
      isKept: false,
      ready: ready.promise,
      ended: ended.promise,
    }
    let last: Snapshot | null = null
    members.add(member)
    ready.promise.catch(() => {}) // not everybody who waits for its end waits for this
    worker.on('error', ignore)
    worker.on('message', (message: ToPrimary) => {
      if (message.kind === 'ready') {
        member.isReady = true
        ready.resolve(message.announcement)
      } else if (message.kind === 'failed') ready.reject(new Error(message.sentence))
      else if (message.kind === 'answer') questions.receive(message.id, message.answer)
      else if (message.kind === 'counted') last = message.snapshot
      else tell(member, { ...message, lease: lease(message.request) })
    })
    worker.process.once('close', (code: number | null, signal: string | null) => {
      members.delete(member)
      onEnd?.(worker.process.pid as number, last) // it was started: it has one
      const how = code ?? String(signal)
      ready.reject(new Error(`A worker ended with ${how} before it listened.`))
      ended.resolve(how)
      if (member.isKept && !isStopping) retry(member, how)
    })
    return member
  }

  /** Starts another worker in place of one that ended. */
  function retry({ number, worker, startedAt }: Member, how: number | string): void {
    const livedMs = Math.round(performance.now() - startedAt)
    const failed = livedMs < soundMs ? (failures.get(number) ?? 0) + 1 : 0
    failures.set(number, failed)
    const nextTryMs = waitAfter(failed)
    log.warn(
      { worker: number, workerPid: worker.process.pid, ended: how, livedMs, nextTryMs },
      'a worker ended',
    )
    retries.set(number, setTimeout(revive, nextTryMs, number))
  }

  function revive(number: number): void {
    const member = fork(number)
    member.isKept = true
    member.ready.then(
      () => log.info({ worker: number, workerPid: member.worker.process.pid }, 'a worker was replaced'),
      (error) => log.error({ worker: number, reason: error.message }, 'a worker cannot start'),
    )
  }

  async function startKept(number: number): Promise<Member> {
    const member = fork(number)
    await member.ready
    member.isKept = true
    return member
  }

  /** Starts a worker, and only when it listens stops whoever had its number before. */
  async function replace(number: number, stopping: Stopping): Promise<void> {
    const successor = await startKept(number)
    clearTimeout(retries.get(number))
    failures.delete(number)
    // All others: one that crashed meanwhile may have been started again.
    const former = [...members].filter((member) => member.number === number && member !== successor)
    for (const member of former) member.isKept = false
    log.info({ worker: number, workerPid: successor.worker.process.pid }, 'a new worker listens')
    await Promise.all(former.map((member) => end(member, stopping)))
  }

  function end(member: Member, { cause, delayMs, graceMs, limitMs }: Stopping): Promise<number | string> {
    tell(member, { kind: 'stop', cause, delayMs, graceMs })
    const overdue = setTimeout(kill, limitMs + overtimeMs, member)
    return member.ended.finally(() => clearTimeout(overdue))
  }

  return {
    async start() {
      try {
        const first = await startKept(1)
        const others = Array.from({ length: size - 1 }, (_, index) => startKept(index + 2))
        await Promise.all(others)
        return await first.ready
      } catch (error) {
        isStopping = true
        members.forEach(kill)
        throw error
      }
    },
    async replaceAll(stopping) {
      for (let number = 1; number <= size && !isStopping; number++) await replace(number, stopping)
    },
    async stop(stopping) {
      isStopping = true
      retries.forEach(clearTimeout)
      const all = [...members]
      all.filter(({ isReady }) => !isReady).forEach(kill)
      const ends = await Promise.all(
        all.filter(({ isReady }) => isReady).map((member) => end(member, stopping)),
      )
      return ends.every((how) => how === 0)
    },
    async ask(question, take) {
      const listening = [...members].filter(({ isReady }) => isReady)
      const askOne = async (member: Member): Promise<void> => {
        const answer = await questions.ask((id) => tell(member, { kind: 'ask', id, question }))
        take(answer, member.worker.process.pid as number) // it listens: it has one
      }
      await Promise.all(listening.map(askOne))
    },
    kill: () => members.forEach(kill),
  }
}

function waitAfter(failures: number): number {
  return failures === 0 ? 0 : Math.min(longestWaitMs, firstWaitMs * 2 ** (failures - 1))
}

function kill({ worker }: Member): void {
  worker.process.kill('SIGKILL')
}

function tell({ worker }: Member, message: ToWorker): void {
  worker.send(message, ignore)
}
