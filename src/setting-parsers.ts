import { isIP } from 'node:net'

/** How the text of a setting is read. Each parser throws an `Error` that says what is accepted, never what was given. */

/** Any text but none. */
export function text(value: string): string {
  if (value === '') throw new Error('a text that is not empty')
  return value
}

/** The path of a URL. */
export function path(value: string): string {
  if (!/^\/[A-Za-z0-9/_.-]*$/.test(value)) throw new Error('a path such as /graphql')
  if (/^\/(healthz|readyz)$/.test(value))
    throw new Error('another path than those of probes, such as /graphql')
  if (/^\/graphiql(\/|$)/.test(value)) throw new Error('another path than that of GraphiQL, such as /graphql')
  return value
}

/** Where a database is: a file of SQLite, or a server of PostgreSQL. */
export function databaseAddress(value: string): string {
  if (/^sqlite:./.test(value) || /^postgres(ql)?:\/\/[^/]*\/./.test(value)) return value
  throw new Error('an address such as sqlite:data/latchkey.db or postgres://user:password@host/database')
}

/** Where a replica of PostgreSQL is, or nothing. */
export function replicaAddress(value: string): string {
  if (value === '' || /^postgres(ql)?:\/\/[^/]*\/./.test(value)) return value
  throw new Error('an address such as postgres://user:password@replica.example.org/database')
}

/** Where a Redis is, or nothing. */
export function redisAddress(value: string): string {
  if (value === '') return value
  if (/^rediss?:\/\/./.test(value) && URL.canParse(value) && new URL(value).hostname !== '') return value
  throw new Error('an address such as redis://redis.example.org:6379 or rediss://user:password@host')
}

/** How mails are sent: by a server (RFC 5321), to the log, or not at all. */
export function mailServer(value: string): string {
  if (value === 'log' || value === 'off') return value
  if (/^smtps?:\/\/./.test(value) && URL.canParse(value) && new URL(value).hostname !== '') return value
  throw new Error('log, off or an address such as smtp://user:password@mail.example.org:587')
}

