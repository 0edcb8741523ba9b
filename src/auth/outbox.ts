import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Kysely } from 'kysely'
import { v7 as uuidv7 } from 'uuid'
import type { Database } from '../db/open.ts'
import {
  claimOutbox,
  countOutbox,
  deleteOutbox,
  findNextDue,
  insertOutbox,
  type OutboxRow,
  postponeOutbox,
} from '../db/outbox.ts'
import type { Tables } from '../db/tables.ts'

/** Something to be delivered. Its payload becomes JSON and is stored until then: no secret may be in it. */
export interface OutboxMessage {
  /** Names the handler. */
  kind: string
  payload: object
  /** Whose message it is, by id or, where nobody has looked who that is, by name: it goes with the account. */
  owner?: string | null
}

/** One attempt to deliver a message. */
export interface Delivery {
  /** The message's id, the same at each attempt. */
  id: string
  /** When it was added, in milliseconds since 1970. */
  createdAt: number
  /** 1 for the first attempt. */
  attempt: number
  /** Ends the attempt, when it takes too long or the process closes. */
  signal: AbortSignal
}

/** What delivers the messages of one kind. */
export interface OutboxHandler {
  /**
   * Delivers one message, or throws, and it is tried again later; `Undeliverable` where that would be in vain. A message
   * may be delivered twice, where a process ends between the delivery and its record.
   */
  deliver(payload: unknown, delivery: Delivery): Promise<void>
  /** Hears, once, of a message that is given up. */
  giveUp?(payload: unknown, delivery: Omit<Delivery, 'signal'>): void
}

/** Thrown by a handler for what no further attempt can deliver. */
export class Undeliverable extends Error {
  override readonly name = 'Undeliverable'
}

/** Something that went wrong; without `delivery`, the database could not be asked, and it will be asked again. */
export interface OutboxTrouble {
  error: unknown
  delivery?: { kind: string; id: string; attempt: number; givenUp: boolean }
}

/** Messages that are stored with what they tell of, and delivered behind its back. */
export interface Outbox {
  /** Says who delivers a kind. Messages of other kinds are left to processes that can, and deleted when they are old. */
  handle(kind: string, handler: OutboxHandler): void
  /** Stores a message in the caller's transaction; it is delivered soon after that is committed. */
  add(db: Kysely<Tables>, message: OutboxMessage): Promise<void>
  /** Begins to deliver what is due, in any number of processes at once. */
  start(): void
  /** Delivers all that is due now, and resolves when it was tried. For a process that does not `start`. */
  deliverDue(): Promise<void>
  /** How many messages wait, of each kind that has a handler or a message. */
  depth(): Promise<OutboxDepth[]>
  /** Takes nothing new, gives what is under way a moment, and hands back what is left. */
  stop(): Promise<void>
}

/** How many messages of a kind wait to be delivered. */
export interface OutboxDepth {
  kind: string
  count: number
}

/** How messages are delivered; times in milliseconds. */
export interface OutboxOptions {
  /** How many of one kind are under way at once, in one process. */
  concurrency: number
  /** How long one attempt may take. */
  attemptMs: number
  /** After how long others may take over what a process has claimed: more than an attempt, for that one is over then. */
  claimMs: number
  /** The wait after the first failure; it doubles with each further one, up to the longest. */
  backoffMs: number
  backoffMaxMs: number
  /** How old a message gets before a failure is its last. */
  giveUpMs: number
  /** How often to look for what other processes have added. */
  pollMs: number
  /** How long `stop` waits for what is under way. */
  graceMs: number
}

export const outboxDefaults: OutboxOptions = {
  concurrency: 4,
  attemptMs: 60_000,
  claimMs: 120_000,
  backoffMs: 10_000,
  backoffMaxMs: 3_600_000,
  giveUpMs: 86_400_000,
  pollMs: 5_000,
  graceMs: 2_000,
}

/** Between two attempts to record what became of a message. */
const recordPauseMs = 500

interface Lane {
  handler: OutboxHandler
  running: Set<Promise<void>>
}

