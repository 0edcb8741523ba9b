import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { type Bench, bin, createBench, password, type Running, watch } from './cli/command.ts'
import { freePort, takePort } from './support/ports.ts'

/** A line of the log. */
type Line = Record<string, unknown> & { pid: number; msg: string }

function linesOf(running: Running): Line[] {
  const lines = running.output().stdout.split('\n').slice(0, -1)
  return lines.filter((line) => line.startsWith('{')).map((line) => JSON.parse(line))
}

/** Waits for so many lines of the log with this message. */
async function logged(running: Running, msg: string, count = 1): Promise<Line[]> {
  for (;;) {
    const found = linesOf(running).filter((line) => line.msg === msg)
    if (found.length >= count) return found
    await Promise.race([
      once(running.child.stdout, 'data'),
      running.ended.then(({ stdout }) => {
        if (!stdout.includes(`"msg":"${msg}"`)) throw new Error(`It ended without "${msg}": ${stdout}`)
      }),
    ])
  }
}

/** The workers that listen, by their processes. */
function workersOf(running: Running): number[] {
  return linesOf(running).flatMap(({ pid, msg }) => (msg.startsWith('Server listening') ? [pid] : []))
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}

async function gone(pids: number[]): Promise<void> {
  while (pids.some(isAlive)) await sleep(20)
}

async function ask(url: string, query = '{ serverInfo { name } }', token?: string): Promise<Response> {
  const headers: Record<string, string> = { 'content-type': 'application/json', connection: 'close' }
  if (token !== undefined) headers.authorization = `Token ${token}`
  return fetch(url, { method: 'POST', headers, body: JSON.stringify({ query }) })
}

/** Starts workers, and waits until they listen. */
async function start(bench: Bench): Promise<{ running: Running; url: string }> {
  const running = bench.start(['serve'])
  const [, url = ''] = await running.said(/listens on (http:\S+)\n/)
  // Each process writes to the log by itself, be it a moment later.
  while (workersOf(running).length < Number(bench.env.WORKERS ?? 1)) await once(running.child.stdout, 'data')
  return { running, url }
}

const signIn = `mutation { tokenAuth(username: "ada", password: "${password}") { token } }`

t.test('workers start, serve one file, and stop as one process does', async (t) => {
  const bench = createBench(t, { WORKERS: '3' })
  const { running, url } = await start(bench)
  await running.said(/There is no user yet\./)
  const [{ pid: primary }] = (await logged(running, 'workers listen')) as [Line]
  t.equal(primary, running.child.pid, 'the primary says where to send signals')
  const workers = workersOf(running)
  t.equal(new Set([primary, ...workers]).size, 4)

  t.match(await bench.run(['user', 'create', 'ada', '--password-stdin'], password), { status: 0 })
  const { data } = (await (await ask(url, signIn)).json()) as { data: { tokenAuth: { token: string } } }
  for (let request = 0; request < 6; request++) {
    const answer = await ask(url, '{ viewer { username } }', data.tokenAuth.token)
    t.match(await answer.json(), { data: { viewer: { username: 'ada' } } })
  }
  running.child.kill('SIGTERM')
  const { status, stdout, stderr } = await running.ended
  t.match({ status, stderr }, { status: 0, stderr: '' })
  t.equal(stdout.match(/listens on/g)?.length, 1, 'it is said once')
  t.equal(stdout.match(/GraphiQL is at/g)?.length, 1)
  const served = linesOf(running).filter(({ msg }) => msg === 'request')
  t.strictSame(new Set(served.map(({ pid }) => pid)), new Set(workers), 'each worker has served')
  t.notOk(workers.some(isAlive))
  t.match(await bench.json(['token', 'list', 'ada']), [{ lastUsedAt: String }], 'last uses are written')
})

t.test('a worker that cannot start ends all with the sentence of a single process', async (t) => {
  const port = await takePort(t)
  const cases: [env: Record<string, string>, says: RegExp][] = [
    [{ PORT: String(port) }, new RegExp(`^Port ${port} on 127\\.0\\.0\\.1 is in use\\. [^\\n]*\\n$`)],
    [{ HOST: '192.0.2.1' }, /^HOST 192\.0\.2\.1 is not an address of this machine\.\n$/],
    [{ PORT: String(port), ADMIN_PORT: String(await freePort()) }, /is in use/],
    [{ DATABASE_URL: 'sqlite:.' }, /^[^\n]*it is a folder[^\n]*\n$/],
    [{ DATABASE_URL: 'sqlite::memory:' }, /WORKERS must be 1 for a database in memory/],
  ]
  for (const [env, says] of cases) {
    const outcome = await createBench(t, { WORKERS: '2', ...env }).run(['serve'])
    t.match(outcome, { status: 1, stdout: '', stderr: says }, JSON.stringify(env))
  }
})

