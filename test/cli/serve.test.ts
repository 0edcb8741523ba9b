import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, existsSync, rmSync, writeFileSync } from 'node:fs'
import { connect, type Socket } from 'node:net'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { freePort, takePort } from '../support/ports.ts'
import { bin, createBench, password, type Running, watch } from './command.ts'

t.test('it says where it listens, where its pages are, and how to create the first user', async (t) => {
  const bench = createBench(t)
  const first = bench.start(['serve'])
  const [, url = ''] = await first.said(/listens on (http:\/\/127\.0\.0\.1:\d+\/graphql)\n/)
  t.match(await graphql(url, '{ serverInfo { name } }'), { data: { serverInfo: { name: 'latchkey' } } })
  const [, page = ''] = await first.said(/GraphiQL is at (http:\S+)\n/)
  t.equal((await fetch(page)).status, 200)
  const [, home = ''] = await first.said(/The account console is at (http:\S+)\n/)
  const answer = await fetch(home)
  t.equal(answer.status, 200)
  t.match(await answer.text(), '<title>Latchkey</title>')
  const [, hint = ''] = await first.said(/There is no user yet\. .*: npx latchkey (user create \w+)\n/)
  t.match(await bench.run([...hint.split(' '), '--password-stdin'], password), { status: 0 })
  t.match(await graphql(url, signIn), { data: { tokenAuth: { token: /^lk_/ } } }, 'while the service runs')
  first.child.kill('SIGINT')
  t.match(await first.ended, { status: 0 })

  const second = bench.start(['serve'])
  await second.said(/GraphiQL is at/)
  second.child.kill('SIGTERM')
  t.notMatch((await second.ended).stdout, 'no user yet')
})

t.test('the hint fits the settings', async (t) => {
  const memory = { DATABASE_URL: 'sqlite::memory:' }
  const cases: [env: Record<string, string>, says: RegExp, not: RegExp][] = [
    [memory, /with the mutation signUp/, /npx/],
    [{ ...memory, SIGN_UP: 'closed' }, /GraphiQL/, /no user yet/],
    [{ NODE_ENV: 'production' }, /npx latchkey user create/, /GraphiQL/],
    [{ HOST: '0.0.0.0' }, /listens on http:\/\/localhost:\d+\/graphql\n.*npx/s, /0\.0\.0\.0:/],
    [{ HOST: '::1' }, /listens on http:\/\/\[::1\]:\d+\/graphql\n.*npx/s, /127/],
  ]
  for (const [env, says, not] of cases) {
    // Logs are elsewhere in these cases: what is looked at is what is said to people.
    const { start } = createBench(t, { LOG_LEVEL: 'silent', ...env })
    const running = start(['serve'])
    await running.said(says)
    running.child.kill('SIGTERM')
    const { status, stdout } = await running.ended
    t.equal(status, 0)
    t.notMatch(stdout, not)
  }
})

t.test('in production it warns where no mail is sent', async (t) => {
  for (const [env, isWarned] of [
    [{ NODE_ENV: 'production' }, true],
    [{ NODE_ENV: 'production', SMTP_URL: 'log' }, false],
  ] as const) {
    const running = createBench(t, { LOG_LEVEL: 'warn', ...env }).start(['serve'])
    await running.said(/listens on/)
    running.child.kill('SIGTERM')
    const { stdout } = await running.ended
    t.equal(stdout.includes('no mail is sent'), isWarned)
  }
})

t.test('where it cannot listen, it says why and ends with 1', async (t) => {
  const port = await takePort(t)
  const cases: [env: Record<string, string>, says: RegExp][] = [
    [{ PORT: String(port) }, new RegExp(`^Port ${port} on 127\\.0\\.0\\.1 is in use\\. [^\\n]*\\n$`)],
    [{ HOST: '192.0.2.1' }, /^HOST 192\.0\.2\.1 is not an address of this machine\.\n$/],
    [{ HOST: 'nowhere.invalid' }, /^HOST nowhere\.invalid is not an address, [^\n]*\n$/],
    [{ HOST: 'fe80::1%nothing' }, /^Cannot listen on fe80::1%nothing, port 0: [^\n]*\n$/],
  ]
  for (const [env, says] of cases) {
    t.match(await createBench(t, env).run(['serve']), { status: 1, stderr: says }, JSON.stringify(env))
  }
})

t.test('a file that cannot be the database is said to be none', async (t) => {
  const header = 'SQLite format 3\0'
  const cases: [what: string, files: Parameters<Test['testdir']>[0], url: string, says: RegExp][] = [
    ['a folder', { db: {} }, 'sqlite:db', /it is a folder/],
    ['text', { db: 'hello\n'.repeat(1_000) }, 'sqlite:db', /it is not an SQLite database/],
    [
      'a damaged file',
      { db: header + 'x'.repeat(9_000) },
      'sqlite:db',
      /it is (not an SQLite database|damaged)/,
    ],
    ['below a file', { db: '' }, 'sqlite:db/latchkey.db', /a file stands where its folder should be/],
    ['no address', {}, 'mysql://ada:a-secret@localhost/x', /DATABASE_URL must be/],
  ]
  for (const [what, files, DATABASE_URL, says] of cases) {
    const outcome = await createBench(t, { DATABASE_URL }, files).run(['serve'])
    t.match(outcome, { status: 1, stderr: says }, what)
    t.notMatch(outcome.stderr, /a-secret|\n {4}at /)
    t.notMatch(outcome.stdout, 'listens')
  }
})

