import t from 'tap'
import { runOnPostgres } from '../support/on-postgres.ts'

await runOnPostgres(t, ['test/graphql/*.test.ts', 'test/http/*.test.ts'])
