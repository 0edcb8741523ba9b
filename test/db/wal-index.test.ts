import { closeSync, openSync, readdirSync, readlinkSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import SqliteDatabase from 'better-sqlite3'
import t, { type Test } from 'tap'
import { watchWalIndex } from '../../src/db/wal-index.ts'

function open(t: Test, file: string): SqliteDatabase.Database {
  const connection = new SqliteDatabase(file)
  connection.pragma('journal_mode = WAL')
  connection.exec('create table if not exists t (a)')
  t.teardown(() => connection.close())
  return connection
}

t.test('a commit is noticed once, whoever made it, and nothing else is', async (t) => {
  const file = join(t.testdir(), 'a.db')
  const reader = open(t, file)
  const writer = open(t, file)
  const mayHaveChanged = watchWalIndex(file)
  t.equal(mayHaveChanged(), true, 'at first it may')
  t.equal(mayHaveChanged(), process.platform !== 'linux', 'nothing was written')
  for (const connection of [reader, writer]) {
    connection.exec('insert into t values (1)')
    t.equal(mayHaveChanged(), true)
    t.equal(mayHaveChanged(), process.platform !== 'linux')
  }
  writer.exec('begin; insert into t values (2); rollback')
  reader.prepare('select count(*) from t').get()
  t.equal(mayHaveChanged(), process.platform !== 'linux', 'a read and a rollback are no commits')
})

t.test('a commit is noticed after checkpoints of every kind', async (t) => {
  const file = join(t.testdir(), 'a.db')
  const writer = open(t, file)
  const mayHaveChanged = watchWalIndex(file)
  for (const kind of ['passive', 'full', 'restart', 'truncate']) {
    writer.pragma(`wal_checkpoint(${kind})`)
    mayHaveChanged()
    writer.exec('insert into t values (1)')
    t.equal(mayHaveChanged(), true, kind)
  }
})

t.test('where the index is not open, everything may have changed', async (t) => {
  const file = join(t.testdir({ 'a.db': '', 'a.db-shm': '' }), 'a.db')
  for (const path of [file, `${file}.none`]) {
    const mayHaveChanged = watchWalIndex(path)
    t.equal(mayHaveChanged(), true)
    t.equal(mayHaveChanged(), true)
  }
})

/** The descriptor under which this process has a file open. */
function descriptorOf(path: string): number {
  return Number(
    readdirSync('/proc/self/fd').find((name) => {
      try {
        return readlinkSync(`/proc/self/fd/${name}`) === path
      } catch {
        return false
      }
    }),
  )
}

t.test(
  'a descriptor that stands for something else now is not believed',
  {
    skip: process.platform !== 'linux',
  },
  async (t) => {
    const folder = t.testdir({ 'a.db-shm': 'x'.repeat(1_000), other: 'y'.repeat(1_000) })
    const [index, other] = [join(folder, 'a.db-shm'), join(folder, 'other')]
    // A file of this test's own in the place of SQLite's, which may be closed.
    for (const inItsPlace of ['nothing', 'another file']) {
      openSync(index, 'r')
      const mayHaveChanged = watchWalIndex(join(folder, 'a.db'))
      mayHaveChanged()
      t.equal(mayHaveChanged(), false)
      closeSync(descriptorOf(index))
      if (inItsPlace === 'another file') openSync(other, 'r')
      await sleep(150)
      t.equal(mayHaveChanged(), true, inItsPlace)
      t.equal(mayHaveChanged(), true)
      if (inItsPlace === 'another file') closeSync(descriptorOf(other))
    }
  },
)
