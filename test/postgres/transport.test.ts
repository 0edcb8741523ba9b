import t from 'tap'
import { runOnPostgres } from '../support/on-postgres.ts'

// What the queue of password checks does has nothing to do with the database.
await runOnPostgres(t, ['test/graphql/*.test.ts', 'test/http/*.test.ts'], ['test/http/sign-in-flood.test.ts'])
