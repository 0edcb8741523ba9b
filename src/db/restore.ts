import { closeSync, existsSync, openSync, renameSync, rmSync, statSync } from 'node:fs'
import { resolve } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import SqliteDatabase from 'better-sqlite3'
import { copyDatabase, pagesAtOnce, requireWhole, syncToDisk } from './backup.ts'
import { busyLimitMs, explainDatabaseFault } from './faults.ts'
import { listMigrations, migrateToLatest } from './migrate.ts'
import { openDatabase, sqliteFileOf } from './open.ts'

/** What came of a restore. */
export interface Restored {
  file: string
  /** Tokens that were live in the backup: how many ended with the restore, and how many did not. */
  endedTokens: number
  keptTokens: number
  /** Where the database before it could be read: users whose password is the one of the backup again, by name. */
  olderPasswords: string[]
  /** Users who had been deleted since, and are there again. */
  returnedUsers: string[]
  /** Users who had been disabled since, and still are. */
  disabledUsers: string[]
  /** Users who had lost the role ADMIN since, and do not get it back. */
  demotedAdmins: string[]
}

export interface RestoreOptions {
  /** Keeps tokens that are live in the database of now, too; else all end. */
  keepLive?: boolean | undefined
  onProgress: (share: number) => void
  now: number
}

type Judged = Omit<Restored, 'file'>

/** Between two attempts to get the lock on the database. */
const lockIntervalMs = 20

/**
 * Puts a backup in the place of the database, in one step, also under services that run. What was revoked after the backup
 * is not revoked in it: so all its tokens end, or those that are not live now. Throws an `Error` that says what is in the way.
 */
export async function restore(
  databaseUrl: string,
  source: string,
  options: RestoreOptions,
): Promise<Restored> {
  const file = sqliteFileOf(databaseUrl)
  const backup = resolve(source)
  if (!statSync(backup, { throwIfNoEntry: false })?.isFile())
    throw new Error(`There is no backup at ${backup}.`)
  if (backup === file) throw new Error('The backup cannot be the database itself. Name another file.')
  const draft = `${file}.restore-${process.pid}`
  let judged: Judged
  try {
    closeSync(openSync(draft, 'wx', 0o600))
    await copyDatabase(backup, draft, options.onProgress)
    await bringUpToDate(draft)
    judged = await putInPlace(draft, file, options)
  } catch (error) {
    throw new Error(`Cannot restore ${backup}: ${explainDatabaseFault(error)}`, { cause: error })
  } finally {
    for (const end of ['', '-wal', '-shm']) rmSync(`${draft}${end}`, { force: true })
  }
  return { file, ...judged }
}

/** An older Latchkey may have made the backup; a newer one is refused by the migrator. */
async function bringUpToDate(draft: string): Promise<void> {
  const database = openDatabase(`sqlite:${draft}`)
  try {
    const migrations = await listMigrations(database)
    if (migrations.every(({ executedAt }) => executedAt === null))
      throw new Error('it is no database of Latchkey.')
    await migrateToLatest(database)
  } finally {
    await database.close()
  }
}

/** Over a database that is there, or where there is none. */
async function putInPlace(draft: string, file: string, options: RestoreOptions): Promise<Judged> {
  const connection = new SqliteDatabase(draft)
  try {
    requireWhole(connection)
    const isFormerThere = attachFormer(connection, file)
    if (options.keepLive && !isFormerThere)
      throw new Error(
        'the database of now cannot be read, so that nobody knows which tokens are live. Leave --keep-live out.',
      )
    const judge = (): Judged => judgeDraft(connection, isFormerThere, options)
    if (existsSync(file)) return await overwrite(connection, file, judge)
    const judged = judge()
    connection.pragma('journal_mode = DELETE') // one file alone
    connection.close()
    giveName(draft, file)
    return judged
  } finally {
    connection.close()
  }
}

/**
 * Writes all in one transaction, which those who have the database open see as a commit. It holds the lock from before
 * `judge`: what was revoked until then is judged, and what is revoked after it, is revoked in what was restored.
 */
async function overwrite(
  connection: SqliteDatabase.Database,
  file: string,
  judge: () => Judged,
): Promise<Judged> {
  const deadline = performance.now() + busyLimitMs
  while (performance.now() < deadline) {
    const judged: Judged[] = []
    await connection.backup(file, {
      // Called for the first time when the lock is there, and nothing has been copied yet.
      progress() {
        if (judged.length === 0) judged.push(judge())
        return pagesAtOnce
      },
    })
    if (judged[0] !== undefined) return judged[0]
    await sleep(lockIntervalMs) // somebody else has the lock, which the driver takes for the end
  }
  throw new Error('somebody has been writing to the database for too long. Try again, or stop the service.')
}