// Root writes wherever it likes, unless it gives this up.
const asOwner = ['setpriv', '--bounding-set=-dac_override', '--inh-caps=-dac_override']
const isRoot = process.getuid?.() === 0
const skipOwner = isRoot && !works(asOwner) && 'root cannot give up writing everywhere here'

t.test('a file that cannot be written is said to be so', { skip: skipOwner }, async (t) => {
  const bench = createBench(t, {}, {}, isRoot ? asOwner : [])
  await bench.json(['user', 'create', 'ada', '--password-stdin'], password)
  chmodSync(bench.database, 0o400)
  for (const args of [['serve'], ['user', 'list']]) {
    t.match(await bench.run(args), { status: 1, stdout: /^$/, stderr: /permission denied\. Make the file/ })
  }
})

// File systems that the command alone sees, and that are gone with it.
const readOnly = inNamespace('mount --bind . . && mount -o remount,ro,bind . && cd "$PWD"')
const onDisk = (size: string): string[] => inNamespace(`mount -t tmpfs -o size=${size} tmpfs disk`)
const disk = { DATABASE_URL: 'sqlite:disk/latchkey.db' }
const skipMount = !works(inNamespace('mount --bind . .')) && 'file systems cannot be mounted here'

t.test('a file system that is read-only is said to be so', { skip: skipMount }, async (t) => {
  const bench = createBench(t, {}, {}, readOnly)
  for (const args of [['serve'], ['user', 'list']]) {
    t.match(await bench.run(args), { status: 1, stdout: /^$/, stderr: /it cannot be written\. Make/ })
  }
})

t.test('a full disk is said to be full at the start', { skip: skipMount }, async (t) => {
  const { status, stdout, stderr } = await createBench(t, disk, { disk: {} }, onDisk('64k')).run(['serve'])
  t.match({ status, stdout }, { status: 1, stdout: /^$/ })
  t.match(stderr, /^[^\n]*(the disk is full|whether it is full)[^\n]*\n$/)
})

t.test(
  'a disk that fills up costs the writing alone, until there is space',
  { skip: skipMount },
  async (t) => {
    const bench = createBench(t, disk, { disk: {} }, onDisk('8m'))
    const running = bench.start(['serve'])
    const [, url = ''] = await running.said(/listens on (\S+)/)
    await graphql(url, `mutation { signUp(username: "ada", password: "${password}") { id } }`)
    const token = (await graphql(url, signIn)).data.tokenAuth.token
    const filler = join(`/proc/${running.child.pid}/root`, bench.folder, 'disk/filler')
    t.throws(() => writeFileSync(filler, Buffer.alloc(16 * 1_048_576)), { code: 'ENOSPC' })

    t.match(await graphql(url, signIn), {
      errors: [{ extensions: { code: 'SERVICE_UNAVAILABLE', reason: 'DATABASE' } }],
    })
    t.match(await graphql(url, '{ viewer { username } }', token), { data: { viewer: { username: 'ada' } } })
    rmSync(filler)
    t.match(await graphql(url, signIn), { data: { tokenAuth: { token: /^lk_/ } } })
    running.child.kill('SIGTERM')
    t.match(await running.ended, { status: 0, stdout: /SQLITE_FULL|disk is full/ })
  },
)

t.test('SIGTERM lets the request in flight end, and takes no other', async (t) => {
  const { start } = createBench(t)
  const running = start(['serve'])
  const { socket, finish, answer } = await beginRequest(t, running)
  running.child.kill('SIGTERM')
  await running.said(/"msg":"stopping"/)
  while (await accepts(socket.remotePort)) {} // what is in flight still is
  finish()
  t.match(await answer, /^HTTP\/1\.1 200 .*"serverInfo":\{"name":"latchkey"\}/s)
  t.match(await running.ended, { status: 0 })
})

t.test('who has connected and said nothing holds nobody up when it stops', async (t) => {
  const { start } = createBench(t)
  const running = start(['serve'])
  const [, port] = await running.said(/listens on http:[^\s]+:(\d+)/)
  const silent = connect(Number(port), '127.0.0.1')
  await once(silent, 'connect')
  t.match(await graphql(`http://127.0.0.1:${port}/graphql`, '{ serverInfo { name } }'), { data: Object })
  running.child.kill('SIGTERM')
  t.match(await running.ended, { status: 0 })
  silent.resume()
  if (!silent.closed) await once(silent, 'close')
})

