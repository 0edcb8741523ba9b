import { execFileSync, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync, writeFileSync } from 'node:fs'
import type { IncomingMessage } from 'node:http'
import { Agent, request } from 'node:https'
import { type AddressInfo, createServer } from 'node:net'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { setTimeout as sleep } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { type Bench, createBench, password, type Running } from '../cli/command.ts'
import { fetchMetrics } from '../support/metrics.ts'
import { startPostgres, whyWithoutPostgres } from '../support/postgres.ts'
import { startRedis, whyWithoutRedis } from '../support/redis.ts'

const isThere = spawnSync('which', ['nginx']).status === 0
const skip = !isThere && process.env.CI === undefined && 'there is no nginx here; apt-get install nginx-light'

async function findPorts(count: number): Promise<number[]> {
  const servers = Array.from({ length: count }, () => createServer().listen(0, '127.0.0.1'))
  await Promise.all(servers.map((server) => once(server, 'listening')))
  const ports = servers.map((server) => (server.address() as AddressInfo).port)
  await Promise.all(servers.map((server) => once(server.close(), 'close')))
  return ports
}

/** The configuration as it is shipped, but for names, ports and paths of this machine. */
function writeConfiguration(folder: string, plain: number, tls: number, instances: number[]): string {
  const files = (name: string): string[] => [join(folder, `${name}.key`), join(folder, `${name}.crt`)]
  const [key = '', certificate = ''] = files('tls')
  execFileSync(
    'openssl',
    [
      'req',
      '-x509',
      '-newkey',
      'rsa:2048',
      '-nodes',
      '-keyout',
      key,
      '-out',
      certificate,
      '-days',
      '1',
      '-subj',
      '/CN=localhost',
    ],
    { stdio: 'ignore' },
  )
  const shipped = readFileSync(new URL('../../deploy/nginx/nginx.conf', import.meta.url), 'utf8')
  const [first, second] = instances
  const changes: [from: string | RegExp, to: string][] = [
    ['worker_processes auto;', 'worker_processes 1;\ndaemon off;'],
    ['pid /run/nginx.pid;', `pid ${folder}/nginx.pid;`],
    [
      'http {',
      ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].reduce(
        (text, name) => `${text}\n${name}_temp_path ${folder}/${name};`,
        'http {',
      ),
    ],
    ['latchkey-1:4000', `127.0.0.1:${first}`],
    ['latchkey-2:4000', `127.0.0.1:${second}`],
    ['listen 80;', `listen 127.0.0.1:${plain};`],
    ['listen 443 ssl http2;', `listen 127.0.0.1:${tls} ssl http2;`],
    [/ {4}listen \[::\].*\n/g, ''],
    ['/etc/nginx/tls/tls.crt', certificate],
    ['/etc/nginx/tls/tls.key', key],
  ]
  const text = changes.reduce((whole, [from, to]) => {
    const changed = whole.replace(from, to)
    if (changed === whole) throw new Error(`The configuration has no ${from}`)
    return changed
  }, shipped)
  const file = join(folder, 'nginx.conf')
  writeFileSync(file, text)
  return file
}

async function startProxy(t: Test, bench: Bench, instances: number[]) {
  const [plain = 0, tls = 0] = await findPorts(2)
  const file = writeConfiguration(bench.folder, plain, tls, instances)
  const checked = spawnSync('nginx', ['-t', '-c', file, '-p', bench.folder], { encoding: 'utf8' })
  t.match({ status: checked.status, stderr: checked.stderr }, { status: 0, stderr: /test is successful/ })
  t.notMatch(checked.stderr, /warn|emerg/)
  const child = spawn('nginx', ['-c', file, '-p', bench.folder], { stdio: 'ignore' })
  t.teardown(async () => {
    child.kill('SIGQUIT')
    await once(child, 'exit')
  })
  const agent = new Agent({ keepAlive: true, rejectUnauthorized: false })
  t.teardown(() => agent.destroy())

  async function post(query: string, headers: Record<string, string> = {}) {
    const asked = request(`https://127.0.0.1:${tls}/graphql`, {
      agent,
      method: 'POST',
      headers: { 'content-type': 'application/json', ...headers },
    })
    asked.end(JSON.stringify({ query }))
    const [response] = await once(asked, 'response')
    const answer = await text(response)
    const { statusCode: status, headers: received } = response as IncomingMessage
    return { status, headers: received, body: answer.startsWith('{') ? JSON.parse(answer) : null }
  }
  for (;;) {
    const isUp = await post('{ serverInfo { name } }').then(
      ({ status }) => status === 200,
      () => false,
    )
    if (isUp) return { post, plain, tls }
    await sleep(50)
  }
}

