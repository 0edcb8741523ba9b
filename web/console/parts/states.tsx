import type { ReactNode } from 'react'
import type { CombinedError } from 'urql'
import { explain } from '../api/problems.ts'
import { Button } from './button.tsx'
import { Icon, type IconName } from './icon.tsx'

/** A sentence that stands out; a bad one is read out at once. */
export function Notice({ tone, children }: { tone: 'good' | 'bad' | 'calm'; children: ReactNode }) {
  const icons = { good: 'check', bad: 'alert', calm: 'info' } as const
  return (
    <div className={`notice ${tone}`} role={tone === 'bad' ? 'alert' : 'status'}>
      <Icon name={icons[tone]} />
      <div>{children}</div>
    </div>
  )
}

/** What stands in the place of something that could not be loaded. */
export function Trouble({ error, onRetry }: { error: CombinedError; onRetry: () => void }) {
  return (
    <div className="trouble">
      <Notice tone="bad">{explain(error).text}</Notice>
      <Button onClick={onRetry}>Try again</Button>
    </div>
  )
}

/** What stands where there is nothing yet. */
export function Empty({ icon, title, children }: { icon: IconName; title: string; children: ReactNode }) {
  return (
    <div className="empty">
      <Icon name={icon} />
      <strong>{title}</strong>
      <p>{children}</p>
    </div>
  )
}

/** Grey rows in the place of a list that is on its way. */
export function Skeleton({ rows = 3 }: { rows?: number }) {
  return (
    <div className="skeleton" role="status">
      <span className="unseen">Loading…</span>
      {Array.from({ length: rows }, (_, row) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: rows of nothing, which never change places
        <div key={row} className="skeleton-row" aria-hidden="true" />
      ))}
    </div>
  )
}

/** The page before anything is known. */
export function Splash() {
  return (
    <main className="alone" role="status">
      <span className="spinner large" aria-hidden="true" />
      <span className="unseen">Loading…</span>
    </main>
  )
}
