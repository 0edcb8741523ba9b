import t from 'tap'
import { runOnPostgres } from '../support/on-postgres.ts'

// What is built from the schema, how large it is, and what browsers do has nothing to do with the database.
const except = ['generators', 'size', 'tabs'].map((name) => `test/clients/${name}.test.ts`)

await runOnPostgres(t, ['test/clients/*.test.ts'], except)
