import type { ButtonHTMLAttributes } from 'react'

/** A button. `busy` says that what it does is under way; it keeps its place and its focus. */
export function Button({
  kind = 'plain',
  busy = false,
  className = '',
  children,
  ...rest
}: {
  kind?: 'plain' | 'primary' | 'danger' | 'quiet'
  busy?: boolean
} & ButtonHTMLAttributes<HTMLButtonElement>) {
  return (
    <button
      type="button"
      {...rest}
      className={`button ${kind} ${className}`}
      aria-disabled={busy || undefined}
    >
      {busy && <span className="spinner" aria-hidden="true" />}
      {children}
    </button>
  )
}
