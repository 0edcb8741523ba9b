import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { version } from '../../src/version.ts'
import { likeOthers } from '../terms.ts'

/** A server that is measured. */
export interface Peer {
  name: string
  /** How one request is answered. */
  job: string
  /** Whose tokens it knows; null where nobody is authenticated. */
  accounts: Accounts | null
  method: 'GET' | 'POST'
  path: string
  scheme: 'Token' | 'Bearer'
  command: readonly string[]
  /** The working directory; none for a new folder, where no `.env` is read. */
  folder?: string
  env: (place: Place) => Record<string, string>
  /** What is run, with versions. */
  versions: () => string
  /** How many times faster Latchkey means to be. */
  aim?: number
}

/** Who created the users, and with them the database. */
export type Accounts = 'latchkey' | 'better-auth' | 'drf'

/** Where a server listens, and its database. */
export interface Place {
  port: number
  databaseFile: string
}

const folder = fileURLToPath(new URL('.', import.meta.url))
const latchkeyCommand = fileURLToPath(new URL('../../bin/latchkey.js', import.meta.url))
const graphql = { method: 'POST', path: '/graphql', scheme: 'Token' } as const
const environment = ({ port, databaseFile }: Place): Record<string, string> => ({
  PORT: String(port),
  DATABASE_FILE: databaseFile,
})

/** Debian's Python, whose packages are meant, and not one that comes earlier in the path. */
export const python = '/usr/bin/python3'

/** Debian's packages of Django REST Framework and gunicorn. */
export const debianPackages = [
  'python3-django',
  'python3-djangorestframework',
  'gunicorn',
  'python3-gunicorn',
]

/** Who is measured; the first is what the others are compared with. */
export const peers: readonly Peer[] = [
  {
    name: 'Latchkey',
    job: '`latchkey serve`',
    accounts: 'latchkey',
    ...graphql,
    command: [process.execPath, latchkeyCommand, 'serve'],
    env: ({ port, databaseFile }) => ({
      PORT: String(port),
      DATABASE_URL: `sqlite:${databaseFile}`,
      ...likeOthers,
    }),
    versions: () => `Latchkey ${version}`,
  },
  {
    name: 'Bare Fastify',
    job: 'a POST route with the same answer, nobody authenticated',
    accounts: null,
    ...graphql,
    command: node('fastify.js'),
    env: environment,
    versions: () => packages('fastify'),
    aim: 0.75,
  },
  {
    name: 'Mercurius, no authentication',
    job: 'JIT, the same answer, nobody authenticated',
    accounts: null,
    ...graphql,
    command: node('mercurius.js'),
    env: environment,
    versions: () => packages('mercurius'),
    aim: 0.95,
  },
  {
    name: 'Mercurius + SQLite',
    job: 'JIT, one prepared statement',
    accounts: 'latchkey',
    ...graphql,
    command: node('mercurius-sqlite.js'),
    env: environment,
    versions: () => packages('mercurius', 'better-sqlite3'),
  },
  {
    name: 'Apollo Server + SQLite',
    job: 'on Fastify, one prepared statement',
    accounts: 'latchkey',
    ...graphql,
    command: node('apollo.js'),
    env: environment,
    versions: () => packages('@apollo/server', '@as-integrations/fastify'),
    aim: 7,
  },
  {
    name: 'GraphQL Yoga + SQLite',
    job: 'on node:http, one prepared statement',
    accounts: 'latchkey',
    ...graphql,
    command: node('yoga.js'),
    env: environment,
    versions: () => packages('graphql-yoga'),
    aim: 15,
  },
  {
    name: 'Django REST Framework',
    job: '`TokenAuthentication`, a view of its own; gunicorn, one worker',
    accounts: 'drf',
    method: 'GET',
    path: '/viewer',
    scheme: 'Token',
    command: [
      '/usr/bin/gunicorn',
      '--workers=1',
      // Threads keep connections open, which the default worker does not: this is the faster of the two here.
      '--worker-class=gthread',
      '--threads=4',
      '--log-level=warning',
      'wsgi',
    ],
    folder: `${folder}drf`,
    env: ({ port, databaseFile }) => ({
      DATABASE_FILE: databaseFile,
      GUNICORN_CMD_ARGS: `--bind=127.0.0.1:${port}`,
    }),
    versions: () => execFileSync(python, ['-B', `${folder}drf/versions.py`], { encoding: 'utf8' }).trim(),
    aim: 38,
  },
  {
    name: 'better-auth',
    job: '`get-session` with the bearer plugin, on node:http',
    accounts: 'better-auth',
    method: 'GET',
    path: '/api/auth/get-session',
    scheme: 'Bearer',
    command: node('better-auth.js'),
    env: environment,
    versions: () => packages('better-auth'),
    aim: 50,
  },
]

function node(file: string): string[] {
  return [process.execPath, `${folder}servers/${file}`]
}

function packages(...names: string[]): string {
  return names.map((name) => `${name} ${versionOf(name)}`).join(', ')
}

function versionOf(name: string): string {
  return JSON.parse(readFileSync(`${folder}node_modules/${name}/package.json`, 'utf8')).version
}
