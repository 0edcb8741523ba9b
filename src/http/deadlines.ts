/** Work that is to be given up after a time. */
export interface Deadlines {
  /** Begins to wait; `late` is called once if the work is not ended in time. */
  begin(late: () => void): Deadline
  /** Ends the work; false when it is too late. */
  end(deadline: Deadline): boolean
  close(): void
}

interface Deadline {
  readonly begun: number
  readonly late: () => void
}

/** How finely the time is measured: what is due is given up within so much of the limit. */
const ticksPerLimit = 20

/** One timer for all that runs: a timer of its own would cost each request more than what it waits for. */
export function createDeadlines(limitMs: number): Deadlines {
  const running = new Set<Deadline>()
  let ticks = 0
  const timer = setInterval(() => {
    ticks++
    // In the order in which they began.
    for (const deadline of running) {
      if (ticks - deadline.begun <= ticksPerLimit) break
      running.delete(deadline)
      deadline.late()
    }
  }, limitMs / ticksPerLimit).unref()
  return {
    begin(late) {
      const deadline = { begun: ticks, late }
      running.add(deadline)
      return deadline
    },
    end: (deadline) => running.delete(deadline),
    close: () => clearInterval(timer),
  }
}
