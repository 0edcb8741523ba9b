import { existsSync, readFileSync } from 'node:fs'
import t from 'tap'

const document = new URL('../../docs/faults.md', import.meta.url)
const text = readFileSync(document, 'utf8')

/** The rows of the matrix, without its head. */
const rows = text
  .split('\n')
  .filter((line) => line.startsWith('|'))
  .slice(2)
  .map((line) => line.split('|').slice(1, -1))

const tests = new Map(
  [...text.matchAll(/^\[([\w-]+)\]: (\S+) "(.+)"$/gm)].map(([, mark = '', path = '', title = '']) => [
    mark,
    { path, title },
  ]),
)

t.test('each cell of the fault matrix leads to a test', async (t) => {
  t.ok(rows.length > 10)
  const used = new Set<string>()
  for (const [fault = '', ...cells] of rows) {
    t.equal(cells.length, 4, fault)
    for (const cell of cells) {
      const mark = /\]\[([\w-]+)\] $/.exec(cell)?.[1] ?? ''
      used.add(mark)
      t.ok(tests.has(mark), `${fault}:${cell}`)
    }
  }
  t.same([...tests.keys()].sort(), [...used].sort(), 'and no test is named for nothing')
})

t.test('each test that the fault matrix names is there under this name', async (t) => {
  for (const { path, title } of tests.values()) {
    const file = new URL(path, document)
    t.ok(existsSync(file), path)
    t.match(readFileSync(file, 'utf8').replace(/t\.test\(\s+/g, 't.test('), `t.test('${title}'`)
  }
})
