import { GraphQLError, Kind, type ValueNode } from 'graphql'

const rfc3339 = /^(\d{4}-\d{2}-\d{2})[Tt]([01]\d|2[0-3]):\d{2}:\d{2}(\.\d{1,9})?([Zz]|[+-]\d{2}:\d{2})$/

/** `DateTime`: RFC 3339 in UTC on the wire; milliseconds since 1970, or a Date, in code. */
export const dateTime = {
  serialize(value: unknown): string {
    const date = new Date(value as number | string | Date)
    if (Number.isNaN(date.getTime()))
      throw new TypeError('A DateTime field resolved to something that is no time.')
    return date.toISOString()
  },
  parseValue: parseDateTime,
  parseLiteral: (node: ValueNode): number => parseDateTime(node.kind === Kind.STRING ? node.value : null),
}

function parseDateTime(value: unknown): number {
  const day = typeof value === 'string' ? rfc3339.exec(value)?.[1] : undefined
  const time = day !== undefined && isDay(day) ? Date.parse(value as string) : Number.NaN
  if (Number.isNaN(time)) {
    throw new GraphQLError('DateTime must be RFC 3339 text, for example 2026-11-23T09:30:00.000Z.')
  }
  return time
}

/** `Date` takes the 30th of February for the 2nd of March. */
function isDay(day: string): boolean {
  const time = Date.parse(day)
  return !Number.isNaN(time) && new Date(time).toISOString().startsWith(day)
}
