import { createContext, type ReactNode, useContext, useEffect, useMemo, useRef, useState } from 'react'
import { Provider } from 'urql'
import { createClient } from '../api/client.ts'

/** What signing in and out does to the console. */
interface Door {
  /** What somebody who comes to the sign-in has to know. */
  notice: string | null
  /** Goes in; the headers carry the token, where it is not in the cookie. */
  enter(headers: Record<string, string>): void
  /** Goes out, when the server has ended the token. */
  leave(notice?: string): void
}

const DoorContext = createContext<Door | null>(null)

/**
 * Gives its children an urql client; a new one, with an empty cache, whenever somebody signs in or out. The token is in a
 * cookie that no script can read; where the browser cannot keep it there, it is in memory here until the page is left.
 */
export function DoorProvider({ endpoint, children }: { endpoint: string; children: ReactNode }) {
  const headers = useRef<Record<string, string>>({})
  const [visit, setVisit] = useState<{ number: number; notice: string | null }>({ number: 0, notice: null })
  const tabs = useTabs(() => setVisit(next(null)))

  const door = useMemo<Door>(() => {
    const change = (sent: Record<string, string>, notice: string | null): void => {
      headers.current = sent
      setVisit(next(notice))
      tabs.postMessage('changed')
    }
    return {
      notice: visit.notice,
      enter: (sent) => change(sent, null),
      leave: (notice) => change({}, notice ?? null),
    }
  }, [visit, tabs])
  const client = useMemo(
    () =>
      createClient({
        url: endpoint,
        headers: () => headers.current,
        // A late answer says nothing about who has come in since.
        onEnded: () =>
          setVisit((now) => {
            if (now.number !== visit.number) return now
            headers.current = {} // the token that they carried has ended
            return next(null)(now)
          }),
      }),
    [endpoint, visit.number],
  )

  return (
    <DoorContext value={door}>
      <Provider value={client} key={visit.number}>
        {children}
      </Provider>
    </DoorContext>
  )
}

/** The door of the console. */
export function useDoor(): Door {
  const door = useContext(DoorContext)
  if (door === null) throw new Error('useDoor needs a DoorProvider above it')
  return door
}

function next(notice: string | null) {
  return ({ number }: { number: number }) => ({ number: number + 1, notice })
}

/** The other tabs, which share the cookie: they hear of each change here, so that none shows one and acts as another. */
function useTabs(onChange: () => void): BroadcastChannel {
  const [channel] = useState(() => new BroadcastChannel('latchkey'))
  useEffect(() => {
    channel.onmessage = onChange
  })
  return channel
}
