import t from 'tap'
import { runOnPostgres } from '../support/on-postgres.ts'

await runOnPostgres(t, ['test/api/*.test.ts'])
