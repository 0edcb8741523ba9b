import { AsyncLocalStorage } from 'node:async_hooks'
import type { AuthEvent, ReportEvent } from './origin.ts'

/** Does what follows events that belong together, in their order. It must not reject. */
export type FollowEvents = (events: readonly AuthEvent[]) => Promise<void>

/** What may be waited for. */
type UseCases<T> = { [Name in keyof T]: (...parameters: never[]) => Promise<unknown> }

/** Joins what follows events to the use cases that report them. */
export interface FollowUp {
  report: ReportEvent
  /** The same use cases; each of them ends when what follows its events has ended, or has taken too long. */
  bind<T extends UseCases<T>>(useCases: T): T
  /** Resolves when all that is under way has ended, or has taken too long. */
  settled(): Promise<void>
}

/** Nothing follows but the report. */
export function createNoFollowUp(report: ReportEvent): FollowUp {
  return { report, bind: (useCases) => useCases, settled: async () => {} }
}

/**
 * The events of a use case are kept aside until it has ended, which is after its commit. A context of Node's tells to
 * which of those that are under way an event belongs, so that reporting one stays a plain call.
 */
export function createFollowUp(deps: {
  report: ReportEvent
  followers: readonly FollowEvents[]
  /** How long a use case waits for what follows, in milliseconds. */
  limitMs: number
}): FollowUp {
  const { report, followers, limitMs } = deps
  const current = new AsyncLocalStorage<{ events: AuthEvent[]; ended: boolean }>()
  const running = new Set<Promise<void>>()

  async function follow(events: readonly AuthEvent[]): Promise<void> {
    for (const follower of followers) await follower(events)
  }

  function begin(events: readonly AuthEvent[]): Promise<void> {
    const work = follow(events).finally(() => running.delete(work))
    running.add(work)
    return work
  }

  function bindOne<Act extends (...parameters: never[]) => Promise<unknown>>(act: Act): Act {
    const bound = (...parameters: Parameters<Act>): Promise<unknown> => {
      const useCase = { events: [], ended: false }
      return current
        .run(useCase, () => act(...parameters))
        .finally(() => {
          useCase.ended = true
          return useCase.events.length > 0 ? atMost(limitMs, begin(useCase.events)) : undefined
        })
    }
    return bound as Act
  }

  return {
    report(event) {
      report(event)
      const useCase = current.getStore()
      // Also where a use case has left something behind that goes on.
      if (useCase === undefined || useCase.ended) begin([event])
      else useCase.events.push(event)
    },
    bind<T extends UseCases<T>>(useCases: T): T {
      const bound = Object.entries<(...parameters: never[]) => Promise<unknown>>({ ...useCases }).map(
        ([name, act]) => [name, bindOne(act)],
      )
      return Object.fromEntries(bound) as T // the same names, each with a function of its type
    },
    settled: () => atMost(limitMs, Promise.all(running)),
  }
}

async function atMost(limitMs: number, work: Promise<unknown>): Promise<void> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, limitMs)
  })
  await Promise.race([work, late]).finally(() => clearTimeout(timer))
}
