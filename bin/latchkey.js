#!/usr/bin/env node
// Runs on any Node, however old, so that it can say which one it needs: better-sqlite3 would crash without a word.
import { existsSync, mkdirSync, statSync } from 'node:fs'
import module from 'node:module'
import { homedir } from 'node:os'
import { join } from 'node:path'

const [major, minor] = process.versions.node.split('.').map(Number)
// A clone runs its sources, whatever an earlier build left in dist; the published package has the build alone.
const entries = ['../src/cli/latchkey.ts', '../dist/src/cli/latchkey.js']
const entry = entries.map((path) => new URL(path, import.meta.url)).find((url) => existsSync(url))
if (major > 22 || (major === 22 && minor >= 18)) {
  keepCompiledCode()
  await import(entry.href)
} else {
  process.stderr.write(
    `Latchkey needs Node 22.18 or newer; this is ${process.version} (${process.execPath}).\n` +
      'Install one, or have the "node" package in your project, as a clone of Latchkey has after "npm ci": ' +
      'npm scripts and npx use that.\n',
  )
  process.exitCode = 1
}

/**
 * Has Node keep what it compiles for the next start. Not in the folder for temporary files, which is Node's default:
 * somebody else could have put code there that would be run here. What cannot be kept is compiled each time.
 */
function keepCompiledCode() {
  try {
    const caches = process.env.XDG_CACHE_HOME || join(homedir(), '.cache')
    const folder = join(caches, 'latchkey')
    // One by one: with `recursive` Node never ends under /proc.
    for (const path of [caches, folder]) if (!existsSync(path)) mkdirSync(path, 0o700)
    // Windows knows no owners, and says 0.
    if ([0, process.getuid?.()].includes(statSync(folder).uid)) module.enableCompileCache(folder)
  } catch {
    // A file system that is read-only, or an account without a home.
  }
}
