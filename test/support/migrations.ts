import { readdirSync } from 'node:fs'

/** The names of all migrations, in their order. */
export function migrationNames(): string[] {
  return readdirSync(new URL('../../migrations', import.meta.url))
    .map((file) => file.replace(/\.ts$/, ''))
    .sort()
}
