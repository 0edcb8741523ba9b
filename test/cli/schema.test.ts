import { buildSchema, printSchema } from 'graphql'
import t from 'tap'
import { createBench } from './command.ts'

const notes = `
  extend type Query { notes: [Note!] @auth }
  extend type User @auth { notes: [Note!] }
  type Note { text: String! }
`

t.test('the merged schema is printed with its directives, and reads as the same schema', async (t) => {
  const { run } = createBench(t, {}, { 'notes.graphql': notes })
  const own = await run(['schema', 'print'])
  t.equal(own.status, 0)
  t.match(own.stdout, /^""".*directive @auth\(/s)
  t.match(own.stdout, / {2}viewer: User @auth\n/)

  const merged = await run(['schema', 'print', 'notes.graphql'])
  t.match(merged.stdout, / {2}viewer: User @auth\n.* {2}notes: \[Note!\] @auth\n\}/s)
  t.match(merged.stdout, /type User @auth \{[^}]* {2}notes: \[Note!\]\n\}/)
  t.notMatch(merged.stdout, /^extend /m)
  t.equal(
    printSchema(buildSchema(merged.stdout)),
    printSchema(buildSchema(`${own.stdout}\n${notes}`)),
    'nothing is lost',
  )
  const { data, __schema } = JSON.parse((await run(['schema', 'print', '--json'])).stdout)
  t.equal(data, undefined)
  t.equal(__schema.queryType.name, 'Query')
})

t.test('each broken rule is named, and the exit status tells', async (t) => {
  const files = {
    'good.graphql': notes,
    'open.graphql': 'extend type Query { open: Int }\nextend type Mutation { both: Int @auth @public }',
    'syntax.graphql': 'extend type Query {\n  open: Int @@\n}',
    'odd.graphql': 'query',
    'unknown.graphql': 'extend type Query { none: Nothing }',
    'twice.graphql': 'type Query { other: Int @public }',
  }
  const { run, json } = createBench(t, {}, files)
  t.match(await run(['schema', 'check']), { status: 0, stdout: 'The schema keeps all rules.\n' })
  t.strictSame(await json(['schema', 'check', 'good.graphql']), { ok: true, problems: [] })
  const broken = await run(['schema', 'check', 'good.graphql', 'open.graphql'])
  t.match(broken, { status: 1, stdout: /^$/, stderr: /Query\.open: [^\n]*\n(.*\n)*Mutation\.both: / })
  const asJson = await run(['schema', 'check', 'open.graphql', '--json'])
  t.equal(asJson.status, 1)
  t.match(JSON.parse(asJson.stdout), { ok: false, problems: [/Query\.open/, /Mutation\.both/] })

  const all = await run(['schema', 'check', 'unknown.graphql', 'open.graphql', '--json'])
  t.match(JSON.parse(all.stdout), {
    ok: false,
    problems: [/^Unknown type "Nothing"/, /^Query\.none: /, /^Query\.open: /, /^Mutation\.both: /],
  })
  const unreadable = await run([
    'schema',
    'check',
    'syntax.graphql',
    'missing.graphql',
    'good.graphql',
    'odd.graphql',
  ])
  t.match(unreadable, { status: 1, stdout: '' })
  t.match(unreadable.stderr, /syntax\.graphql:2:14: .*\n.*missing\.graphql.*\n.*odd\.graphql:1:6: /)

  const cases: [file: string, says: RegExp][] = [
    ['syntax.graphql', /^syntax\.graphql:2:14: Syntax Error/],
    ['twice.graphql', /Write "extend type"/],
    ['missing.graphql', /missing\.graphql/],
  ]
  for (const command of ['check', 'print']) {
    const outcomes = await Promise.all(cases.map(([file]) => run(['schema', command, file])))
    cases.forEach(([file, says], index) => {
      t.match(outcomes[index], { status: 1, stdout: /^$/, stderr: says }, `${command} ${file}`)
    })
  }
})
