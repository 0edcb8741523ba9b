import { hash } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Kysely } from 'kysely'
import type { Database } from '../db/open.ts'
import type { Tables } from '../db/tables.ts'
import {
  countUp,
  deleteThrottle,
  findThrottle,
  giveBackAttempt,
  replaceThrottle,
  type ThrottleRow,
} from '../db/throttle.ts'
import { rateLimited } from '../errors.ts'

/** How many failed sign-ins are borne, and what follows. */
export interface ThrottleOptions {
  /** Failures of one account before the back-off begins. */
  accountFree: number
  /** The first wait; it doubles with each further failure up to `backoffMaxMs`. */
  backoffMs: number
  backoffMaxMs: number
  /** Failures of one address (IPv6: one /64) in a window of `addressWindowMs`. */
  addressMax: number
  addressWindowMs: number
  /** Failures in a row after which a password stops working until it is reset (NIST SP 800-63B-4 §3.2.2). */
  lockAfter: number
}

export type ThrottleKind = 'account' | 'address'

/** The part of @fastify/rate-limit's answer that matters here. */
export interface LimiterAnswer {
  isExceeded: boolean
  ttl: number
}

/** A limiter made by @fastify/rate-limit's `createRateLimit` on the store below; `peek` counts nothing. */
export type Limiter = (key: string, options: { peek: boolean }) => Promise<LimiterAnswer>

/** A counted attempt: it stays counted unless it is cleared or cancelled, and it must come to its `end`. */
export interface Attempt {
  /** The password was right: clears account and address of the attempt, in the transaction that records the sign-in. */
  clear(db: Kysely<Tables>): Promise<void>
  /** No password was checked: gives back what was counted. */
  cancel(): Promise<void>
  /** The attempt is decided; others of the same account or address may go on. */
  end(): void
}

/** Limits sign-in attempts: each is counted before its password check, and given back if that succeeds. */
export interface Throttle {
  /**
   * Counts an attempt against an address and, if given, an account, or throws `RATE_LIMITED` with the time to wait. Attempts
   * of one `request` share the time that others are waited for.
   */
  begin(attempt: { address: string; account?: string; request: object }): Promise<Attempt>
  /** One more wrong password in a row for `subject`, remembered for `keepMs`; returns how many that makes. */
  countFailure(subject: string, keepMs: number): Promise<number>
  /** How many wrong passwords `subject` has had in a row. */
  countFailures(subject: string): Promise<number>
  /** Forgets the attempts counted under a key, and with them its back-off. */
  clear(db: Kysely<Tables>, key: string): Promise<void>
  /** Forgets the wrong passwords of `subject`. */
  clearFailures(db: Kysely<Tables>, subject: string): Promise<void>
}

/** Attempts that wait in memory for another one of the same key to be decided: in all, and of one key. */
const waitingLimits = { all: 1_000, key: 100 }

/** How long, and how often, other processes are given time to decide attempts of theirs; for all attempts of one request. */
const patience = { limitMs: 2_000, pauseMs: 100 }

const dayMs = 86_400_000

/** A clock that is set right by less than this voids no counter. */
const clockStepMs = 60_000

/** A key of one kind. What was typed may be a password in the wrong field, so that only its digest is kept. */
export function throttleKey(kind: ThrottleKind | 'failures' | 'mail', text: string): string {
  return `${kind}:${hash('sha256', text, 'base64url')}`
}

