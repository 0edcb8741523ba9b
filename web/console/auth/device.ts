import type { DeviceInput } from '../api/operations.ts'

const key = 'latchkey:device'

/**
 * This browser, as it is shown among its user's devices. The id is random and stays, so that signing in again replaces the
 * token of before instead of adding another device.
 */
export function describeDevice(): DeviceInput {
  const { browser, system } = parseUserAgent(navigator.userAgent)
  return { id: deviceId(), name: `${browser} on ${system}`, platform: 'web' }
}

/** The names of browser and system in a `User-Agent`, as far as people know them. */
export function parseUserAgent(userAgent: string): { browser: string; system: string } {
  const find = (names: [pattern: RegExp, name: string][], otherwise: string): string =>
    names.find(([pattern]) => pattern.test(userAgent))?.[1] ?? otherwise
  return { browser: find(browsers, 'A browser'), system: find(systems, 'an unknown system') }
}

// The order matters: most browsers also claim to be Chrome and Safari.
const browsers: [RegExp, string][] = [
  [/Edg/, 'Edge'],
  [/OPR\//, 'Opera'],
  [/Firefox|FxiOS/, 'Firefox'],
  [/Chrom(e|ium)|CriOS/, 'Chrome'],
  [/Safari/, 'Safari'],
]

const systems: [RegExp, string][] = [
  [/iPhone/, 'iPhone'],
  [/iPad/, 'iPad'],
  [/Android/, 'Android'],
  [/Windows/, 'Windows'],
  [/Mac OS|Macintosh/, 'Mac'],
  [/CrOS/, 'ChromeOS'],
  [/Linux/, 'Linux'],
]

function deviceId(): string {
  const known = localStorage.getItem(key)
  if (known !== null) return known
  // Not `randomUUID`, which plain HTTP from another machine does not have.
  const id = [...crypto.getRandomValues(new Uint8Array(16))]
    .map((byte) => byte.toString(16).padStart(2, '0'))
    .join('')
  localStorage.setItem(key, id)
  return id
}
