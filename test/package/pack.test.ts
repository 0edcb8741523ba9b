import { execFile } from 'node:child_process'
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, dirname, join, relative, sep } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import t from 'tap'
import { password } from '../support/app.ts'
import { collectLog, secret } from '../support/log.ts'

/**
 * The package as strangers get it: packed from a copy of the repository, so that nothing is built in the repository
 * itself, and installed from the registry into an empty project far from the repository's `node_modules`.
 */
const repository = fileURLToPath(new URL('../..', import.meta.url))
const fixtures = fileURLToPath(new URL('fixtures', import.meta.url))
const manifest = JSON.parse(readFileSync(join(repository, 'package.json'), 'utf8'))
const folder = mkdtempSync(join(tmpdir(), 'latchkey-package-'))
const project = join(folder, 'project')

/** The environment without what `npm test` and tap put into it for the repository; the Node that runs this comes first. */
const env = Object.fromEntries([
  ...Object.entries(process.env).filter(
    ([name]) =>
      !/^(npm_(package|lifecycle|config_local_prefix|command|execpath)|NODE_|INIT_CWD|_?TAP)/i.test(name),
  ),
  ['PATH', [dirname(process.execPath), process.env.PATH].join(delimiter)],
])

t.teardown(() => rmSync(folder, { recursive: true, force: true }))
t.setTimeout(300_000)
secret(password)

t.before(async () => {
  const copy = join(folder, 'copy')
  const isLeftOut = /^(node_modules|\.git|\.tap|data|dist|test|web[/\\]dist)([/\\]|$)/
  cpSync(repository, copy, { recursive: true, filter: (path) => !isLeftOut.test(relative(repository, path)) })
  symlinkSync(join(repository, 'node_modules'), join(copy, 'node_modules'), 'junction')
  await run('npm', ['pack', '--pack-destination', folder], copy)

  cpSync(fixtures, project, { recursive: true })
  const { typescript, '@types/node': nodeTypes } = manifest.devDependencies
  writeFileSync(
    join(project, 'package.json'),
    JSON.stringify({
      type: 'module',
      dependencies: { latchkey: `file:../latchkey-${manifest.version}.tgz` },
      devDependencies: { typescript, '@types/node': nodeTypes },
    }),
  )
  await run('npm', ['install', '--prefer-offline', '--no-audit', '--no-fund'], project)
})

t.test('the package holds what it needs and nothing else', async (t) => {
  const { stdout } = await run('tar', ['-tzf', `latchkey-${manifest.version}.tgz`], folder)
  const files = stdout.trim().split(/\r?\n/)
  for (const file of [
    'package/package.json',
    'package/README.md',
    'package/LICENSE',
    'package/bin/latchkey.js',
    'package/dist/schema.graphql',
    'package/dist/migrations/0001-users.js',
    'package/dist/src/index.js',
    'package/dist/src/index.d.ts',
    'package/dist/clients/client.js',
    'package/dist/clients/client.d.ts',
    'package/dist/web/dist/graphiql/index.html',
    'package/dist/web/dist/console/index.html',
  ]) {
    t.ok(files.includes(file), file)
  }
  const known =
    /^package\/((package\.json|README\.md|LICENSE|bin\/latchkey\.js)|dist\/(schema\.graphql|package\.json|migrations\/[\w-]+\.js|(src|clients)\/[\w/-]+(\.js|\.d\.ts)|web\/dist\/(graphiql|console)\/.+))$/
  t.same(
    files.filter((file) => !known.test(file)),
    [],
  )
})

t.test('the client packages load where nothing else of the package is installed', async (t) => {
  const page = join(folder, 'page')
  const installed = join(page, 'node_modules', 'latchkey')
  mkdirSync(installed, { recursive: true })
  cpSync(join(fixtures, 'client.js'), join(page, 'client.mjs'))
  await run(
    'tar',
    ['-xzf', join(folder, `latchkey-${manifest.version}.tgz`), '--strip-components=1'],
    installed,
  )
  const { stdout } = await run(process.execPath, ['client.mjs'], page)
  t.match(JSON.parse(stdout), { headers: { authorization: 'Token given' }, outcome: 'fetch failed' })
  const server = await run(process.execPath, ['--eval', "import('latchkey')"], page, [1])
  t.match(server.stderr, 'ERR_MODULE_NOT_FOUND', 'while the server needs what it depends on')
})

t.test('one copy of Fastify, graphql and Kysely serves the application and the plugin', async (t) => {
  for (const name of ['fastify', 'graphql', 'kysely']) {
    const { stdout } = await run('npm', ['ls', '--all', '--parseable', name], project)
    const own = stdout.split(/\r?\n/).filter((path) => path.endsWith(`${sep}node_modules${sep}${name}`))
    t.same(
      own.map((path) => relative(project, path)),
      [join('node_modules', name)],
    )
  }
})

t.test(
  'a plain JavaScript application registers the plugin, signs in and calls a guarded field',
  async (t) => {
    for (const file of ['app.js', 'app.cjs']) {
      const { stdout, stderr } = await run(process.execPath, [file, password], project)
      collectLog().write(stderr)
      t.same(
        JSON.parse(stdout),
        {
          anonymous: ['UNAUTHENTICATED', 'MISSING'],
          greeting: 'Hello, ada.',
          refused: ['CONFLICT', undefined],
          coded: ['TEAPOT', undefined],
          graphiql: [200, 'text/html; charset=utf-8'],
          schema: true,
        },
        file,
      )
    }
  },
)

t.test('a TypeScript application is checked against the types of the package', async (t) => {
  const resolutions: [module: string, moduleResolution: string][] = [
    ['nodenext', 'nodenext'],
    ['esnext', 'bundler'],
  ]
  for (const [module, moduleResolution] of resolutions) {
    const { stdout, code } = await run(
      process.execPath,
      [
        join('node_modules', 'typescript', 'bin', 'tsc'),
        ...['--noEmit', '--strict', '--exactOptionalPropertyTypes', '--noUncheckedIndexedAccess'],
        ...['--skipLibCheck', 'false', '--target', 'es2022', '--types', 'node'],
        ...['--module', module, '--moduleResolution', moduleResolution, 'types.ts'],
      ],
      project,
      [0, 1, 2],
    )
    t.same({ stdout, code }, { stdout: '', code: 0 }, moduleResolution)
  }
})

t.test('the latchkey command works from the package', async (t) => {
  const latchkey = (...args: string[]) => run('npx', ['--no-install', 'latchkey', ...args], project)
  t.match((await latchkey('--version')).stdout, manifest.version)
  t.match((await latchkey('config')).stdout, 'TOKEN_TTL')
  t.match((await latchkey('migrate', 'up')).stdout, '0001-users')
  t.match((await latchkey('schema', 'print')).stdout, 'type Query')
})

/**
 * Runs a command to its end; one that fails says why, unless its status is expected. A shell takes away what tap has just
 * put into `NODE_OPTIONS`: hooks of the repository's that the project must do without.
 */
async function run(
  command: string,
  args: string[],
  cwd: string,
  expected: number[] = [0],
): Promise<{ stdout: string; stderr: string; code: number }> {
  const script = 'unset NODE_OPTIONS; exec "$@"'
  try {
    const output = await promisify(execFile)('/bin/sh', ['-c', script, 'sh', command, ...args], { cwd, env })
    return { ...output, code: 0 }
  } catch (error) {
    const { stdout, stderr, code } = error as { stdout: string; stderr: string; code: number }
    if (expected.includes(code)) return { stdout, stderr, code }
    throw new Error(`${command} ${args.join(' ')} failed:\n${stdout}\n${stderr}`)
  }
}
