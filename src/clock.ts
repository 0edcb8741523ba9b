/** A set-back of less is how clocks are kept right, and not worth a word. */
const noticeableMs = 1_000

/**
 * The time in milliseconds since 1970, which never goes back: when the system's clock is set back, this one goes on from
 * where it was, so that no expired token is live again. `onSetBack` is told by how much, once for each time.
 */
export function createClock(
  onSetBack: (aheadMs: number) => void,
  wallClock: () => number = () => Date.now(),
  elapsed: () => number = () => performance.now(),
): () => number {
  let offset = wallClock() - elapsed()
  let reportedMs = noticeableMs
  return () => {
    const now = elapsed()
    const aheadMs = now + offset - wallClock()
    if (aheadMs < 0) {
      offset -= aheadMs // the system's clock was set on: there is nothing against that
      reportedMs = noticeableMs
    } else if (aheadMs > reportedMs) {
      reportedMs = aheadMs + noticeableMs
      onSetBack(aheadMs)
    }
    return Math.floor(now + offset)
  }
}