t.test('auto is a worker per core', async (t) => {
  const running = createBench(t, { WORKERS: 'auto', LOG_LEVEL: 'error' }).start(['serve'])
  await running.said(/listens on/)
  running.child.kill('SIGTERM')
  t.match(await running.ended, { status: 0, stdout: /^Latchkey/, stderr: '' }, 'and the log has its level')
})

/** Starts workers that run `code` as they start; its word for a file in their folder is `exists`. */
async function sabotage(t: Test, code: string): Promise<{ running: Running; url: string; file: string }> {
  const { env, folder } = createBench(t, { WORKERS: '2' })
  const stray = `data:text/javascript,
    import cluster from 'node:cluster';
    import { existsSync } from 'node:fs';
    const exists = () => existsSync('sabotage');
    if (cluster.isWorker) { ${code} }`
  const child = spawn(process.execPath, ['--import', stray, bin, 'serve'], {
    cwd: folder,
    env: { ...process.env, ...env },
  })
  const running = watch(t, child)
  const [, url = ''] = await running.said(/listens on (http:\S+)\n/)
  return { running, url, file: join(folder, 'sabotage') }
}

t.test('a worker that crashes is replaced', async (t) => {
  const { running, url } = await start(createBench(t, { WORKERS: '2' }))
  const [victim = 0] = workersOf(running)
  process.kill(victim, 'SIGKILL')
  const [ended] = await logged(running, 'a worker ended')
  t.match(ended, { level: 40, pid: running.child.pid, workerPid: victim, ended: 'SIGKILL', livedMs: Number })
  t.type(ended?.nextTryMs, 'number')
  const [replaced] = await logged(running, 'a worker was replaced')
  t.equal(replaced?.worker, ended?.worker)
  t.ok(isAlive(replaced?.workerPid as number))
  for (let request = 0; request < 4; request++) t.equal((await ask(url)).status, 200)

  // One that somebody stops by itself is replaced too.
  process.kill(replaced?.workerPid as number, 'SIGTERM')
  const [, stopped] = await logged(running, 'a worker ended', 2)
  t.equal(stopped?.ended, 0)
  await logged(running, 'a worker was replaced', 2)

  await sleep(10_000)
  process.kill(workersOf(running)[1] as number, 'SIGKILL')
  const [, , sound] = await logged(running, 'a worker ended', 3)
  t.equal(sound?.nextTryMs, 0, 'one that lived long is replaced at once')
  running.child.kill('SIGINT')
  t.match(await running.ended, { status: 0 })
})

t.test('workers that crash again and again are tried after ever longer waits', async (t) => {
  const { running, url, file } = await sabotage(t, 'setInterval(() => exists() && process.exit(3), 20)')
  writeFileSync(file, '')
  const ended = await logged(running, 'a worker ended', 8)
  for (const number of [1, 2]) {
    const own = ended.filter(({ worker }) => worker === number)
    t.ok(own.length > 2)
    let failed = 0
    for (const { livedMs, nextTryMs } of own) {
      failed = (livedMs as number) < 10_000 ? failed + 1 : 0 // on a slow machine one may live long
      t.equal(nextTryMs, failed === 0 ? 0 : 100 * 2 ** (failed - 1))
    }
  }
  t.match(ended[0], { ended: 3 })
  await t.rejects(ask(url))
  rmSync(file)
  await logged(running, 'a worker was replaced')
  t.equal((await ask(url)).status, 200)
  running.child.kill('SIGTERM')
  t.match(await running.ended, { status: 0 })
})

t.test('what keeps a worker from being replaced is in the log', async (t) => {
  const bench = createBench(t, { WORKERS: '2' })
  const { running } = await start(bench)
  writeFileSync(join(bench.folder, '.env'), 'TOKEN_TTL=never')
  process.kill(workersOf(running)[1] as number, 'SIGKILL')
  const [failed] = await logged(running, 'a worker cannot start')
  t.match(failed, { level: 50, reason: /TOKEN_TTL must be/ })
  await logged(running, 'a worker ended', 2)
  rmSync(join(bench.folder, '.env'))
  await logged(running, 'a worker was replaced')
  running.child.kill('SIGTERM')
  t.match(await running.ended, { status: 0, stderr: '' })
})

t.test('SIGHUP restarts workers with what .env says now', async (t) => {
  const bench = createBench(t, { WORKERS: '2' })
  const { running, url } = await start(bench)
  const former = workersOf(running)
  const leastLength = async (): Promise<unknown> => {
    const answer = await ask(url, '{ serverInfo { passwordMinLength } }')
    return ((await answer.json()) as { data: { serverInfo: { passwordMinLength: number } } }).data.serverInfo
      .passwordMinLength
  }
  t.equal(await leastLength(), 8)
  writeFileSync(
    join(bench.folder, '.env'),
    'PASSWORD_MIN_LENGTH=15\nHOST=127.0.0.2\nWORKERS=5\nTOKN_TTL=1d\n',
  )
  running.child.kill('SIGHUP')
  await logged(running, 'restarting workers')
  for (let signal = 0; signal < 3; signal++) {
    running.child.kill('SIGHUP')
    await sleep(100)
  }
  await logged(running, 'workers are restarted', 2)
  await gone(former)
  t.equal(await leastLength(), 15)
  const [kept] = await logged(running, 'these settings change when all is stopped and started')
  t.match(kept, { level: 40, changed: ['HOST'] })
  running.child.kill('SIGTERM')
  const { status, stdout, stderr } = await running.ended
  t.equal(status, 0)
  t.equal(stdout.match(/"restarting workers"/g)?.length, 2, 'what was asked for meanwhile is done once')
  t.equal(stderr.match(/Did you mean TOKEN_TTL/g)?.length, 2, 'the primary alone warns')
})