export function createOutbox(deps: {
  database: Database
  clock: () => number
  /** Takes troubles to the log. It must not throw. */
  onTrouble: (trouble: OutboxTrouble) => void
  options?: Partial<OutboxOptions>
}): Outbox {
  const { database, clock, onTrouble } = deps
  const options = { ...outboxDefaults, ...deps.options }
  const lanes = new Map<string, Lane>()
  const attempts = new Set<AbortController>()
  const bell = createBell()
  let looking = Promise.resolve()
  let loop: Promise<void> | null = null
  let stopped = false
  let isLate = false

  /** Starts what is due as far as there is room. One look at a time, or two would count the same room. */
  function startDue(): Promise<void> {
    const look = looking.then(async () => {
      for (const [kind, lane] of lanes) await claimDue(kind, lane)
    })
    looking = look.catch(() => {})
    return look
  }

  async function claimDue(kind: string, lane: Lane): Promise<void> {
    const room = options.concurrency - lane.running.size
    const now = clock()
    if (stopped || room <= 0) return
    // A look first: a claim takes the write lock, even of nothing.
    const due = await database.run((db) => findNextDue(db, kind))
    if (due === undefined || due > now) return
    const claim = randomUUID()
    const request = { kind, now, until: now + options.claimMs, claim, limit: room }
    const rows = await database.run((db) => claimOutbox(db, request))
    for (const row of rows) {
      const attempt = attemptDelivery(row, claim, lane.handler).finally(() => {
        lane.running.delete(attempt)
        bell.ring()
      })
      lane.running.add(attempt)
    }
  }

  async function attemptDelivery(row: OutboxRow, claim: string, handler: OutboxHandler): Promise<void> {
    const { id, kind, createdAt, attempts: attempt } = row
    const payload = parsePayload(row.payload)
    try {
      await inTime((signal) => handler.deliver(payload, { id, createdAt, attempt, signal }))
    } catch (error) {
      if (isLate) return record((db) => postponeOutbox(db, id, claim, clock()))
      const givenUp = error instanceof Undeliverable || clock() - createdAt >= options.giveUpMs
      onTrouble({ error, delivery: { kind, id, attempt, givenUp } })
      if (!givenUp) return record((db) => postponeOutbox(db, id, claim, clock() + backoff(attempt)))
      const isGone = await record((db) => deleteOutbox(db, id, claim))
      if (isGone) handler.giveUp?.(payload, { id, createdAt, attempt })
      return
    }
    await record((db) => deleteOutbox(db, id))
  }

  /** Ends `work` when it takes too long, and at the latest soon after `stop`, whether it heeds the signal or not. */
  async function inTime(work: (signal: AbortSignal) => Promise<void>): Promise<void> {
    const attempt = new AbortController()
    const { signal } = attempt
    const timer = setTimeout(() => attempt.abort(new Error('it took too long')), options.attemptMs)
    attempts.add(attempt)
    try {
      await Promise.race([work(signal), aborted(signal)])
    } finally {
      clearTimeout(timer)
      attempts.delete(attempt)
    }
  }

  /** Between half of the wait and one and a half, so that what failed together does not come again together. */
  function backoff(attempt: number): number {
    const waitMs = Math.min(options.backoffMs * 2 ** (attempt - 1), options.backoffMaxMs)
    return Math.round(waitMs * (0.5 + Math.random()))
  }

  /** Where it cannot be recorded while the claim lasts, somebody delivers once more. */
  async function record<T>(work: (db: Kysely<Tables>) => Promise<T>): Promise<T | undefined> {
    const giveUpAt = performance.now() + options.claimMs - options.attemptMs
    for (;;) {
      try {
        return await database.run(work)
      } catch (error) {
        onTrouble({ error })
        if (stopped || performance.now() >= giveUpAt) return undefined
        await sleep(recordPauseMs)
      }
    }
  }

  async function run(): Promise<void> {
    while (!stopped) {
      let waitMs = options.pollMs
      try {
        await startDue()
        waitMs = await findWait()
      } catch (error) {
        onTrouble({ error }) // a database that is locked or full is asked again
      }
      await bell.heard(waitMs)
    }
  }

  /** Until the next message is due, or until it is time to look for those of others. */
  async function findWait(): Promise<number> {
    let waitMs = options.pollMs
    for (const [kind, lane] of lanes) {
      if (lane.running.size >= options.concurrency) continue // one that ends rings the bell
      const due = await database.run((db) => findNextDue(db, kind))
      if (due !== undefined) waitMs = Math.min(waitMs, Math.max(due - clock(), 0))
    }
    return waitMs
  }

  function listRunning(): Promise<void>[] {
    return [...lanes.values()].flatMap(({ running }) => [...running])
  }

  return {
    handle(kind, handler) {
      if (lanes.has(kind)) throw new Error(`There is a handler for ${kind} already.`)
      lanes.set(kind, { handler, running: new Set() })
    },

    async add(db, { kind, payload, owner = null }) {
      const createdAt = clock()
      const id = uuidv7({ msecs: createdAt })
      await insertOutbox(db, { id, kind, payload: JSON.stringify(payload), owner, createdAt })
      setImmediate(bell.ring) // the look that follows waits for the transaction
    },

    start() {
      loop ??= run()
    },

    async deliverDue() {
      do {
        await startDue()
        await Promise.all(listRunning())
      } while (await hasDue())
    },

    async depth() {
      const counted = new Map([...lanes.keys()].map((kind) => [kind, 0]))
      // A number, whichever type the driver has for one that was counted.
      for (const { kind, count } of await database.run(countOutbox)) counted.set(kind, Number(count))
      return [...counted].map(([kind, count]) => ({ kind, count }))
    },

    async stop() {
      stopped = true
      bell.ring()
      await looking
      const late = setTimeout(() => {
        isLate = true
        for (const attempt of attempts) attempt.abort()
      }, options.graceMs)
      await Promise.all(listRunning())
      clearTimeout(late)
      await loop
    },
  }

  async function hasDue(): Promise<boolean> {
    if (stopped) return false
    for (const kind of lanes.keys()) {
      const due = await database.run((db) => findNextDue(db, kind))
      if (due !== undefined && due <= clock()) return true
    }
    return false
  }
}

/** Null for what somebody has damaged; a handler refuses that as it does other payloads that are none of its own. */
function parsePayload(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return null
  }
}

/** Rejects when the signal is given. */
function aborted(signal: AbortSignal): Promise<never> {
  return new Promise((_resolve, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason), { once: true })
  })
}

/** Wakes whoever waits for it; rung while nobody waits, it wakes the next one at once. */
function createBell() {
  let rung = false
  let wake: (() => void) | null = null
  return {
    ring(): void {
      rung = true
      wake?.()
    },
    /** Waits until it is rung, at most `forMs`. */
    async heard(forMs: number): Promise<void> {
      if (!rung) {
        await new Promise<void>((resolve) => {
          const timer = setTimeout(resolve, forMs)
          timer.unref()
          wake = () => {
            clearTimeout(timer)
            resolve()
          }
        })
      }
      rung = false
      wake = null
    },
  }
}
