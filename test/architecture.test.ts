import { existsSync, globSync, readFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import t from 'tap'

const root = fileURLToPath(new URL('..', import.meta.url))

/** One `import`, `import('…')` or `export … from`: a file of ours by its path from the root, or else a package by its name. */
interface Import {
  from: string
  to: string
  own: boolean
  typeOnly: boolean
}

const files = globSync(['src/**/*.ts', 'migrations/*.ts'], { cwd: root }).sort()
const sources = new Map(files.map((file) => [file, readFileSync(join(root, file), 'utf8')]))
const imports = [...sources].flatMap(([file, source]) => readImports(file, source))

/** What each part may import of ours; a part is a folder of `src`, or a file of its top level. */
const mayImport: Record<string, string[]> = {
  http: ['auth', 'errors', 'console-pages', 'lru'],
  graphql: ['auth', 'errors'],
  auth: ['db', 'errors', 'lru'],
  db: ['errors'],
  mail: ['auth'],
  django: ['auth'],
  config: ['contradictions', 'settings'],
  settings: ['setting-parsers'],
  'effective-settings': ['config', 'nearest'],
  contradictions: ['setting-parsers', 'console-pages'],
  'console-pages': [],
  nearest: [],
  'setting-parsers': [],
  errors: [],
  metrics: ['auth', 'errors'],
  tracing: ['db', 'graphql', 'http'],
  admin: ['http', 'listening'],
  listening: [],
  version: [],
  clock: [],
  lru: [],
  'log-output': [],
  migrations: [],
  'auth-options': ['auth', 'config', 'db'],
  redis: ['http'],
  'share-limits': ['config', 'db', 'http', 'redis'],
  runner: ['graphql', 'http'],
  'plugin-options': ['auth', 'config', 'db', 'graphql', 'mail', 'metrics'],
  background: ['auth', 'config', 'metrics'],
  plugin: [
    'background',
    'plugin-options',
    'clock',
    'runner',
    'http',
    'graphql',
    'auth',
    'auth-options',
    'db',
    'config',
    'errors',
    'mail',
    'metrics',
    'share-limits',
    'tracing',
    'version',
  ],
  app: ['plugin', 'plugin-options', 'http', 'config', 'tracing', 'version'],
  closing: [],
  service: [
    'admin',
    'app',
    'closing',
    'config',
    'http',
    'listening',
    'log-output',
    'metrics',
    'plugin',
    'tracing',
    'version',
  ],
  workers: ['admin', 'service', 'closing', 'config', 'log-output', 'http', 'metrics'],
  main: ['service', 'workers', 'closing', 'config'],
  index: ['plugin', 'plugin-options', 'graphql', 'auth', 'config', 'errors', 'mail'],
  cli: [
    'main',
    'graphql',
    'auth',
    'auth-options',
    'db',
    'django',
    'config',
    'effective-settings',
    'errors',
    'setting-parsers',
    'version',
    'plugin',
  ],
}

/** Packages that belong to one part alone; `typesTo` names the parts that may have their types. */
const packagesOf: [pattern: RegExp, parts: string[], typesTo: string[]][] = [
  [/^kysely(\/|$)/, ['db', 'django', 'migrations'], ['auth', 'plugin']],
  [/^better-sqlite3$/, ['db', 'django'], []],
  [/^pg$/, ['db', 'django'], []],
  [/^mercurius$/, ['graphql'], []],
  [/^graphql$/, ['graphql', 'cli'], ['http', 'tracing']],
  [
    /^fastify(-plugin)?$|^@fastify\//,
    ['admin', 'app', 'plugin', 'http'],
    ['background', 'graphql', 'plugin-options', 'runner', 'service', 'share-limits', 'tracing', 'workers'],
  ],
  [/^@opentelemetry\//, ['tracing'], ['plugin-options']],
  [/^@node-rs\/argon2$/, ['auth'], []],
  [/^nodemailer$/, ['mail'], []],
  [/^prom-client$/, ['metrics'], []],
  [/^ioredis$/, ['redis'], []],
  [/^commander$/, ['cli'], []],
]

t.test('the imports are all seen', async (t) => {
  for (const [file, source] of sources) {
    const mentions = source.match(/^(?:import|export|\}).* from '|^import '/gm)?.length ?? 0
    const dynamic = source.match(/\bimport\('/g)?.length ?? 0
    t.equal(imports.filter((one) => one.from === file).length, mentions + dynamic, file)
    t.notMatch(source, /\brequire\(/, `${file} requires nothing`)
  }
  const computed = [...sources].filter(([, source]) => /\bimport\([^')]/.test(source)).map(([file]) => file)
  t.strictSame(computed, ['src/db/migrate.ts'], 'only Kysely loads files by a computed name')
  for (const { from, to, own } of imports) if (own) t.ok(existsSync(join(root, to)), `${from} imports ${to}`)
})

t.test('each part imports only what stands below it', async (t) => {
  for (const { from, to, own } of imports) {
    if (!own) continue
    const [part, other] = [partOf(from), partOf(to)]
    if (part === other) continue
    t.ok(mayImport[part]?.includes(other), `${from} imports ${to}`)
  }
})

t.test('a package belongs to the part that is there for it', async (t) => {
  for (const { from, to, own, typeOnly } of imports) {
    if (own) continue
    for (const [pattern, parts, typesTo] of packagesOf) {
      if (!pattern.test(to) || parts.includes(partOf(from))) continue
      t.ok(typeOnly && typesTo.includes(partOf(from)), `${from} imports ${to}`)
    }
  }
  const importersOf = (name: string): string[] => [
    ...new Set(imports.filter(({ to }) => to === name).map(({ from }) => from)),
  ]
  t.strictSame(
    importersOf('better-sqlite3'),
    ['src/db/backup.ts', 'src/db/dialect.ts', 'src/db/open.ts', 'src/db/restore.ts', 'src/django/sqlite.ts'],
    'two files name a driver of SQLite, two copy files of it, and one opens the database of another system',
  )
  t.strictSame(
    importersOf('pg'),
    [
      'src/db/postgres-changes.ts',
      'src/db/postgres-connections.ts',
      'src/db/postgres-dialect.ts',
      'src/db/postgres.ts',
      'src/django/postgres.ts',
    ],
    'and three that of PostgreSQL, with one for another system',
  )
})

t.test(
  'what runs in a page imports nothing of the server, and each client library where it is for it',
  async (t) => {
    const pages = globSync('clients/*.ts', { cwd: root }).sort()
    const libraries: Record<string, string[]> = {
      'clients/apollo.ts': ['@apollo/client'],
      'clients/urql.ts': ['@urql/core', 'wonka'],
    }
    for (const file of pages) {
      for (const { to, own } of readImports(file, readFileSync(join(root, file), 'utf8'))) {
        if (own) t.ok(pages.includes(to), `${file} imports ${to}`)
        else t.ok(libraries[file]?.includes(to), `${file} imports ${to}`)
      }
    }
    for (const { from, to, own } of imports) if (own) t.notMatch(to, /^clients\//, `${from} imports ${to}`)
  },
)

t.test('migrations import Kysely and nothing else', async (t) => {
  for (const { from, to } of imports) {
    if (partOf(from) === 'migrations') t.equal(to, 'kysely', from)
  }
})

t.test('SQL is written in db and migrations alone, but that on the tables of Django', async (t) => {
  const sql = /\.(selectFrom|insertInto|updateTable|deleteFrom|mergeInto)\(|\bsql(<.*>)?`|\.schema\.create/
  for (const [file, source] of sources) {
    if (!['db', 'django', 'migrations'].includes(partOf(file))) t.notMatch(source, sql, file)
  }
})

t.test('only the process and the command line read the environment', async (t) => {
  for (const [file, source] of sources) {
    if (!['main', 'cli'].includes(partOf(file))) t.notMatch(source, /process\.(env|argv)\b/, file)
  }
})

t.test('no file imports itself on any way round', async (t) => {
  t.strictSame(findCycle(), null)
})

t.test('each file is reached from the package or from the command', async (t) => {
  const reached = new Set<string>()
  const visit = (file: string): void => {
    if (reached.has(file)) return
    reached.add(file)
    for (const { from, to, own } of imports) if (own && from === file) visit(to)
    const thread = /new URL\(`(\.\/[^`$]+)\$\{extname\(/.exec(sources.get(file) ?? '')?.[1]
    if (thread !== undefined) visit(join(dirname(file), `${thread}.ts`))
  }
  visit('src/index.ts')
  for (const file of files) if (partOf(file) === 'cli' || partOf(file) === 'migrations') visit(file)
  t.strictSame(
    files.filter((file) => !reached.has(file)),
    [],
  )
})

t.test('files are short enough to be read', async (t) => {
  for (const [file, source] of sources) {
    if (file === 'src/graphql/schema-types.ts') continue // generated
    t.ok(source.split('\n').length <= 420, file)
  }
})

function readImports(file: string, source: string): Import[] {
  const statement = /(?:^(?:import|export)\s+(type\s+)?(?:[\w*\s,{}$]+?\s+from\s+)?|\bimport\()'([^']+)'/gm
  return [...source.matchAll(statement)].map(([text, typeOnly, target = '']) => {
    const own = target.startsWith('.')
    return {
      from: file,
      to: own ? relative(root, join(root, dirname(file), target)) : target,
      own,
      typeOnly: typeOnly !== undefined || hasOnlyTypes(text),
    }
  })
}

/** `import { type A, type B } from …` */
function hasOnlyTypes(statement: string): boolean {
  const names = /^\w+\s+\{([^}]*)\}/
    .exec(statement)?.[1]
    ?.split(',')
    .map((name) => name.trim())
  return names?.every((name) => name === '' || name.startsWith('type ')) ?? false
}

function partOf(file: string): string {
  const [folder = '', part = ''] = file.split('/')
  return folder === 'migrations' ? folder : part.replace(/\.ts$/, '')
}

/** The files of one cycle in the order of import, or null. */
function findCycle(): string[] | null {
  const done = new Set<string>()
  const search = (file: string, path: readonly string[]): string[] | null => {
    if (path.includes(file)) return [...path.slice(path.indexOf(file)), file]
    if (done.has(file)) return null
    done.add(file)
    for (const { from, to, own } of imports) {
      const cycle = own && from === file ? search(to, [...path, file]) : null
      if (cycle !== null) return cycle
    }
    return null
  }
  for (const file of files) {
    const cycle = search(file, [])
    if (cycle !== null) return cycle
  }
  return null
}
