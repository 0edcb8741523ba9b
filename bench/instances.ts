/**
 * Two instances on one PostgreSQL, behind nginx: how soon does one refuse a token that was revoked on the other, how soon do
 * its sockets close, and what do one and two instances serve? Starts Debian's PostgreSQL and nginx.
 * `node bench/instances.ts [--rounds 2000] [--seconds 8]`
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { freePort } from '../test/support/ports.ts'
import { startPostgres } from '../test/support/postgres.ts'
import { ask, describeTimes, hangUp, openSocket, signIn, signUp } from './client.ts'
import type { Load, Measure } from './load.ts'
import {
  describeMachine,
  group,
  medianOf,
  type Server,
  start,
  startServer,
  stop,
  table,
  tell,
  toRequest,
  withFolder,
} from './runner.ts'
import { likeOthers, warmUpMs } from './terms.ts'

const { values } = parseArgs({
  options: { rounds: { type: 'string', default: '2000' }, seconds: { type: 'string', default: '8' } },
})
const teardown: (() => unknown)[] = [hangUp]

/** Limits that this would reach. */
const roomy = {
  ...likeOthers,
  RATE_LIMIT_SIGN_UPS: 'off',
  RATE_LIMIT_ADDRESS_FAILURES: '1000000',
  TOKEN_LIMIT: '10000',
  SOCKET_LIMIT_USER: '1000',
  SOCKET_LIMIT_ADDRESS: '1000',
  SMTP_URL: 'off',
}

console.log(describeMachine())
try {
  await withFolder(async (folder) => {
    const postgres = await startPostgres({ teardown: (work) => teardown.unshift(work as () => unknown) })
    await postgres.createDatabase('latchkey')
    const databaseUrl = postgres.urlOf('latchkey')
    await measureRevocations(folder, databaseUrl)
    await measureThroughput(folder, databaseUrl)
  })
} finally {
  for (const work of teardown) await work()
}

async function measureRevocations(folder: string, databaseUrl: string): Promise<void> {
  const servers = [await startInstance(databaseUrl), await startInstance(databaseUrl)]
  const [one = '', other = ''] = await startProxy(
    folder,
    servers.map(({ port }) => port),
  )
  try {
    await signUp(one, 'ada')
    const times: number[] = []
    for (let round = 0; round < Number(values.rounds); round++) {
      const [here, there] = round % 2 === 0 ? [one, other] : [other, one]
      const token = await signIn(here, 'ada')
      for (let use = 0; use < 2; use++)
        if (!(await isTaken(there, token))) throw new Error('a new token is refused')
      await ask(here, 'mutation { revokeToken { revoked } }', token)
      const begun = performance.now()
      while (await isTaken(there, token)) await sleep(0)
      times.push(performance.now() - begun)
    }
    console.log(
      `from the answer of a revocation to the refusal at the other instance: ${describeTimes(times)}`,
    )
    await measureSockets(one, other)
  } finally {
    await stop(...servers.map(({ child }) => child))
  }
}

/** From sending the revocation to hearing each of ten sockets of the user, five at each instance, close. */
async function measureSockets(one: string, other: string): Promise<void> {
  const times: number[] = []
  const users = await Promise.all(
    Array.from({ length: 20 }, async (_, index) => {
      const username = `socket${index}`
      await signUp(one, username)
      const token = await signIn(one, username)
      const sockets = await Promise.all(
        Array.from({ length: 10 }, (_, number) => openSocket(number % 2 === 0 ? one : other, token)),
      )
      return { token, sockets }
    }),
  )
  for (const { token, sockets } of users) {
    const begun = performance.now()
    const closed = sockets.map(async (socket) => {
      await once(socket, 'close')
      times.push(performance.now() - begun)
    })
    await ask(one, 'mutation { revokeAllTokens { count } }', token)
    await Promise.all(closed)
  }
  console.log(`from sending a revocation to the close of 200 sockets over both: ${describeTimes(times)}`)
}