async function startInstance(bench: Bench, port: number, adminPort: number): Promise<Running> {
  const running = bench.start(['serve'], { PORT: String(port), ADMIN_PORT: String(adminPort) })
  await running.said(/listens on/)
  return running
}

/** Where the instances have their data: in the file of the bench, or on a PostgreSQL as in the compose file. */
const databases: [name: string, skip: string | false, open: (t: Test) => Promise<Record<string, string>>][] =
  [
    ['an SQLite file', skip, async () => ({})],
    [
      'PostgreSQL and Redis',
      skip || whyWithoutPostgres() || whyWithoutRedis(),
      async (t) => {
        const postgres = await startPostgres(t)
        await postgres.createDatabase('latchkey')
        const redis = await startRedis(t)
        return {
          DATABASE_URL: postgres.urlOf('latchkey'),
          REDIS_URL: redis.url,
          RATE_LIMIT_REQUESTS: '1000000',
        }
      },
    ],
  ]

for (const [name, skip, openDatabase] of databases) {
  t.test(
    `two instances on ${name} behind nginx are one service, and are replaced while it goes on`,
    { skip },
    async (t) => {
      const bench = createBench(t, {
        NODE_ENV: 'production',
        LOG_LEVEL: 'info',
        TRUST_PROXY: '127.0.0.1',
        SHUTDOWN_DELAY: '1s',
        RATE_LIMIT_REQUESTS: 'off',
        SMTP_URL: 'off',
        ...(await openDatabase(t)),
      })
      await bench.json(['user', 'create', 'ada', '--password-stdin'], password)
      const [first = 0, second = 0, ...adminPorts] = await findPorts(4)
      const ports = [first, second]
      const start = (index: 0 | 1) =>
        startInstance(bench, ports[index] as number, adminPorts[index] as number)
      const instances = [await start(0), await start(1)] as [Running, Running]
      const { post, plain, tls } = await startProxy(t, bench, ports)

      const signIn = async () => {
        const { body } = await post(
          `mutation { tokenAuth(username: "ada", password: "${password}") { token } }`,
        )
        return body.data.tokenAuth.token as string
      }
      const whoHas = async (token: string) => {
        const { body } = await post('{ viewer { username } }', { authorization: `Token ${token}` })
        if (body === null) return null // nginx itself has answered
        return (body.data?.viewer?.username ?? body.errors[0].extensions.reason) as string
      }
      const token = await signIn()
      const seen = await Promise.all(Array.from({ length: 20 }, () => whoHas(token)))
      t.strictSame(new Set(seen), new Set(['ada']))
      const served = instances.map((running) => running.output().stdout.includes('"operation"'))
      t.strictSame(served, [true, true], 'both have answered')
      await post('mutation { revokeToken { __typename } }', { authorization: `Token ${token}` })
      await sleep(200) // PostgreSQL tells the other one, within some milliseconds
      const refused = await Promise.all(Array.from({ length: 20 }, () => whoHas(token)))
      t.strictSame(new Set(refused), new Set(['REVOKED']), 'by both')

      const spoofed = await post('query Spoofed { serverInfo { name } }', {
        'x-forwarded-for': '203.0.113.9',
      })
      t.equal(spoofed.headers['strict-transport-security'], 'max-age=31536000')
      t.notMatch(instances.map((running) => running.output().stdout).join(''), '203.0.113.9')
      t.equal((await fetch(`http://127.0.0.1:${plain}/graphql`)).status, 403, 'nothing goes in the clear')
      t.ok(tls > 0)

      const listeners = (await fetchMetrics(`http://127.0.0.1:${adminPorts[0]}`)).get(
        'latchkey_change_listeners',
      )
      t.equal(listeners, name === 'PostgreSQL and Redis' ? 1 : undefined)

      const live = await signIn()
      let isOver = false
      const answers: (string | null)[] = []
      const asking = Promise.all(
        Array.from({ length: 4 }, async () => {
          while (!isOver) answers.push((await whoHas(live)) ?? (await whoHas(live)))
        }),
      )
      for (const index of [0, 1] as const) {
        instances[index].child.kill('SIGTERM')
        t.equal((await instances[index].ended).status, 0)
        instances[index] = await start(index)
        await sleep(2_500) // nginx tries again after fail_timeout
      }
      isOver = true
      await asking
      t.strictSame(
        new Set(answers),
        new Set(['ada']),
        `each of ${answers.length} questions was answered, at the second try at the latest`,
      )
      for (const running of instances) {
        running.child.kill('SIGTERM')
        await running.ended
      }
    },
  )
}
