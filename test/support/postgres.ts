import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { chownSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'
import { Client } from 'pg'
import type { Test } from 'tap'
import { migrateToLatest } from '../../src/db/migrate.ts'
import { openDatabase } from '../../src/db/open.ts'
import type { TestCertificate } from './certificate.ts'
import { freePort } from './ports.ts'

const programs = '/usr/lib/postgresql/15/bin'

export const NO_POSTGRES = `there is no PostgreSQL in ${programs}; install it: apt-get install postgresql`

/** Whether there is a PostgreSQL to start. */
export const hasPostgres: boolean = existsSync(join(programs, 'postgres'))

/** Why a test that needs it is skipped; never where everything must be tested. */
export function whyWithoutPostgres(): string | false {
  return !hasPostgres && process.env.CI === undefined && NO_POSTGRES
}

/** A server of its own, on loopback, that a test may do with as it likes. */
export interface Postgres {
  host: string
  port: number
  user: string
  password: string
  /** The address of a database of this name; `createDatabase` makes it. */
  urlOf(database: string): string
  createDatabase(name: string): Promise<void>
  /** Makes a database that others can be made from, brought up to date; returns what `LATCHKEY_TEST_DATABASE` takes. */
  createTemplate(): Promise<string>
  /** Ends the server: connections are ended first, or everything at once, as in a crash. */
  stop(how: 'fast' | 'immediate'): Promise<void>
  /** Whether it has ended by itself. */
  hasEnded(): boolean
  /** Starts it again where it was. */
  start(): Promise<void>
  /** Starts another server, on loopback as well, that follows this one. */
  startReplica(): Promise<Replica>
  /** Stops all of its processes where they are, or lets them go on. */
  signal(signal: 'SIGSTOP' | 'SIGCONT'): void
  /** Speaks TLS from then on, with this certificate. */
  useCertificate(certificate: TestCertificate): Promise<void>
  /** Runs statements in a database. */
  // biome-ignore lint/suspicious/noExplicitAny: the shape differs from one statement to the next; tests say what they expect
  query(database: string, text: string): Promise<any[]>
}

/** A server that only answers questions, by what it has heard of another one. */
export interface Replica {
  urlOf(database: string): string
  // biome-ignore lint/suspicious/noExplicitAny: as above
  query(database: string, text: string): Promise<any[]>
  stop(): Promise<void>
  start(): Promise<void>
}

/** Starts a server on an empty folder, in `parent`; `t` ends it and deletes the folder. It does not run as root, and so as Debian's `postgres`. */
export async function startPostgres(t: Pick<Test, 'teardown'>, parent = tmpdir()): Promise<Postgres> {
  const folder = mkdtempSync(join(parent, 'latchkey-postgres-'))
  t.teardown(() => rmSync(folder, { recursive: true, force: true }))
  const password = 'p@ss/word#1'
  const passwordFile = join(folder, 'password')
  writeFileSync(passwordFile, password)
  const through = asAnother(folder, passwordFile)
  const data = join(folder, 'data')
  const standby = join(folder, 'standby')
  const [command = '', ...rest] = [...through, join(programs, 'initdb')]
  const auth = ['--auth=scram-sha-256', '--username=latchkey', `--pwfile=${passwordFile}`]
  execFileSync(command, [...rest, '-D', data, ...auth, '--encoding=UTF8', '--locale=C.UTF-8', '--no-sync'], {
    stdio: 'pipe',
  })

  const port = await freePort()
  const settings = ['-c', 'fsync=off', '-c', 'shared_buffers=16MB', '-c', 'max_connections=200']
  const [program = '', ...args] = [...through, join(programs, 'postgres')]
  async function start(on = data, at = port): Promise<{ server: ChildProcess; ended: Promise<unknown> }> {
    const where = ['-D', on, '-h', '127.0.0.1', '-p', String(at), '-k', '']
    const server = spawn(program, [...args, ...where, ...settings], { stdio: ['ignore', 'ignore', 'pipe'] })
    const ended = once(server, 'exit')
    await ready(server.stderr)
    return { server, ended }
  }
  let running = await start()
  const stop = async (signal: NodeJS.Signals): Promise<void> => {
    running.server.kill(signal)
    await running.ended
  }
  t.teardown(() => stop('SIGINT')) // ends connections, and then itself

  const addressAt =
    (at: number) =>
    (database: string): string =>
      `postgres://latchkey:${encodeURIComponent(password)}@127.0.0.1:${at}/${database}`
  const queryAt =
    (at: number): Postgres['query'] =>
    async (database, text) => {
      const client = new Client({ connectionString: addressAt(at)(database) })
      await client.connect()
      try {
        return (await client.query(text)).rows
      } finally {
        await client.end()
      }
    }
  const urlOf = addressAt(port)
  const query = queryAt(port)

  async function startReplica(): Promise<Replica> {
    const [copy = '', ...options] = [...through, join(programs, 'pg_basebackup')]
    const source = ['-h', '127.0.0.1', '-p', String(port), '-U', 'latchkey']
    execFileSync(copy, [...options, ...source, '-D', standby, '-R', '--checkpoint=fast', '--no-sync'], {
      env: { ...process.env, PGPASSWORD: password },
      stdio: 'pipe',
    })
    const at = await freePort()
    let running = await start(standby, at)
    const stop = async (): Promise<void> => {
      running.server.kill('SIGINT')
      await running.ended
    }
    t.teardown(stop)
    return {
      urlOf: addressAt(at),
      query: queryAt(at),
      stop,
      async start() {
        running = await start(standby, at)
      },
    }
  }

  return {
    host: '127.0.0.1',
    port,
    user: 'latchkey',
    password,
    urlOf,
    query,
    startReplica,
    stop: (how) => stop(how === 'fast' ? 'SIGINT' : 'SIGQUIT'),
    hasEnded: () => running.server.exitCode !== null,
    async start() {
      running = await start()
    },
    signal(signal) {
      const pid = running.server.pid as number // it has started
      const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ')
      for (const each of [pid, ...children.map(Number)]) process.kill(each, signal)
    },
    async useCertificate({ cert, key }) {
      const [certFile, keyFile] = [join(folder, 'cert.pem'), join(folder, 'key.pem')]
      writeFileSync(certFile, cert)
      writeFileSync(keyFile, key, { mode: 0o600 })
      asAnother(certFile, keyFile)
      await query('postgres', `alter system set ssl_cert_file = '${certFile}'`)
      await query('postgres', `alter system set ssl_key_file = '${keyFile}'`)
      await query('postgres', 'alter system set ssl = on')
      await query('postgres', 'select pg_reload_conf()')
      while ((await query('postgres', 'show ssl'))[0].ssl !== 'on') await sleep(10)
    },
    createDatabase: async (name) => {
      await query('postgres', `create database ${name}`)
    },
    async createTemplate() {
      await query('postgres', 'create database template_latchkey')
      const database = openDatabase(urlOf('template_latchkey'))
      await migrateToLatest(database)
      await database.close()
      return urlOf('template_latchkey')
    },
  }
}

/** The words in front of a command that is not to run as root, to whom PostgreSQL refuses itself. */
export function asAnother(...paths: string[]): string[] {
  if (process.getuid?.() !== 0) return []
  const idOf = (kind: string): number => Number(execFileSync('id', [kind, 'postgres']).toString())
  for (const path of paths) chownSync(path, idOf('-u'), idOf('-g'))
  return ['setpriv', '--reuid=postgres', '--regid=postgres', '--clear-groups']
}

async function ready(log: NodeJS.ReadableStream): Promise<void> {
  const said: string[] = []
  for await (const line of createInterface({ input: log })) {
    said.push(line)
    if (/ready to accept (read-only )?connections/.test(line)) {
      log.resume()
      return
    }
  }
  throw new Error(`PostgreSQL did not start: ${said.join('\n')}`)
}
