/** Upper bounds of the buckets of durations, in seconds. */
export const durationBounds: readonly number[] = [
  0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10,
]

/** What is counted of the requests of one operation. */
export interface Series {
  /** How many took no longer than each bound and longer than the one before; the last one is for all that took longer. */
  readonly buckets: number[]
  seconds: number
  /** How many were answered without a refusal. */
  answered: number
  /** The others, by their code. */
  readonly refused: Map<string, number>
}

/** Counts one request. It makes no object, unless a code is met for the first time. */
export function countRequest(series: Series, code: string | null, seconds: number): void {
  let bucket = 0
  while (bucket < durationBounds.length && seconds > (durationBounds[bucket] as number)) bucket++
  series.buckets[bucket] = (series.buckets[bucket] as number) + 1
  series.seconds += seconds
  if (code === null) series.answered++
  else series.refused.set(code, (series.refused.get(code) ?? 0) + 1)
}

/** The series of all operations, by what they are labelled with. */
export interface OperationSeries {
  /**
   * The series of an operation. A name of its own is for what signed-in users ask for, and for so many names alone; all
   * else is counted by the first field at the root, in parentheses. So nobody who invents names makes more of them.
   */
  find(operation: NamedOperation | null, mayName: boolean): Series
  readonly all: ReadonlyMap<string, Series>
}

/** An operation as far as it is labelled. */
export interface NamedOperation {
  readonly name: string | null
  /** The first field at the root, where the schema has it. */
  readonly field: string | null
}

/** Longer names are not worth a label. */
const longestName = 100

/** With names that are known from the start, or with as many as there is room for, the first ones. */
export function createOperationSeries(names: number | readonly string[]): OperationSeries {
  const all = new Map<string, Series>()
  const named = new Map<string, Series>()
  const byField = new Map<string, Series>()
  const room = typeof names === 'number' ? names : 0
  const none = add(byField, '', '(none)')
  if (typeof names !== 'number') for (const name of names) add(named, name, name)

  function add(map: Map<string, Series>, key: string, label: string): Series {
    const buckets = Array.from({ length: durationBounds.length + 1 }, () => 0)
    const series: Series = { buckets, seconds: 0, answered: 0, refused: new Map() }
    map.set(key, series)
    all.set(label, series)
    return series
  }

  return {
    all,
    find(operation, mayName) {
      if (operation === null) return none
      const { name, field } = operation
      if (name !== null) {
        const known = named.get(name)
        if (known !== undefined) return known
        if (mayName && named.size < room && name.length <= longestName) return add(named, name, name)
      }
      if (field === null) return none
      return byField.get(field) ?? add(byField, field, `(${field})`)
    },
  }
}
