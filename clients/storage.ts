/**
 * Where a client keeps what it knows of its token: one text, to be kept as a password is. Write your own for what a device
 * has, Keychain or Keystore for example; both functions may answer at once or with a promise, and what they throw or reject
 * with reaches who asked.
 */
export interface TokenStorage {
  /** The text that was set last, or null. */
  get(): string | null | Promise<string | null>
  /** Keeps a text in the place of the former one, or with null none. */
  set(text: string | null): void | Promise<void>
  /**
   * How tabs stand to each other: they share one text (`shared`: it is read anew each time), or a tab that is duplicated takes
   * a copy along (`copied`). Left out, each has its own and nobody else writes it.
   */
  tabs?: 'shared' | 'copied'
  /** Whether the browser keeps the token itself, in a cookie, and the text says only when it ends. */
  cookie?: true
}

/** Keeps the token until the page is left or the process ends: no script of a later page can read it. */
export function memoryStorage(): TokenStorage {
  let kept: string | null = null
  return {
    get: () => kept,
    set: (text) => {
      kept = text
    },
  }
}

/** Web Storage, as far as `webStorage` uses it. */
export interface WebStorageArea {
  getItem(key: string): string | null
  setItem(key: string, value: string): void
  removeItem(key: string): void
}

/**
 * Keeps the token in `sessionStorage`, for one tab and over reloads, or in `localStorage` for all tabs of the origin. Any
 * script on the page can read both: memory is safer, and so is a cookie.
 */
export function webStorage(area: WebStorageArea, key = 'latchkey'): TokenStorage {
  const isLocal = area === (globalThis as { localStorage?: WebStorageArea }).localStorage
  return {
    tabs: isLocal ? 'shared' : 'copied',
    get: () => area.getItem(key),
    set: (text) => (text === null ? area.removeItem(key) : area.setItem(key, text)),
  }
}

/**
 * Leaves the token to the browser, in a cookie that no script can read: for pages of the API's own origin, and of those of the
 * same site that its `CORS_ORIGINS` lists. What is kept in `localStorage` is the token's id and times, for all tabs.
 */
export function cookieStorage(area: WebStorageArea = localStorage, key = 'latchkey'): TokenStorage {
  return { ...webStorage(area, key), tabs: 'shared', cookie: true }
}
