import type { ReactNode } from 'react'
import { eventWords } from '../api/event-words.ts'
import type { EventLineFragment } from '../api/operations.ts'
import { parseUserAgent } from '../auth/device.ts'
import { ago, momentOf } from './time.ts'

const alarming = /_fail|_lock|_reuse|reported|exceeded|disabled|deleted|_lost|unreadable/

/** Records of the audit, newest first. `extra` says more of each, for administrators. */
export function Events({
  events,
  extra,
}: {
  events: EventLineFragment[]
  extra?: (event: EventLineFragment) => ReactNode
}) {
  return (
    <ol className="events">
      {events.map((event) => (
        <li key={event.id} className={alarming.test(event.event) ? 'event alarming' : 'event'}>
          <div>
            <strong>{eventWords[event.event] ?? event.event}</strong>
            <p className="faint">{[...details(event)].join(' · ')}</p>
            {extra?.(event)}
          </div>
          <time dateTime={event.at} title={momentOf(event.at)}>
            {ago(event.at)}
          </time>
        </li>
      ))}
    </ol>
  )
}

function* details(event: EventLineFragment): Generator<string> {
  if (event.actorId !== null && event.actorId !== event.userId) yield 'by an administrator'
  if (event.address !== null) yield `from ${event.address}`
  if (event.userAgent?.startsWith('Mozilla/')) {
    const { browser, system } = parseUserAgent(event.userAgent)
    yield `${browser} on ${system}`
  }
  if (event.detail !== null) yield event.detail.toLowerCase().replaceAll('_', ' ')
  if (event.count !== null && event.count !== 1) yield `${event.count} in all`
  if (event.times > 1) yield `${event.times} times`
}