t.test('a new worker that cannot start leaves the old ones as they are', async (t) => {
  const { running, url, file } = await sabotage(t, 'if (exists()) process.exit(3)')
  const workers = workersOf(running)
  const cases: [file: string, text: string, reason: RegExp][] = [
    [file, '', /^A worker ended with 3 before it listened\.$/],
    [join(dirname(file), '.env'), 'TOKEN_TTL=never', /TOKEN_TTL must be/],
  ]
  for (const [index, [path, text, reason]] of cases.entries()) {
    writeFileSync(path, text)
    running.child.kill('SIGHUP')
    const failed = await logged(running, 'workers are not restarted', index + 1)
    t.match(failed[index], { level: 50, reason })
  }
  t.ok(workers.every(isAlive))
  t.equal((await ask(url)).status, 200)
  running.child.kill('SIGTERM')
  t.match(await running.ended, { status: 0 })
})

t.test('when the primary is killed its workers end, and write last uses', async (t) => {
  const bench = createBench(t, { WORKERS: '2', TOKEN_FLUSH_INTERVAL: '1h' })
  const { running, url } = await start(bench)
  await bench.run(['user', 'create', 'ada', '--password-stdin'], password)
  const { data } = (await (await ask(url, signIn)).json()) as { data: { tokenAuth: { token: string } } }
  await ask(url, '{ viewer { id } }', data.tokenAuth.token)
  running.child.kill('SIGKILL')
  await gone(workersOf(running))
  t.match(await bench.json(['token', 'list', 'ada']), [{ lastUsedAt: String }])
})

t.test('a second signal ends all at once, and so does the end of what time there is', async (t) => {
  for (const signals of [2, 1]) {
    const { running } = await start(createBench(t, { WORKERS: '2' }))
    const [stuck = 0, other = 0] = workersOf(running)
    process.kill(stuck, 'SIGSTOP') // it cannot stop
    running.child.kill('SIGTERM')
    await gone([other])
    if (signals === 2) running.child.kill('SIGTERM')
    t.match(await running.ended, { status: 1, stderr: signals === 2 ? /second SIGTERM/ : '' })
    await gone([stuck])
  }
})

t.test('a signal ends all while workers start, be it at first or again', async (t) => {
  const { start } = createBench(t, { WORKERS: '2' })
  const first = start(['serve'])
  while (childrenOf(first.child.pid).length === 0) await sleep(5)
  first.child.kill('SIGTERM')
  t.match(await first.ended, { status: 0, stderr: '' })
  t.notMatch(first.output().stdout, /listens on/)

  const second = start(['serve'])
  await logged(second, 'workers listen')
  second.child.kill('SIGHUP')
  await logged(second, 'restarting workers')
  second.child.kill('SIGTERM')
  t.match(await second.ended, { status: 0, stderr: '' })
  t.notMatch(second.output().stdout, 'not restarted')
})

/** The processes that a process has started. */
function childrenOf(pid = 0): string[] {
  return readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').split(' ').filter(Boolean)
}

t.test('a single process goes on at SIGHUP, and says so', async (t) => {
  const { running, url } = await start(createBench(t))
  running.child.kill('SIGHUP')
  await running.said(/"level":40.*SIGHUP restarts workers/)
  t.equal((await ask(url)).status, 200)
  running.child.kill('SIGTERM')
  t.match(await running.ended, { status: 0 })
})

t.test('a worker that is told to stop twice stops once', async (t) => {
  const bench = createBench(t, { WORKERS: '2' })
  const { running } = await start(bench)
  for (const pid of workersOf(running)) process.kill(pid, 'SIGTERM')
  running.child.kill('SIGTERM')
  t.match(await running.ended, { status: 0 })
  t.equal(linesOf(running).filter(({ msg, cause }) => msg === 'stopping' && cause !== undefined).length, 2)
})

t.test('who is told to stop before anybody listens stops', async (t) => {
  const running = createBench(t, { WORKERS: '2' }).start(['serve'])
  const { pid } = running.child
  const hasWorkers = () => readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim() !== ''
  while (!hasWorkers()) await sleep(1)
  running.child.kill('SIGTERM')
  const { stdout, stderr } = await running.ended
  t.match(stdout, /"msg":"stopping"/)
  t.notMatch(stdout, /listens on/)
  t.equal(stderr, '')
})