export function createThrottle(deps: {
  database: Database
  clock: () => number
  limiters: Record<ThrottleKind, Limiter>
  /** Whether other processes count in the same database, and may have attempts under way. */
  isShared: boolean
}): Throttle {
  const { database, clock, limiters, isShared } = deps
  const undecided = createUndecided()

  const patienceLeft = new WeakMap<object, number>()

  async function count(kind: ThrottleKind, key: string, request: object): Promise<void> {
    for (;;) {
      const peeked = await limiters[kind](key, { peek: true })
      const answer = peeked.isExceeded ? peeked : await limiters[kind](key, { peek: false })
      if (!answer.isExceeded) return undecided.begin(key)
      // An attempt under way here may yet succeed and give its place back: a crowd behind one address is no attack.
      if (await undecided.settled(key)) continue
      // Nor may one of another process, of which nothing is known but that it is counted.
      const leftMs = patienceLeft.get(request) ?? (isShared ? patience.limitMs : 0)
      if (leftMs <= 0 || !(await undecided.waited(key, patience.pauseMs))) throw refused(answer.ttl)
      patienceLeft.set(request, leftMs - patience.pauseMs)
    }
  }

  return {
    async begin({ address, account, request }) {
      await count('address', address, request)
      const counted = [address]
      const end = (): void => counted.forEach(undecided.end)
      const cancel = (): Promise<void> =>
        database.transactionWithoutSync(async (db) => {
          for (const key of counted) await giveBackAttempt(db, key)
        })
      try {
        if (account !== undefined) {
          await count('account', account, request)
          counted.push(account)
        }
      } catch (error) {
        await cancel().finally(end)
        throw error
      }
      return {
        async clear(db) {
          await giveBackAttempt(db, address)
          if (account !== undefined) await deleteThrottle(db, account)
        },
        cancel,
        end,
      }
    },

    countFailure(subject, keepMs) {
      const key = throttleKey('failures', subject)
      return database.run((db) => countUp(db, key, clock() + keepMs))
    },

    async countFailures(subject) {
      const row = await database.run((db) => findThrottle(db, throttleKey('failures', subject)))
      return row?.attempts ?? 0
    },

    clear: deleteThrottle,

    clearFailures: (db, subject) => deleteThrottle(db, throttleKey('failures', subject)),
  }
}

function refused(retryAfterMs: number): Error {
  return rateLimited('CREDENTIALS', retryAfterMs, 'Too many attempts. Wait before you try again.')
}

/** Attempts that were counted but not decided yet, by key, and those that wait for one of them. */
function createUndecided() {
  const counts = new Map<string, number>()
  const waiters = new Map<string, (() => void)[]>()
  const waitingFor = new Map<string, number>()
  let waiting = 0

  /** Takes a place to wait in; false when there is no room. */
  function enter(key: string): boolean {
    const others = waitingFor.get(key) ?? 0
    if (waiting >= waitingLimits.all || others >= waitingLimits.key) return false
    waiting++
    waitingFor.set(key, others + 1)
    return true
  }

  function leave(key: string): void {
    const others = (waitingFor.get(key) as number) - 1 // entered before it leaves
    waiting--
    if (others > 0) waitingFor.set(key, others)
    else waitingFor.delete(key)
  }

  return {
    begin(key: string): void {
      counts.set(key, (counts.get(key) ?? 0) + 1)
    },
    end(key: string): void {
      const left = (counts.get(key) as number) - 1 // begun before it ends
      if (left > 0) counts.set(key, left)
      else counts.delete(key)
      // One at a time while there are others to wake the rest: each of them looks into the database.
      const line = waiters.get(key) ?? []
      const woken = line.splice(0, left > 0 ? 1 : line.length)
      if (line.length === 0) waiters.delete(key)
      for (const wake of woken) wake()
    },
    /** Waits until one attempt of this key is decided; false when there is none, or no room to wait. */
    async settled(key: string): Promise<boolean> {
      if (!counts.has(key) || !enter(key)) return false
      const line = waiters.get(key) ?? []
      waiters.set(key, line)
      await new Promise<void>((resolve) => line.push(resolve))
      leave(key)
      return true
    },
    /** Waits for a while; false when there is no room to wait. */
    async waited(key: string, forMs: number): Promise<boolean> {
      if (!enter(key)) return false
      await sleep(forMs)
      leave(key)
      return true
    },
  }
}

/** Has work on one key done one after the other: a crowd that counts at once would have to try again and again. */
function createTurns(): <T>(key: string, work: () => Promise<T>) => Promise<T> {
  const last = new Map<string, Promise<unknown>>()
  return (key, work) => {
    const before = last.get(key)
    const turn = before === undefined ? work() : before.then(work, work)
    last.set(key, turn)
    const leave = (): void => {
      if (last.get(key) === turn) last.delete(key)
    }
    turn.then(leave, leave)
    return turn
  }
}

