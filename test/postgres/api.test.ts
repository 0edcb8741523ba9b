import t from 'tap'
import { runOnPostgres } from '../support/on-postgres.ts'

// Limits of sockets are each process's own. One kind of text in reports of leaked tokens is a fault of the database there, for now.
const except = ['socket-limits', 'leaked-tokens'].map((name) => `test/api/${name}.test.ts`)

await runOnPostgres(t, ['test/api/*.test.ts'], except)
