import { globSync, readFileSync } from 'node:fs'
import t from 'tap'
import { LatchkeyError } from '../src/errors.ts'

const root = new URL('../', import.meta.url)
const read = (path: string): string => readFileSync(new URL(path, root), 'utf8')

t.test('the README has each code and each reason', (t) => {
  const table = read('README.md').split('### The header')[1]?.split('## Clients')[0] ?? ''
  const listed = new Set([...table.matchAll(/`([A-Z_]+)`/g)].map(([, name]) => name))
  const sources = globSync('src/{auth,graphql,http}/*.ts', { cwd: root }).map(read)
  const named = sources.flatMap((source) => [
    ...source.matchAll(/(?:reason: |badInput\([^,)]*,\s*|tooComplex\(|LatchkeyError\(\s*)'([A-Z_]{2,})'/g),
  ])
  const names = new Set(named.map(([, name]) => name))
  t.ok(names.size > 50, `${names.size} are in the sources`)
  t.strictSame(
    [...names].filter((name) => !listed.has(name)),
    [],
  )
  t.end()
})

t.test('an error tells clients its code with what belongs to it', (t) => {
  const error = new LatchkeyError('CONFLICT', 'This username is taken.', {
    reason: 'TAKEN',
    field: 'username',
  })
  t.strictSame(error.extensions, { code: 'CONFLICT', reason: 'TAKEN', field: 'username' })
  t.end()
})
