import t from 'tap'
import { runOnPostgres } from '../support/on-postgres.ts'

// What these ask for is not yet the same on both: the exact words of faults, and what happens while none can be written.
const except = ['passwords', 'principal', 'token-uses'].map((name) => `test/auth/${name}.test.ts`)

await runOnPostgres(t, ['test/auth/*.test.ts'], except)
