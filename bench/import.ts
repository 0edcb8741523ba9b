/**
 * How long does importing from Django take, and how much memory? Makes a project's database with a token of Django REST
 * Framework and one of Knox for each user, and runs the command on it twice: with everything new, and with nothing new.
 * The memory is the command's peak as Linux counts it (`VmHWM`). `node bench/import.ts [users]`
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import SqliteDatabase from 'better-sqlite3'
import { describeMachine } from './runner.ts'

const command = fileURLToPath(new URL('../bin/latchkey.js', import.meta.url))

const users = Number(process.argv[2] ?? 100_000)
const folder = mkdtempSync(join(tmpdir(), 'latchkey-import-'))
try {
  console.log(`${describeMachine()}; ${users} users, two tokens each`)
  const file = join(folder, 'django.sqlite3')
  makeProject(file)
  await run('an empty database', ['migrate'])
  const args = ['import', 'django', '--database', file]
  await run('a dry run', [...args, '--dry-run'])
  await run('everything is new', args)
  await run('nothing is new', args)
} finally {
  rmSync(folder, { recursive: true })
}

function makeProject(file: string): void {
  const database = new SqliteDatabase(file)
  database.exec(`
    create table auth_user (
      id integer primary key autoincrement, password varchar(128) not null, last_login datetime, is_superuser bool not null,
      username varchar(150) not null unique, email varchar(254) not null, is_active bool not null, date_joined datetime not null);
    create table authtoken_token (
      key varchar(40) primary key, created datetime not null, user_id integer not null unique references auth_user (id));
    create table knox_authtoken (
      digest varchar(128) primary key, created datetime not null, user_id integer not null references auth_user (id),
      expiry datetime, token_key varchar(25) not null);
    create index knox_authtoken_user on knox_authtoken (user_id);
    with recursive numbers (n) as (select 1 union all select n + 1 from numbers where n < ${users})
    insert into auth_user select
      n, 'pbkdf2_sha256$260000$' || hex(randomblob(11)) || '$${'A'.repeat(43)}=', null, 0, 'user' || n,
      'user' || n || '@example.org', 1, datetime('now', '-' || (${users} - n) || ' minutes') from numbers;
    insert into authtoken_token select lower(hex(randomblob(20))), datetime('now'), id from auth_user;
    insert into knox_authtoken select lower(hex(randomblob(64))), datetime('now'), id, datetime('now', '+1 year'), 'x'
      from auth_user`)
  database.close()
}

async function run(what: string, args: string[]): Promise<void> {
  const began = performance.now()
  const child = spawn(process.execPath, [command, ...args], {
    cwd: folder,
    env: { ...process.env, DATABASE_URL: `sqlite:${join(folder, 'latchkey.db')}` },
    stdio: ['ignore', 'ignore', 'inherit'],
  })
  let peakMiB = 0
  const watch = setInterval(() => {
    peakMiB = Math.max(peakMiB, readPeak(child.pid))
  }, 20)
  const [status] = await once(child, 'exit')
  clearInterval(watch)
  if (status !== 0) throw new Error(`${what}: the command ended with ${status}`)
  const seconds = ((performance.now() - began) / 1_000).toFixed(1)
  console.log(`${what}: ${seconds} s, ${peakMiB.toFixed(0)} MiB`)
}

/** The most memory that a process has had so far, in MiB; 0 once it has ended. */
function readPeak(pid: number | undefined): number {
  try {
    return Number(/VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0) / 1_024
  } catch {
    return 0
  }
}
