import { readFileSync } from 'node:fs'
import t from 'tap'
import { createProcessRegistry } from '../../src/metrics/registry.ts'
import { startApp } from '../support/app.ts'

/** Labels that Prometheus adds by itself. */
const given = ['le', 'job', 'instance']

const read = (path: string): string => readFileSync(new URL(`../../deploy/${path}`, import.meta.url), 'utf8')

/** The expressions of the dashboard's panels, and those of the alerts. */
function listExpressions(): string[] {
  const { panels } = JSON.parse(read('grafana/latchkey.json')) as {
    panels: { targets: { expr: string }[] }[]
  }
  const alerts = [...read('alerts.yaml').matchAll(/expr: (?:>-\n)?((?:.*\n)+?)(?= {8}\w+:)/g)]
  return [
    ...panels.flatMap(({ targets }) => targets.map(({ expr }) => expr)),
    ...alerts.map(([, expr = '']) => expr),
  ]
}

t.test('the dashboard and the alerts name metrics and labels that there are', async (t) => {
  const metrics = createProcessRegistry()
  const { graphql, createUser, signIn } = await startApp(t, {
    databaseUrl: `sqlite:${t.testdir()}/latchkey.db`,
    smtpUrl: 'log',
    plugin: { metrics },
  })
  const token = await signIn(await createUser())
  await graphql('{ viewer { id } }', null, { token })
  const text = await metrics.metrics()
  const names = new Set([...text.matchAll(/^(\w+)[{ ]/gm)].map(([, name]) => name))
  const labels = new Set([...text.matchAll(/[{,](\w+)="/g)].map(([, label]) => label).concat(given))

  const expressions = listExpressions()
  t.equal(expressions.length > 25, true, 'all of them were found')
  for (const expression of expressions) {
    const named = [...expression.matchAll(/\b(?:latchkey|nodejs|process)_\w+/g)].map(([name]) => name)
    if (!expression.startsWith('up{')) t.ok(named.length > 0, expression)
    for (const name of named) t.ok(names.has(name), `${name} of ${expression}`)
    const matched = [...expression.matchAll(/[{,]\s*(\w+)=~?"/g)].map(([, label = '']) => label)
    const grouped = [...expression.matchAll(/\bby \(([^)]*)\)/g)].flatMap(([, list = '']) =>
      list.split(/, */),
    )
    for (const label of [...matched, ...grouped]) t.ok(labels.has(label), `${label} of ${expression}`)
  }
})
