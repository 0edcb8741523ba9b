/** Run as a process: `take-alone.ts <file>` tries to have a database for itself alone, and says what came of it. */
import SqliteDatabase from 'better-sqlite3'

const [file = ''] = process.argv.slice(2)
const connection = new SqliteDatabase(file, { timeout: 0 })
try {
  connection.pragma('locking_mode = EXCLUSIVE')
  connection.exec('begin immediate; rollback')
  process.stdout.write('taken\n')
} catch (error) {
  process.stdout.write(`${(error as { code?: string }).code}\n`)
}
connection.close()
