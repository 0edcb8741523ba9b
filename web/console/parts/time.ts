// From how many seconds on a unit is used, and how many it has: a month is only told of when it is more than one.
const units: [unit: Intl.RelativeTimeFormatUnit, from: number, seconds: number][] = [
  ['year', 63_072_000, 31_536_000],
  ['month', 5_184_000, 2_592_000],
  ['day', 86_400, 86_400],
  ['hour', 3_600, 3_600],
  ['minute', 60, 60],
]

const relative = new Intl.RelativeTimeFormat('en', { numeric: 'auto' })
const day = new Intl.DateTimeFormat('en', { dateStyle: 'medium' })
const moment = new Intl.DateTimeFormat('en', { dateStyle: 'medium', timeStyle: 'short' })

/** How long ago, in words: `5 minutes ago`, `just now`. A clock of the reader's that is slow makes it no future. */
export function ago(time: string): string {
  return inWords(Math.min(secondsUntil(time), 0), 'just now')
}

/** In what time, in words: `in 29 days`. */
export function until(time: string): string {
  return inWords(Math.max(secondsUntil(time), 0), 'in a moment')
}

/** The day, in the reader's time zone. */
export function dayOf(time: string): string {
  return day.format(new Date(time))
}

/** Day and time, in the reader's time zone. */
export function momentOf(time: string): string {
  return moment.format(new Date(time))
}

function secondsUntil(time: string): number {
  return (Date.parse(time) - Date.now()) / 1000
}

function inWords(seconds: number, now: string): string {
  const found = units.find(([, from]) => Math.abs(seconds) >= from)
  if (found === undefined) return now
  const [unit, , size] = found
  return relative.format(Math.round(seconds / size), unit)
}
