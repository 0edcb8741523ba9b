/** Run as a process: `hold-lock.ts <file> <milliseconds>` takes the write lock of a database and says so. */
import { setTimeout as sleep } from 'node:timers/promises'
import SqliteDatabase from 'better-sqlite3'

const [file = '', milliseconds = '0'] = process.argv.slice(2)
const connection = new SqliteDatabase(file)
connection.exec('begin immediate')
process.stdout.write('held\n')
await sleep(Number(milliseconds))
connection.exec('commit')
connection.close()
