#!/usr/bin/env node
// Runs on any Node, however old, so that it can say which one it needs: better-sqlite3 would crash without a word.
import { existsSync } from 'node:fs'

const [major, minor] = process.versions.node.split('.').map(Number)
// A clone runs its sources, whatever an earlier build left in dist; the published package has the build alone.
const entries = ['../src/cli/latchkey.ts', '../dist/src/cli/latchkey.js']
const entry = entries.map((path) => new URL(path, import.meta.url)).find((url) => existsSync(url))
if (major > 22 || (major === 22 && minor >= 18)) {
  await import(entry.href)
} else {
  process.stderr.write(
    `Latchkey needs Node 22.18 or newer; this is ${process.version} (${process.execPath}).\n` +
      'Install one, or have the "node" package in your project, as a clone of Latchkey has after "npm ci": ' +
      'npm scripts and npx use that.\n',
  )
  process.exitCode = 1
}