type Run = <T>(work: (db: Kysely<Tables>) => Promise<T>) => Promise<T>

/** What @fastify/rate-limit hands to a store's callbacks. */
type StoreCallback = (error: Error | null, result?: { current: number; ttl: number }) => void

/** The shape that @fastify/rate-limit asks of a store; `child` gets the options of `createRateLimit`. */
export interface ThrottleStore {
  incr(key: string, callback: StoreCallback, timeWindow: number, max: number): void
  read(key: string, callback: StoreCallback, timeWindow: number, max: number): void
  child(options: { kind?: ThrottleKind }): ThrottleStore
}

/**
 * Counters in the database: atomic across processes, kept over restarts, and not to be flushed by many keys.
 * Made as a class because @fastify/rate-limit constructs its store itself.
 */
export function createThrottleStore(deps: {
  database: Database
  clock: () => number
  options: ThrottleOptions
}): new () => ThrottleStore {
  const { database, clock, options } = deps
  const inTurn = createTurns()

  return class DatabaseStore implements ThrottleStore {
    readonly #kind: ThrottleKind

    constructor(kind: ThrottleKind = 'address') {
      this.#kind = kind
    }

    incr(key: string, callback: StoreCallback, _timeWindow: number, max: number): void {
      // A file has one writer at a time anyway, and whoever waits for a lock on it must not wait for the others as well.
      const counted = database.isServer
        ? inTurn(key, () => this.#count((work) => database.run(work), key, max))
        : database.transactionWithoutSync((db) => this.#count((work) => work(db), key, max))
      counted.then((result) => callback(null, result), callback)
    }

    /** One statement decides, and locks nothing for longer: of all who count from the same number, one has counted. */
    async #count(run: Run, key: string, max: number): Promise<{ current: number; ttl: number }> {
      for (;;) {
        const found = await run((db) => findThrottle(db, key))
        const row = this.#standing(found)
        if (row.blockedUntil > clock()) return answer(row, max)
        const next = this.#kind === 'account' ? afterAccountAttempt(row) : afterAddressAttempt(row)
        const isCounted = await run((db) => replaceThrottle(db, key, found, next))
        if (isCounted) return { current: Math.min(next.attempts, max), ttl: 0 }
      }
    }

    read(key: string, callback: StoreCallback, _timeWindow: number, max: number): void {
      const found = database.run((db) => findThrottle(db, key))
      found.then((row) => callback(null, answer(this.#standing(row), max)), callback)
    }

    child(child: { kind?: ThrottleKind }): ThrottleStore {
      return new DatabaseStore(child.kind)
    }

    /** The counter as it stands now. One that lasts too long was written before the clock was set back: it is void. */
    #standing(row: ThrottleRow | undefined): ThrottleRow {
      const keepMs = this.#kind === 'account' ? dayMs : options.addressWindowMs
      const left = row === undefined ? 0 : row.expiresAt - clock()
      return row === undefined || left <= 0 || left > keepMs + clockStepMs
        ? { attempts: 0, blockedUntil: 0, expiresAt: 0 }
        : row
    }
  }

  function answer(row: ThrottleRow, max: number): { current: number; ttl: number } {
    const ttl = row.blockedUntil - clock()
    return ttl > 0 ? { current: max + 1, ttl } : { current: Math.min(row.attempts, max), ttl: 0 }
  }

  function afterAccountAttempt(row: ThrottleRow): ThrottleRow {
    const now = clock()
    const attempts = row.attempts + 1
    const over = attempts - options.accountFree
    const wait = over < 0 ? 0 : Math.min(options.backoffMs * 2 ** over, options.backoffMaxMs)
    return { attempts, blockedUntil: wait === 0 ? 0 : now + wait, expiresAt: now + dayMs }
  }

  function afterAddressAttempt(row: ThrottleRow): ThrottleRow {
    const attempts = row.attempts + 1
    const expiresAt = attempts === 1 ? clock() + options.addressWindowMs : row.expiresAt
    return { attempts, blockedUntil: attempts >= options.addressMax ? expiresAt : 0, expiresAt }
  }
}
