/** What one tab tells the others: what became of the token with this id. */
export interface TabMessage {
  id: string | null
  /** Why it ended; left out where it was issued or rotated. */
  reason?: string
  /** Whether its user has signed out, which is meant for every tab. */
  everywhere?: true
  /** What is to be held in its place, where tabs have the token in common. */
  text?: string
}

/** The tabs of one origin that belong together, where the platform has what it takes; alone elsewhere. */
export interface Tabs {
  tell(message: TabMessage): void
  /** Runs while no other tab runs its own, and a moment longer: until the others see what was stored. */
  alone<T>(run: () => Promise<T>): Promise<T>
  close(): void
}

/** Web Locks and BroadcastChannel: neither is in React Native, and locks need a secure context. */
type Platform = Partial<Pick<typeof globalThis, 'BroadcastChannel'>> & {
  navigator?: { locks?: { request(name: string, run: () => Promise<unknown>): Promise<unknown> } }
}

const settleMs = 100

export function openTabs(name: string, receive: (message: TabMessage) => void): Tabs {
  const { BroadcastChannel, navigator } = globalThis as Platform
  const channel = BroadcastChannel && new BroadcastChannel(name)
  if (channel) {
    channel.onmessage = (event: { data: unknown }) => receive(event.data as TabMessage)
    ;(channel as { unref?: () => void }).unref?.() // Node's would keep the process alive
  }
  return {
    tell: (message) => channel?.postMessage(message),
    alone(run) {
      const { locks } = navigator ?? {}
      if (!locks) return run()
      return new Promise((resolve, reject) => {
        const held = locks.request(name, async () => {
          resolve(await run())
          await new Promise((release) => setTimeout(release, settleMs))
        })
        held.catch(reject)
      })
    },
    close: () => channel?.close(),
  }
}
