import { closeSync, existsSync, openSync, renameSync, rmSync, statSync } from 'node:fs'
import { resolve } from 'node:path'
import SqliteDatabase from 'better-sqlite3'
import { copyDatabase, requireWhole, syncToDisk } from './backup.ts'
import { explainDatabaseFault } from './faults.ts'
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
}

export interface RestoreOptions {
  /** Keeps tokens that are live in the database of now, too; else all end. */
  keepLive?: boolean | undefined
  onProgress?: (share: number) => void
  now: number
}

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
  try {
    closeSync(openSync(draft, 'wx', 0o600))
    await copyDatabase(backup, draft, options.onProgress)
    await bringUpToDate(draft)
    const restored = judgeDraft(draft, file, options)
    await putInPlace(draft, file)
    return { file, ...restored }
  } catch (error) {
    throw new Error(`Cannot restore ${backup}: ${explainDatabaseFault(error)}`, { cause: error })
  } finally {
    for (const end of ['', '-wal', '-shm']) rmSync(`${draft}${end}`, { force: true })
  }
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

/** Ends tokens, and one-time links that may have been used, in the draft. */
function judgeDraft(
  draft: string,
  file: string,
  { keepLive = false, now }: RestoreOptions,
): Omit<Restored, 'file'> {
  const connection = new SqliteDatabase(draft)
  try {
    requireWhole(connection)
    const isFormerThere = attachFormer(connection, file)
    if (keepLive && !isFormerThere)
      throw new Error(
        'the database of now cannot be read, so that nobody knows which tokens are live. Leave --keep-live out.',
      )
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
  } finally {
    connection.close()
  }
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
    return true
  } catch {
    return false // damaged, or of another version: perhaps what it is replaced for
  }
}

type Differences = Pick<Restored, 'olderPasswords' | 'returnedUsers' | 'disabledUsers'>

const noDifferences: Differences = { olderPasswords: [], returnedUsers: [], disabledUsers: [] }

/** Users who are not what they are now; who is disabled now stays it. */
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
  }
  connection.exec(
    'update main.latchkey_users set active = 0 where id in (select id from former.latchkey_users where active = 0)',
  )
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

/** Over one that is there all is written in one transaction, which those who have it open see as a commit. */
async function putInPlace(draft: string, file: string): Promise<void> {
  if (existsSync(file)) return copyDatabase(draft, file)
  const connection = new SqliteDatabase(draft)
  connection.pragma('journal_mode = DELETE') // one file alone
  connection.close()
  syncToDisk(draft)
  // What is left of a database that is gone: SQLite would play it into this one.
  for (const end of ['-wal', '-shm']) rmSync(`${file}${end}`, { force: true })
  renameSync(draft, file)
}
