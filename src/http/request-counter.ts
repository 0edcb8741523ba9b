import { createLru } from '../lru.ts'

/** Whether a request is one too many, with the milliseconds until it would not be. */
export interface Counted {
  readonly isExceeded: boolean
  readonly ttl: number
}

/** Counts one for `key`. It answers at once, but where it has to ask another process first. */
export type CountRequest = (key: string) => Counted | Promise<Counted>

/** The same in this process alone. */
export type CountAtOnce = (key: string) => Counted

/** Keys that are remembered at once; past them the one that was used longest ago begins anew. */
export const rememberedKeys = 50_000

/** The one answer for all that is not too many: no request makes an object of its own. */
export const admitted: Counted = Object.freeze({ isExceeded: false, ttl: 0 })

/** A limit: so many in a window, which begins with the first. */
export interface Limit {
  max: number
  windowMs: number
}

/** Counts in this process's memory. The clock never steps back: milliseconds since whenever. */
export function createCounter(
  { max, windowMs }: Limit,
  clock: () => number = () => performance.now(),
): CountAtOnce {
  const windows = createLru<{ left: number; endsAt: number }>(rememberedKeys)
  return (key) => {
    const now = clock()
    const window = windows.get(key)
    if (window === undefined || window.endsAt <= now) {
      windows.set(key, { left: max - 1, endsAt: now + windowMs })
      return admitted
    }
    if (window.left === 0) return { isExceeded: true, ttl: window.endsAt - now }
    window.left--
    return admitted
  }
}
