import { spawn } from 'node:child_process'
import { chmodSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import SqliteDatabase from 'better-sqlite3'
import t from 'tap'
import { version } from '../../src/version.ts'
import { bin, createBench, watch } from './command.ts'

t.test('the version and the help that was asked for are printed with success', async (t) => {
  const { run } = createBench(t)
  t.strictSame(await run(['--version']), { status: 0, stdout: `${version}\n`, stderr: '' })
  t.match(await run(['--help']), {
    status: 0,
    stdout: /serve.*migrate.*user.*token.*schema.*config/s,
  })
  t.match(await run(['user', '--help']), {
    status: 0,
    stdout: /create.*list.*show.*disable.*enable.*set-password.*delete/s,
  })
})

t.test(
  'compiled code is kept in a folder of the user alone, and where there can be none it works without',
  async (t) => {
    const { folder, env, start } = createBench(t, {}, { file: '' })
    env.NODE_DISABLE_COMPILE_CACHE = undefined
    const success = { status: 0, stdout: `${version}\n`, stderr: '' }
    const runWith = (caches: string) =>
      start(['--version'], { XDG_CACHE_HOME: join(folder, caches), NODE_COMPILE_CACHE: '' }).ended

    t.strictSame(await runWith('home'), success)
    const cache = join(folder, 'home', 'latchkey')
    t.equal(statSync(cache).mode & 0o777, 0o700)
    t.not(readdirSync(cache, { recursive: true }).length, 0, 'something is kept')
    t.strictSame(await runWith('home'), success, 'and works')
    t.strictSame(await runWith('file'), success)
  },
)

t.test('wrong usage ends with 2 and says what is wrong', async (t) => {
  const cases: [args: string[], says: RegExp][] = [
    [[], /Usage: latchkey/],
    [['user'], /Usage: latchkey user/],
    [['tokens'], /unknown command 'tokens'.*Did you mean token\?/s],
    [['user', 'create'], /missing required argument 'username'/],
    [['user', 'create', 'ada', '--password', 'a-secret'], /unknown option '--password'/],
    [['user', 'create', 'ada', '--password=a-secret'], /unknown option '--password'/],
    [['user', 'create', 'ada'], /use --password-stdin/],
    [['user', 'set-password'], /missing required argument 'user'/],
    [['migrate', 'sideways'], /Allowed choices are up, down, status/],
    [['token', 'inspect', 'lk_a-secret'], /too many arguments/],
    [['token', 'revoke'], /give one of/],
    [['token', 'revoke', 'an-id', '--all', 'ada'], /give one of/],
    [['token', 'revoke', '--token-stdin', '--from-file', '-'], /give one of/],
  ]
  const { run } = createBench(t)
  const outcomes = await Promise.all(cases.map(([args]) => run(args)))
  cases.forEach(([args, says], index) => {
    const outcome = outcomes[index]
    t.match(outcome, { status: 2, stdout: /^$/, stderr: says }, `latchkey ${args.join(' ')}`)
    t.notMatch(outcome?.stderr, /a-secret|\n {4}at /)
  })
})

t.test('an older Node is told which one is needed, before anything is loaded', async (t) => {
  const pretend = (node: string): string =>
    `data:text/javascript,Object.defineProperty(process,'versions',{value:{...process.versions,node:'${node}'}})`
  for (const [node, runs] of [
    ['20.20.2', false],
    ['22.17.1', false],
    ['22.18.0', true],
    ['24.0.0', true],
  ] as const) {
    const child = spawn(process.execPath, ['--import', pretend(node), bin, '--version'])
    const outcome = await watch(t, child).ended
    if (runs) t.match(outcome, { status: 0, stdout: version }, node)
    else t.match(outcome, { status: 1, stdout: /^$/, stderr: /needs Node 22\.18 or newer/ }, node)
  }
})

// As from a shell: without the folder that npm puts in front for its scripts.
const path = (process.env.PATH ?? '').split(delimiter).filter((part) => !part.includes('node_modules'))
const npx = path
  .map((folder) => join(folder, 'npx'))
  .find((file) => statSync(file, { throwIfNoEntry: false }))
const skipNpx = npx === undefined && 'there is no npx here'

t.test('npx runs the command of a clone with the Node of the clone', { skip: skipNpx }, async (t) => {
  const child = spawn(npx ?? '', ['latchkey', '--version'], {
    cwd: join(bin, '../..'),
    // Nothing has to come from a registry.
    env: { ...process.env, PATH: path.join(delimiter), npm_config_offline: 'true' },
  })
  t.match(await watch(t, child).ended, { status: 0, stdout: version })
})

t.test('wrong settings are all named, without their values, and nothing else happens', async (t) => {
  const { run } = createBench(t, { PORT: 'a-secret', TOKEN_TTL: 'never' })
  for (const args of [['serve'], ['user', 'list'], ['config']]) {
    const { status, stdout, stderr } = await run(args)
    t.match({ status, stdout }, { status: 1, stdout: /^$/ })
    t.match(stderr, /2 setting\(s\).*PORT must be a whole number.*TOKEN_TTL must be a duration/s)
    t.notMatch(stderr, /a-secret|\n {4}at /)
  }
})

t.test('settings come from .env where the environment has none', async (t) => {
  const files = { '.env': '\uFEFFTOKEN_TTL=1d\nTOKEN_LIMIT=7\nGRAPHQL_PATH=\n' }
  const { json } = createBench(t, { TOKEN_LIMIT: '8' }, files)
  const settings: { variable: string; value: string; origin: string }[] = await json(['config'])
  const of = (variable: string) => settings.find((setting) => setting.variable === variable)
  t.match(of('TOKEN_TTL'), { value: '1d', origin: '.env' })
  t.match(of('TOKEN_LIMIT'), { value: '8', origin: 'environment' })
  t.match(of('GRAPHQL_PATH'), { value: '/graphql', origin: 'default' })
  t.match(of('SMTP_URL'), { value: 'log', origin: 'default' }, 'which is no secret')
  const mailing = { SMTP_URL: 'smtp://ada:a-secret@mail.example.org', MAIL_FROM: 'a@example.org' }
  const masked: typeof settings = await createBench(t, mailing).json(['config'])
  t.match(
    masked.find(({ variable }) => variable === 'SMTP_URL'),
    { value: '***', origin: 'environment' },
  )
})

t.test('a folder named .env is left alone, and a file that cannot be read is an error', async (t) => {
  t.match(await createBench(t, {}, { '.env': {} }).run(['config']), { status: 0 })
  const skip = process.getuid?.() === 0 && 'root reads every file'
  await t.test('unreadable', { skip }, async (t) => {
    const { folder, run } = createBench(t, {}, { '.env': 'PORT=1' })
    chmodSync(join(folder, '.env'), 0)
    t.match(await run(['config']), { status: 1, stderr: /\.env cannot be read/ })
  })
  await t.test('a loop of links', async (t) => {
    const { run } = createBench(t, {}, { '.env': t.fixture('symlink', '.env') })
    t.match(await run(['config']), { status: 1, stderr: /\.env cannot be read/ })
  })
})

t.test(
  'variables that look like settings are warned of, with the one that may have been meant',
  async (t) => {
    const cases: [variable: string, warning: RegExp | null][] = [
      ['TOKEN_TLL', /TOKEN_TLL is not a setting of Latchkey\. Did you mean TOKEN_TTL\?/],
      ['TOKNE_LIMIT', /Did you mean TOKEN_LIMIT\?/],
      ['GRAPIHQL', /Did you mean GRAPHIQL\?/],
      ['TOKEN_COLOUR', /TOKEN_COLOUR is not a setting of Latchkey; `latchkey config` lists them\./],
      ['TOKEN_\u001b[2J', /TOKEN_\\u001b\[2J is not a setting/],
      ['PORTS', null],
      ['SOMETHING_ELSE', null],
    ]
    const env = Object.fromEntries(cases.map(([variable]) => [variable, 'a-secret']))
    const { status, stderr } = await createBench(t, env).run(['config'])
    t.equal(status, 0)
    for (const [variable, warning] of cases) {
      if (warning) t.match(stderr, warning)
      else t.notMatch(stderr, variable)
    }
    t.notMatch(stderr, /a-secret/)
  },
)

t.test('an error is one sentence, with the stack only where the level of the log asks for it', async (t) => {
  const files = { 'latchkey.db': 'this is no database, and long enough to be looked at '.repeat(40) }
  const { run } = createBench(t, {}, files)
  const { status, stderr } = await run(['user', 'list'])
  t.equal(status, 1)
  t.match(stderr, /^Cannot open the database file .*: it is not an SQLite database\.[^\n]*\n$/)
  t.match(await createBench(t, { LOG_LEVEL: 'debug' }, files).run(['user', 'list']), {
    status: 1,
    stderr: /it is not an SQLite database.*\n {4}at /s,
  })
})

t.test('a fault of the database is explained to the operator', async (t) => {
  const { database, run } = createBench(t)
  t.match(await run(['migrate']), { status: 0 })
  const connection = new SqliteDatabase(database)
  const pages = connection.prepare<[], number>('select rootpage from sqlite_schema where rootpage > 0')
  const damaged = readFileSync(database)
  for (const page of pages.pluck().all()) damaged.fill(0xa5, (page - 1) * 4_096, page * 4_096)
  connection.close()
  writeFileSync(database, damaged) // the header and the list of tables stay
  t.match(await run(['user', 'list']), {
    status: 1,
    stdout: '',
    stderr: /^The database cannot be used: it is damaged\. Restore it from a backup\.\n$/,
  })
})

t.test('a database in memory is refused, for no other process can see it', async (t) => {
  const { run } = createBench(t, { DATABASE_URL: 'sqlite::memory:' })
  t.match(await run(['user', 'list']), { status: 1, stderr: /only the service itself can see/ })
})