/** Whom mails are from, or nothing. */
export function sender(value: string): string {
  if (value === '' || /^([^\p{C}<>"@]+ )?<?[^\s\p{C}<>",;:@]+@[^\s\p{C}<>",;:@]+>?$/u.test(value))
    return value
  throw new Error('an address such as login@example.org or Example <login@example.org>')
}

/** The beginning of links: an origin, with or without a path. */
export function baseUrl(value: string): string {
  if (/^https?:\/\/./.test(value) && URL.canParse(value) && !/[?#\s]/.test(value))
    return value.replace(/\/+$/, '')
  throw new Error('an address such as https://app.example.org')
}

/** Where a link leads, with a place for the token. */
export function link(value: string): string {
  if (/^(https?:\/\/[^\s/]+)?\/\S*$/.test(value) && value.split('{token}').length === 2) return value
  throw new Error('a path or an address with {token} in it, such as /reset-password#token={token}')
}

/** A folder, or nothing. */
export function folder(value: string): string {
  if (!value.includes('\0')) return value
  throw new Error('a folder')
}

/** A file, or nothing. */
export function file(value: string): string {
  if (!value.includes('\0')) return value
  throw new Error('a file')
}

/** What tokens begin with. */
export function prefix(value: string): string {
  if (!/^[A-Za-z0-9]{1,19}_$/.test(value))
    throw new Error('1 to 19 letters or digits and an underscore, such as lk_')
  return value
}

/** The name of an HTTP header. */
export function headerName(value: string): string {
  if (!/^[A-Za-z][A-Za-z0-9-]{0,63}$/.test(value)) throw new Error('a header name such as Authorization')
  return value
}

/** A cookie's name without the prefix that is put before it, or `off`. */
export function cookieName(value: string): string {
  if (!/^[A-Za-z][A-Za-z0-9_-]{0,63}$/.test(value)) throw new Error('a name such as latchkey, or off')
  return value
}

/** Authentication schemes, at least one. */
export function schemes(value: string): string[] {
  const list = splitList(value)
  if (list.length === 0 || list.some((scheme) => !/^[A-Za-z][A-Za-z0-9-]{0,31}$/.test(scheme))) {
    throw new Error('one or more schemes such as Token, separated by commas')
  }
  return list
}

/** Origins of pages (RFC 6454 §6.2), or none. */
export function origins(value: string): string[] {
  const list = splitList(value)
  if (list.some((origin) => !isOrigin(origin))) {
    throw new Error(
      'origins such as https://app.example.org, separated by commas, without a path or a wildcard',
    )
  }
  return list
}

function isOrigin(value: string): boolean {
  return /^https?:\/\/[^*]+$/.test(value) && URL.canParse(value) && new URL(value).origin === value
}

/** What Fastify's `trustProxy` takes, but for `true`: who trusts everyone believes any address. */
export function proxies(value: string): false | number | string[] {
  if (value === 'off' || value === 'false' || value === '0') return false
  if (/^[1-9]\d?$/.test(value)) return Number(value)
  const list = splitList(value)
  if (list.length === 0 || !list.every(isProxy)) {
    throw new Error(
      'off, a number of proxies, or addresses and CIDRs such as 10.0.0.0/8, separated by commas',
    )
  }
  return list
}

/** A range of all addresses would believe everyone, as `true` would. */
function isProxy(entry: string): boolean {
  if (/^(loopback|linklocal|uniquelocal)$/.test(entry)) return true
  const [address = '', prefix] = entry.split(/\/(?=\d{1,3}$)/)
  const version = isIP(address)
  if (version === 0) return false
  return prefix === undefined || (Number(prefix) >= 1 && Number(prefix) <= (version === 4 ? 32 : 128))
}

function splitList(value: string): string[] {
  return value
    .split(',')
    .map((entry) => entry.trim())
    .filter((entry) => entry !== '')
}

/** On or off. */
export function flag(value: string): boolean {
  if (/^(on|true|yes|1)$/i.test(value)) return true
  if (/^(off|false|no|0)$/i.test(value)) return false
  throw new Error('on or off')
}

/** One of a few words. */
export function oneOf<const T extends string>(...values: T[]): (value: string) => T {
  return (value) => {
    if ((values as string[]).includes(value)) return value as T
    throw new Error(`one of ${values.join(', ')}`)
  }
}

/** The events that may be posted as webhooks. */
export const postedEvents = [
  'authn_login_success',
  'authn_login_successafterfail',
  'authn_login_lock',
  'authn_password_change',
  'authn_password_confirmed',
  'authn_password_reset',
  'authn_token_created',
  'authn_token_revoked',
  'authn_token_rotated',
  'authn_token_reuse',
  'email_verified',
  'email_changed',
  'token_reported',
  'user_created',
  'user_updated',
  'user_disabled',
  'user_enabled',
  'user_role_changed',
  'user_deleted',
] as const

/** Some of a few words, or `all`. */
export function someOf<const T extends string>(...values: T[]): (value: string) => T[] {
  return (value) => {
    if (value === 'all') return values
    const list = splitList(value)
    if (list.length > 0 && list.every((word) => (values as string[]).includes(word))) return list as T[]
    throw new Error(`all, or some of ${values.join(', ')}, separated by commas`)
  }
}

/** Whether a URL's host is this machine. */
export function isLocalHost(hostname: string): boolean {
  return /^(localhost|127(\.\d+){3}|\[::1\])$/.test(hostname)
}

/** Where webhooks are posted to, or nowhere. In plain HTTP only on this machine; `fetch` takes no credentials in a URL. */
export function webhookUrl(value: string): string {
  if (value === '') return value
  const url = URL.parse(value)
  const isLocal = isLocalHost(url?.hostname ?? '')
  const isFitting = url?.protocol === 'https:' || (url?.protocol === 'http:' && isLocal)
  if (url !== null && isFitting && url.username === '' && url.password === '') return value
  throw new Error('an address such as https://app.example.org/latchkey, or one of http: on this machine')
}

/** The secrets of Standard Webhooks, or none. */
export function webhookSecrets(value: string): string[] {
  const list = splitList(value)
  if (list.every(isWebhookSecret)) return list
  throw new Error('whsec_ and 24 to 64 random bytes in base64; several are separated by commas')
}

function isWebhookSecret(value: string): boolean {
  const base64 = /^whsec_([A-Za-z0-9+/]+={0,2})$/.exec(value)?.[1] ?? ''
  const size = Buffer.from(base64, 'base64').length
  return size >= 24 && size <= 64
}

/** A whole number of a range. */
export function integer(least: number, most: number): (value: string) => number {
  return (value) => {
    const number = /^\d{1,10}$/.test(value) ? Number(value) : Number.NaN
    if (number >= least && number <= most) return number
    throw new Error(`a whole number from ${least} to ${most}`)
  }
}

/** A whole number of a range; 0 stands for `off`. */
export function integerOrOff(least: number, most: number): (value: string) => number {
  const parse = integer(least, most)
  return (value) => (value === 'off' || value === '0' ? 0 : orWord('off', parse, value))
}

/** How many names there may be, or the names that there are (https://spec.graphql.org/October2021/#Name). */
export function numberOrNames(most: number): (value: string) => number | string[] {
  const parse = integer(0, most)
  return (value) => {
    if (/^\d/.test(value)) return parse(value)
    const list = splitList(value)
    if (list.length > 0 && list.length <= most && list.every((name) => /^[A-Za-z_]\w{0,99}$/.test(name)))
      return list
    throw new Error(`a number up to ${most}, or up to ${most} names of operations, separated by commas`)
  }
}

/** A whole number of a range, or `auto`. */
export function integerOrAuto(least: number, most: number): (value: string) => number | 'auto' {
  const parse = integer(least, most)
  return (value) => (value === 'auto' ? value : orWord('auto', parse, value))
}

const unitMs = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 }

/** A duration, in milliseconds. By the name of its parser, `config.ts` knows it for one. */
export function duration(least: number): (value: string) => number {
  return function parseDuration(value) {
    const match = /^(\d{1,15})(ms|s|m|h|d)$/.exec(value)
    const ms = match ? Number(match[1]) * unitMs[match[2] as keyof typeof unitMs] : Number.NaN
    // Ten thousand days: what is meant to last longer is a mistake, and dates would overflow in the end.
    if (ms >= least && ms <= 10_000 * unitMs.d) return ms
    const atLeast = least % 1_000 === 0 ? `${least / 1_000}s` : `${least}ms`
    throw new Error(`a duration such as 30d, 12h, 15m or 10s, at least ${atLeast}`)
  }
}

/** A duration, in milliseconds; infinity stands for `off`. */
export function durationOrOff(least: number): (value: string) => number {
  const parse = duration(least)
  return function parseDuration(value) {
    return value === 'off' || value === 'Infinityms' ? Number.POSITIVE_INFINITY : orWord('off', parse, value)
  }
}

/** Parses what is not `word`, and says in a refusal that `word` would have been accepted. */
function orWord<T>(word: string, parse: (value: string) => T, value: string): T {
  try {
    return parse(value)
  } catch (error) {
    throw new Error(`${word} or ${(error as Error).message}`)
  }
}

/** A size in bytes. */
export function bytes(value: string): number {
  const match = /^(\d{1,9})(KiB|MiB)?$/.exec(value)
  const size = match
    ? Number(match[1]) * (match[2] === 'MiB' ? 1_048_576 : match[2] === 'KiB' ? 1_024 : 1)
    : Number.NaN
  if (size >= 1_024 && size <= 104_857_600) return size
  throw new Error('a size from 1KiB to 100MiB, such as 100KiB')
}
