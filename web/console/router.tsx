import { type AnchorHTMLAttributes, type MouseEvent, useSyncExternalStore } from 'react'
import type { ConsolePage } from '../../src/console-pages.ts'
import { consolePages } from '../../src/console-pages.ts'

/** Where the reader is. */
export interface Place {
  page: ConsolePage
  query: URLSearchParams
  /** What is behind the `#`: no server and no log has seen it, such as the token of a mail's link. */
  fragment: URLSearchParams
}

/** The place, and again whenever it changes. */
export function usePlace(): Place {
  const address = useSyncExternalStore(onNavigation, () => location.href)
  const { pathname, search, hash } = new URL(address)
  return {
    page: pageOf(pathname),
    query: new URLSearchParams(search),
    fragment: new URLSearchParams(hash.slice(1)),
  }
}

/** Goes to another page; `replace` leaves the one before out of the history. */
export function navigate(page: ConsolePage, query = '', replace = false): void {
  history[replace ? 'replaceState' : 'pushState'](null, '', hrefOf(page) + query)
  for (const listener of listeners) listener()
}

/** A link to another page, which does not load the console anew. */
export function Link({
  to,
  query = '',
  ...rest
}: { to: ConsolePage; query?: string } & Omit<AnchorHTMLAttributes<HTMLAnchorElement>, 'href'>) {
  function follow(event: MouseEvent<HTMLAnchorElement>): void {
    rest.onClick?.(event)
    // With a key held, the browser opens a tab or a window.
    if (event.metaKey || event.ctrlKey || event.shiftKey || event.altKey || event.button !== 0) return
    event.preventDefault()
    navigate(to, query)
    scrollTo(0, 0)
  }
  return <a {...rest} href={hrefOf(to) + query} onClick={follow} />
}

const listeners = new Set<() => void>()

function onNavigation(listener: () => void): () => void {
  listeners.add(listener)
  addEventListener('popstate', listener)
  return () => {
    listeners.delete(listener)
    removeEventListener('popstate', listener)
  }
}

/** Relative to any other page, as all are on one level. */
function hrefOf(page: ConsolePage): string {
  return `.${page}`
}

function pageOf(pathname: string): ConsolePage {
  const last = pathname.slice(pathname.lastIndexOf('/'))
  return consolePages.find((page) => page === last) ?? '/'
}
