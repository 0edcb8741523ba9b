import { setTimeout as sleep } from 'node:timers/promises'

/** What a database tells of the users whose accounts or tokens changed; null for more than can be told. */
export type Changes = readonly string[] | null

/** Changes that come by themselves, as they are committed, by whichever process. */
export interface ChangeFeed {
  /**
   * Whether what was heard is all there is, but for what was committed this very moment: false from when the database is
   * lost, or is silent for `leaseMs`, until all is heard again.
   */
  isCurrent(): boolean
  /**
   * Has it begin, if nobody has yet; whether a source is open within `waitMs`. It stays so where the process has so much to
   * do that it cannot rely on what it hears.
   */
  isUp(waitMs: number): Promise<boolean>
  /** Calls back with what has changed, until what it returns is called. The first listener has it begin. */
  subscribe(hear: (changes: Changes) => void): () => void
  /** Resolves when all that is committed by now is heard, or when the feed is not current any more. */
  settled(): Promise<void>
  close(): Promise<void>
}

/** A way to hear of changes, while it lasts. */
export interface ChangeSource {
  /** Resolves when all is heard that was committed before the call. */
  beat(): Promise<void>
  close(): Promise<void>
}

/** Opens a source, which tells of what is committed from then on, and that it has ended. */
export type OpenSource = (hear: (changes: Changes) => void, onEnd: () => void) => Promise<ChangeSource>

/** How often the source is asked whether it is still there. */
const beatMs = 40

/** How long what was heard is relied on after a question that was answered; an idle source answers within a millisecond. */
const leaseMs = 150

/** Between two attempts to open a source; it doubles up to the other. */
const backoffMs = { first: 50, longest: 1_000 }

/** Keeps a source open, and knows whether it can be relied on. */
export function createFeed(open: OpenSource): ChangeFeed {
  const listeners = new Set<(changes: Changes) => void>()
  let source: ChangeSource | null = null
  let currentUntil = 0
  let timer: NodeJS.Timeout | undefined
  let isClosed = false
  let opening: Promise<void> | null = null
  let beating: Promise<void> | null = null
  let next: Promise<void> | null = null

  const isCurrent = (): boolean => performance.now() < currentUntil

  function hear(changes: Changes): void {
    for (const listener of listeners) listener(changes)
  }

  async function start(pauseMs: number): Promise<void> {
    let isOver = false
    const end = (): void => {
      if (isOver) return
      isOver = true
      lose()
      retry(backoffMs.first)
    }
    try {
      const opened = await open(hear, end)
      if (isOver || isClosed) return await opened.close()
      source = opened
      hear(null) // what was before is not known
      await beat(opened, end)
    } catch {
      if (!isOver) retry(pauseMs)
      isOver = true
    }
  }

  function retry(pauseMs: number): void {
    if (isClosed) return
    const wait = pauseMs * (0.5 + Math.random())
    timer = setTimeout(() => {
      opening = start(Math.min(pauseMs * 2, backoffMs.longest))
    }, wait).unref()
  }

  function lose(): void {
    currentUntil = 0
    const lost = source
    source = null
    clearTimeout(timer)
    hear(null)
    void lost?.close()
  }

  /** One question at a time; whoever comes meanwhile shares the next one. */
  function ask(): Promise<void> {
    const asked = source
    if (asked === null) return Promise.resolve()
    if (beating === null) {
      const askedAt = performance.now()
      beating = asked.beat().then(() => {
        if (source === asked) currentUntil = askedAt + leaseMs
      })
      const over = (): void => {
        beating = null
      }
      beating.then(over, over)
      return beating
    }
    next ??= beating.then(later, later)
    return next

    function later(): Promise<void> {
      next = null
      return ask()
    }
  }

  async function beat(opened: ChangeSource, end: () => void): Promise<void> {
    try {
      await ask()
    } catch {
      end()
      return
    }
    if (source === opened) timer = setTimeout(() => void beat(opened, end), beatMs).unref()
  }

  return {
    isCurrent,
    async isUp(waitMs) {
      opening ??= start(backoffMs.first)
      const giveUpAt = performance.now() + waitMs
      while (currentUntil === 0 && performance.now() < giveUpAt) await sleep(beatMs)
      return currentUntil > 0
    },
    subscribe(listener) {
      listeners.add(listener)
      opening ??= start(backoffMs.first)
      return () => listeners.delete(listener)
    },
    async settled() {
      if (currentUntil === 0) return
      const late = Promise.withResolvers<void>()
      const timeout = setTimeout(late.resolve, leaseMs)
      await Promise.race([ask().catch(() => {}), late.promise])
      clearTimeout(timeout)
    },
    async close() {
      isClosed = true
      lose()
      await opening
    },
  }
}
