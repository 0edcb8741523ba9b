import t from 'tap'
import { runOnPostgres } from '../support/on-postgres.ts'

await runOnPostgres(t, ['test/auth/*.test.ts'])
