import { durationBounds, type Series } from './series.ts'

interface Value {
  labels: Record<string, string | number>
  value: number
  metricName: string
}

/** A histogram in the form that registries of prom-client take, of what is counted elsewhere: prom-client's own makes several objects for each value. */
export interface DurationMetric {
  name: string
  help: string
  type: 'histogram'
  aggregator: 'sum'
  get(): Promise<{ name: string; help: string; type: string; aggregator: string; values: Value[] }>
  reset(): void
}

const name = 'latchkey_request_duration_seconds'

export function createDurations(all: ReadonlyMap<string, Series>): DurationMetric {
  const description = {
    name,
    help: 'How long requests of the API took, by operation.',
    type: 'histogram',
    aggregator: 'sum',
  } as const
  return {
    ...description,
    get: async () => ({
      ...description,
      values: [...all].flatMap(([operation, series]) => listValues(operation, series)),
    }),
    reset() {}, // what is counted elsewhere goes on
  }
}

function listValues(operation: string, { buckets, seconds }: Series): Value[] {
  let count = 0
  const values: Value[] = buckets.map((inBucket, index) => {
    count += inBucket
    const labels = { le: durationBounds[index] ?? '+Inf', operation }
    return { labels, value: count, metricName: `${name}_bucket` }
  })
  const labels = { operation }
  values.push({ labels, value: seconds, metricName: `${name}_sum` })
  values.push({ labels, value: count, metricName: `${name}_count` })
  return values
}