t.test('a second signal ends it at once', async (t) => {
  const { start } = createBench(t)
  const running = start(['serve'])
  await beginRequest(t, running)
  running.child.kill('SIGTERM')
  await running.said(/"msg":"stopping"/)
  running.child.kill('SIGTERM')
  t.match(await running.ended, { status: 1, stderr: /second SIGTERM/ })
})

t.test('what one request throws where nobody waits for it does not end the service', async (t) => {
  const { folder, env } = createBench(t)
  const stray = `data:text/javascript,
    process.on('SIGWINCH', () => { Promise.reject(new Error('a stray promise')); throw new Error('a stray error') })`
  const child = spawn(process.execPath, ['--import', stray, bin, 'serve'], {
    cwd: folder,
    env: { ...process.env, ...env },
  })
  const running = watch(t, child)
  const [, url = ''] = await running.said(/listens on (\S+)/)
  child.kill('SIGWINCH')
  await running.said(/"level":50.*a stray error/)
  await running.said(/"level":50.*a stray promise/)
  t.match(await graphql(url, '{ serverInfo { name } }'), { data: { serverInfo: { name: 'latchkey' } } })
  child.kill('SIGTERM')
  t.match(await running.ended, { status: 0 })
})

t.test('it goes on when nobody reads what it says', async (t) => {
  const { start } = createBench(t)
  const running = start(['serve'])
  const [, url = ''] = await running.said(/listens on (\S+)/)
  running.child.stdout.destroy()
  for (let request = 0; request < 3; request++) {
    t.match(await graphql(url, '{ serverInfo { name } }'), { data: { serverInfo: { name: 'latchkey' } } })
  }
  running.child.kill('SIGTERM')
  t.match(await running.ended, { status: 0 })
})

const skipFull = !existsSync('/dev/full') && 'there is no /dev/full here'

t.test('a log that cannot be written costs its lines alone', { skip: skipFull }, async (t) => {
  const port = await freePort()
  const url = `http://127.0.0.1:${port}/graphql`
  const full = ['sh', '-c', 'exec "$@" > /dev/full', 'sh']
  const running = createBench(t, { PORT: String(port) }, {}, full).start(['serve'])
  while (running.child.exitCode === null && !(await accepts(port))) {}
  for (let request = 0; request < 20; request++) {
    t.match(await graphql(url, '{ serverInfo { name } }'), { data: { serverInfo: { name: 'latchkey' } } })
  }
  running.child.kill('SIGTERM')
  const { status, stderr } = await running.ended
  t.equal(status, 0)
  t.match(stderr, /^Log lines are lost: ENOSPC[^\n]*\n$/, 'it is said once')
})

const signIn = `mutation { tokenAuth(username: "ada", password: "${password}") { token } }`

// biome-ignore lint/suspicious/noExplicitAny: the shape differs from one operation to the next; tests say what they expect
async function graphql(url: string, query: string, token?: string): Promise<any> {
  const headers: Record<string, string> = { 'content-type': 'application/json' }
  if (token !== undefined) headers.authorization = `Token ${token}`
  const response = await fetch(url, { method: 'POST', headers, body: JSON.stringify({ query }) })
  return response.json()
}

async function accepts(port = 0): Promise<boolean> {
  const socket = connect(port, '127.0.0.1')
  try {
    await once(socket, 'connect')
    return true
  } catch {
    return false
  } finally {
    socket.destroy()
  }
}

/** A request of which the last byte is not sent yet, and which the server has begun to read. */
async function beginRequest(
  t: Test,
  running: Running,
): Promise<{ socket: Socket; finish: () => void; answer: Promise<string> }> {
  const [, port = ''] = await running.said(/listens on http:\/\/127\.0\.0\.1:(\d+)/)
  const socket = connect(Number(port), '127.0.0.1')
  t.teardown(() => socket.destroy())
  socket.on('error', () => {}) // the second signal cuts it
  await once(socket, 'connect')
  const body = JSON.stringify({ query: '{ serverInfo { name } }' })
  const head = 'POST /graphql HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n'
  socket.write(`${head}expect: 100-continue\r\ncontent-length: ${body.length}\r\n\r\n`)
  let received = ''
  socket.setEncoding('utf8').on('data', (chunk) => {
    received += chunk
  })
  await once(socket, 'data') // 100 Continue: the request has arrived
  received = ''
  socket.write(body.slice(0, -1))
  const answer = once(socket, 'close').then(() => received)
  return { socket, finish: () => void socket.write(body.slice(-1)), answer }
}

function inNamespace(command: string): string[] {
  const own = isRoot ? [] : ['--map-root-user']
  return ['unshare', ...own, '--mount', 'sh', '-c', `${command} && exec "$@"`, 'sh']
}

function works([command = '', ...args]: string[]): boolean {
  return spawnSync(command, [...args, 'true'], { stdio: 'ignore' }).status === 0
}