/** Warm and cold, each with one instance and with two, and on a file for comparison. */
async function measureThroughput(folder: string, databaseUrl: string): Promise<void> {
  const rows: string[][] = []
  const file = `sqlite:${join(folder, 'latchkey.db')}`
  const cases: [name: string, url: string, instances: number][] = [
    ['SQLite, one process', file, 1],
    ['PostgreSQL, one instance', databaseUrl, 1],
    ['PostgreSQL, two instances', databaseUrl, 2],
  ]
  for (const [kind, env] of [
    ['warm', {}],
    ['cold', { TOKEN_CACHE: 'off' }],
  ] as const) {
    const rates: number[] = []
    for (const [name, url, count] of cases) {
      const servers: Server[] = []
      for (let index = 0; index < count; index++) servers.push(await startInstance(url, env))
      const rate = await measureRate(folder, servers)
      rates.push(rate)
      const [sqlite = rate, one = rate] = rates
      rows.push([`${name}, ${kind}`, group(rate), (rate / sqlite).toFixed(2), (rate / one).toFixed(2)])
      await stop(...servers.map(({ child }) => child))
    }
  }
  console.log(table(['', 'requests/s', '÷ SQLite', '÷ one instance of PostgreSQL'], rows))
}

async function measureRate(folder: string, servers: readonly Server[]): Promise<number> {
  const [first] = servers as [Server]
  await signUp(urlOf(first.port), 'load')
  const tokens: string[] = []
  for (let index = 0; index < 100; index++) tokens.push(await signIn(urlOf(first.port), 'load'))
  const file = join(folder, 'tokens')
  writeFileSync(file, tokens.join('\n'))
  const loads = servers.map(() => start('load.ts'))
  const measure = async (durationMs: number): Promise<number> => {
    const measures = await Promise.all(
      servers.map(({ port }, index) => {
        const load: Load = {
          port,
          request: toRequest('{ viewer { id username } }', { signedIn: true }),
          tokens: file,
          expected: '"viewer":{"id":"',
          connections: 64 / servers.length,
          durationMs,
        }
        return tell<Measure>(loads[index] as (typeof loads)[number], load)
      }),
    )
    return measures.reduce((sum, { requestsPerSecond }) => sum + requestsPerSecond, 0)
  }
  await measure(warmUpMs)
  const rounds: number[] = []
  for (let round = 0; round < 3; round++) rounds.push(await measure(Number(values.seconds) * 1_000))
  await stop(...loads)
  return medianOf(rounds)
}

/** Anywhere: PostgreSQL wants its share of the cores as well. */
function startInstance(databaseUrl: string, env: Record<string, string> = {}): Promise<Server> {
  return startServer('latchkey', { core: undefined, env: { ...roomy, DATABASE_URL: databaseUrl, ...env } })
}

/** A way through nginx to each instance; returns the addresses. */
async function startProxy(folder: string, instances: readonly number[]): Promise<string[]> {
  const ports = await Promise.all(instances.map(() => freePort()))
  const servers = instances.map(
    (port, index) => `
      upstream instance${index} { server 127.0.0.1:${port}; keepalive 64; }
      server {
        listen 127.0.0.1:${ports[index]};
        location / {
          proxy_pass http://instance${index};
          proxy_http_version 1.1;
          proxy_set_header Upgrade $http_upgrade;
          proxy_set_header Connection $connection_upgrade;
        }
      }`,
  )
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map(
    (name) => `${name}_temp_path ${folder}/${name};`,
  )
  writeFileSync(
    join(folder, 'nginx.conf'),
    `daemon off; worker_processes 1; pid ${folder}/nginx.pid; error_log ${folder}/error.log;
    events { worker_connections 1024; }
    http {
      access_log off; ${temporary.join(' ')}
      map $http_upgrade $connection_upgrade { default upgrade; '' ''; }
      ${servers.join('')}
    }`,
  )
  const child = spawn('nginx', ['-c', join(folder, 'nginx.conf'), '-p', folder], { stdio: 'inherit' })
  teardown.unshift(async () => {
    child.kill('SIGQUIT')
    await once(child, 'exit')
  })
  await sleep(500)
  return ports.map(urlOf)
}

async function isTaken(url: string, token: string): Promise<boolean> {
  const { data } = await ask(url, '{ viewer { id } }', token)
  return Boolean(data?.viewer)
}

function urlOf(port: number): string {
  return `http://127.0.0.1:${port}/graphql`
}
