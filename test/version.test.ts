import { readFileSync } from 'node:fs'
import t from 'tap'
import { requireNode, version } from '../src/version.ts'

t.test('a Node that would crash is refused with a sentence, and no other', (t) => {
  for (const old of ['20.20.2', '22.17.9', '18.0.0']) {
    t.throws(() => requireNode(old), { message: `Latchkey needs Node 22.18 or newer; this is ${old}.` })
  }
  for (const good of ['22.18.0', '23.0.0', '26.10.0', process.versions.node]) {
    t.doesNotThrow(() => requireNode(good), good)
  }
  t.end()
})

t.test('the version is that of the package', (t) => {
  t.equal(version, JSON.parse(readFileSync('package.json', 'utf8')).version)
  t.end()
})
