/** Run as a process: `open-and-migrate.ts <file or address>` waits for a line, then brings a database up to date and says how. */
import { once } from 'node:events'
import { migrateToLatest } from '../../src/db/migrate.ts'
import { openDatabase } from '../../src/db/open.ts'

const [file = ''] = process.argv.slice(2)
process.stdout.write('ready\n')
await once(process.stdin, 'data')
const database = openDatabase(file.includes('://') ? file : `sqlite:${file}`)
process.stdout.write(`${JSON.stringify(await migrateToLatest(database))}\n`)
await database.close()
process.stdin.destroy()
