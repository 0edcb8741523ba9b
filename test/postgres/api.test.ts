import t from 'tap'
import { runOnPostgres } from '../support/on-postgres.ts'

// Limits of sockets are each process's own; the clients are the same on any database.
await runOnPostgres(t, ['test/api/*.test.ts'], ['test/api/socket-limits.test.ts'])
