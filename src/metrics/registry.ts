import { AggregatorRegistry, collectDefaultMetrics, type MetricObject, Registry } from 'prom-client'

/** Metrics as they are sent from one process to another. */
export type Snapshot = readonly MetricObject[]

/** A registry with what Node says of the process: event loop, memory, garbage, CPU. */
export function createProcessRegistry(): Registry {
  const registry = new Registry()
  collectDefaultMetrics({ register: registry })
  return registry
}

export async function takeSnapshot(registry: Registry): Promise<Snapshot> {
  return (await registry.getMetricsAsJSON()) as unknown as Snapshot // its own type is of another thing
}

/** The metrics of several processes, added up. */
export interface Gathered {
  /** Takes what a process has counted so far in the place of what it had before. */
  take(source: number, snapshot: Snapshot): void
  /** A process has ended: what it counted stays, so that nothing that counts up ever goes down. */
  end(source: number): void
  /** In the text format of Prometheus. */
  print(): Promise<string>
}

export function createGathered(): Gathered {
  const live = new Map<number, Snapshot>()
  let past: Snapshot = []

  return {
    take: (source, snapshot) => void live.set(source, snapshot),
    end(source) {
      const last = (live.get(source) ?? []).filter(({ type }) => isCount(type))
      live.delete(source)
      const sum = AggregatorRegistry.aggregate([past, last] as never)
      past = sum.getMetricsAsArray() as unknown as Snapshot
    },
    print: () => AggregatorRegistry.aggregate([...live.values(), past] as never).metrics(),
  }
}

/** In messages types are words, though prom-client's declarations say numbers. */
function isCount(type: unknown): boolean {
  return type === 'counter' || type === 'histogram'
}
