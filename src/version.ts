import { readFileSync } from 'node:fs'

/** Throws where Node is too old: better-sqlite3 would crash there without a word. */
export function requireNode(running: string = process.versions.node): void {
  const [major, minor] = running.split('.').map(Number) as [number, number]
  if (major > 22 || (major === 22 && minor >= 18)) return
  throw new Error(`Latchkey needs Node 22.18 or newer; this is ${running}.`)
}

/** The version in package.json. */
export const version: string = JSON.parse(
  readFileSync(new URL('../package.json', import.meta.url), 'utf8'),
).version