/** Ends tokens, and one-time links that may have been used, in the draft. */
function judgeDraft(
  connection: SqliteDatabase.Database,
  isFormerThere: boolean,
  { keepLive = false, now }: RestoreOptions,
): Judged {
  return connection.transaction(() => {
    const differences = isFormerThere ? findDifferences(connection) : noDifferences
    const { changes: endedTokens } = connection
      .prepare(
        `update main.latchkey_tokens set revoked_at = ? where ${live} ${keepLive ? `and not ${liveNow}` : ''}`,
      )
      .run(now, now, ...(keepLive ? [now] : []))
    const keptTokens = connection
      .prepare(`select count(*) from main.latchkey_tokens where ${live}`)
      .pluck()
      .get(now)
    connection.exec('delete from main.latchkey_mail_tokens')
    forgetChanges(connection, isFormerThere)
    return { endedTokens, keptTokens: keptTokens as number, ...differences }
  })()
}

const live = 'revoked_at is null and user_id is not null and expires_at > ?'

/** The same token of the same user with the same password, at this moment. */
const liveNow = `exists (
  select 1 from former.latchkey_tokens as token join former.latchkey_users as user on user.id = token.user_id
  where token.id = latchkey_tokens.id and token.digest = latchkey_tokens.digest and token.revoked_at is null
  and token.expires_at > ? and user.active = 1 and user.password_digest is (
    select password_digest from main.latchkey_users as mine where mine.id = latchkey_tokens.user_id))`

/** Makes the database that is replaced readable as `former`; false where there is none that fits. */
function attachFormer(connection: SqliteDatabase.Database, file: string): boolean {
  if (!existsSync(file)) return false
  try {
    connection.prepare('attach ? as former').run(file)
    connection.prepare(`select count(*) from main.latchkey_tokens where ${liveNow}`).get(0)
    connection.prepare('select max(seq) from former.latchkey_changes').get()
  } catch {
    return false // damaged, or of another version: perhaps what it is replaced for
  }
  connection.pragma('former.journal_mode = WAL') // so that it can be read while nobody else writes to it
  return true
}

type Differences = Pick<Restored, 'olderPasswords' | 'returnedUsers' | 'disabledUsers' | 'demotedAdmins'>

const noDifferences: Differences = {
  olderPasswords: [],
  returnedUsers: [],
  disabledUsers: [],
  demotedAdmins: [],
}

/** Users who are not what they are now; who is disabled now, or no administrator, stays it. */
function findDifferences(connection: SqliteDatabase.Database): Differences {
  const list = (condition: string): string[] =>
    connection
      .prepare<[], string>(
        `select mine.username from main.latchkey_users as mine
         left join former.latchkey_users as now on now.id = mine.id where ${condition} order by mine.username`,
      )
      .pluck()
      .all()
  const differences = {
    olderPasswords: list('now.id is not null and now.password_digest is not mine.password_digest'),
    returnedUsers: list('now.id is null'),
    disabledUsers: list('now.active = 0 and mine.active = 1'),
    demotedAdmins: list("now.role <> 'ADMIN' and mine.role = 'ADMIN'"),
  }
  connection.exec(`
    update main.latchkey_users set active = 0 where id in (select id from former.latchkey_users where active = 0);
    update main.latchkey_users set role = 'USER' where id in (
      select id from former.latchkey_users where role <> 'ADMIN')`)
  return differences
}

/** Processes that follow the changes must not find the last one that they know, and forget all they know then. */
function forgetChanges(connection: SqliteDatabase.Database, isFormerThere: boolean): void {
  const newest = (schema: string): number =>
    Number(connection.prepare(`select max(seq) from ${schema}.latchkey_changes`).pluck().get())
  const last = Math.max(newest('main'), isFormerThere ? newest('former') : 0)
  const seq = last + 1 + Math.floor(Math.random() * 1e9)
  connection.exec('delete from main.latchkey_changes')
  connection.prepare("insert into main.latchkey_changes (seq, user_id) values (?, '')").run(seq)
}

/** For good, without what is left of a database that is gone: SQLite would play it into this one. */
function giveName(draft: string, file: string): void {
  syncToDisk(draft)
  for (const end of ['-wal', '-shm']) rmSync(`${file}${end}`, { force: true })
  renameSync(draft, file)
}
