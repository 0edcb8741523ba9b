import { type HeldToken, keyOf, parseHeld } from './held-token.ts'
import type { TokenStorage } from './storage.ts'
import { openTabs, type TabMessage } from './tabs.ts'

/**
 * What becomes of a token, as each tab hears of it once: somebody signed in, the secret was replaced, the token ended (`reason`
 * is the server's, or `SIGNED_OUT`), the storage did not take it (it is held in memory, and offered again).
 */
export type AuthEvent =
  | { readonly kind: 'signed-in' }
  | { readonly kind: 'rotated' }
  | { readonly kind: 'signed-out'; readonly reason: string }
  | { readonly kind: 'not-stored'; readonly error: unknown }

/** The token of a tab, in step with its storage and with the other tabs. */
export interface Keeper {
  /** The token; where another tab turns out to have ended it, for this reason. */
  read(reason?: string): Promise<HeldToken | null>
  write(next: HeldToken | null, how?: Pick<TabMessage, 'reason' | 'everywhere'>): Promise<void>
  subscribe(listener: (event: AuthEvent) => void): () => void
  /** Runs while no tab that has the token too runs its own. */
  alone<T>(run: () => Promise<T>): Promise<T>
  close(): void
}

/** Within what time one tab sees what another one has stored. */
const propagationMs = 1_000

export function createKeeper(options: {
  storage: TokenStorage
  name: string
  /** Called with a token of this tab's own when the user has signed out in another one. */
  onSignedOutElsewhere: (held: HeldToken) => void
}): Keeper {
  const { storage, name, onSignedOutElsewhere } = options
  const listeners = new Set<(event: AuthEvent) => void>()
  const tabs = openTabs(name, receive)
  let held: HeldToken | null = null
  let isLoaded = false
  let isStored = true
  let storing: Promise<void> | undefined
  let writes = 0
  let trustedUntil = 0

  async function read(reason = 'SIGNED_OUT'): Promise<HeldToken | null> {
    if (!isStored) await (storing ?? store())
    const isNewest = storage.tabs !== 'shared' || !isStored || Date.now() < trustedUntil
    if (isLoaded && isNewest) return held
    const before = writes
    const text = await storage.get()
    if (before === writes) adopt(parseHeld(text), reason)
    return held
  }

  async function write(
    next: HeldToken | null,
    how: Pick<TabMessage, 'reason' | 'everywhere'> = {},
  ): Promise<void> {
    writes += 1
    const id = held?.id ?? null
    isLoaded = true
    adopt(next, how.reason)
    await store()
    const text = storage.tabs && next ? { text: JSON.stringify(next) } : {}
    tabs.tell({ id, ...how, ...text })
  }

  function adopt(next: HeldToken | null, reason = 'SIGNED_OUT'): void {
    const event = isLoaded ? findEvent(held, next, reason) : null
    held = next
    isLoaded = true
    if (event) emit(event)
  }

  function store(): Promise<void> {
    isStored = false
    const done = offer().finally(() => {
      if (storing === done) storing = undefined
    })
    storing = done
    return done
  }

  async function offer(): Promise<void> {
    try {
      await storage.set(held && JSON.stringify(held))
      isStored = true
    } catch (error) {
      emit({ kind: 'not-stored', error })
    }
  }

  function receive({ id, reason, everywhere, text }: TabMessage): void {
    const isShared = storage.tabs === 'shared'
    const isSame = held?.id === id && (isShared || id !== null)
    if (text !== undefined) {
      if (isShared) trust(parseHeld(text))
      else if (isSame) replace(parseHeld(text))
    } else if (held && isSame && isShared) {
      trust(null, reason)
    } else if (held && !isShared && (isSame || everywhere)) {
      if (!isSame) onSignedOutElsewhere(held)
      replace(null, reason)
    }
  }

  /** Takes what a tab tells of the storage that both have, which may come before what it has stored is to be read. */
  function trust(next: HeldToken | null, reason?: string): void {
    if (!isLoaded) return
    trustedUntil = Date.now() + propagationMs
    adopt(next, reason)
  }

  /** As `write`, without telling the tab that told this one. */
  function replace(next: HeldToken | null, reason?: string): void {
    writes += 1
    adopt(next, reason)
    void store()
  }

  /** Listeners are called on their own: what one throws is nobody else's trouble. */
  function emit(event: AuthEvent): void {
    for (const listener of listeners) void Promise.resolve(event).then(listener)
  }

  return {
    read,
    write,
    alone: (run) => (storage.tabs ? tabs.alone(run) : run()),
    close: tabs.close,
    subscribe(listener) {
      listeners.add(listener)
      return () => void listeners.delete(listener)
    },
  }
}

function findEvent(was: HeldToken | null, next: HeldToken | null, reason: string): AuthEvent | null {
  if (keyOf(was) === keyOf(next)) return null
  if (next === null) return { kind: 'signed-out', reason }
  return { kind: was !== null && (was.id === null || was.id === next.id) ? 'rotated' : 'signed-in' }
}
