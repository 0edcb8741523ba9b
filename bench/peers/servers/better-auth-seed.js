// Creates the tables, the users and a session of each, and prints the sessions' tokens as JSON.
import { getMigrations } from 'better-auth/db/migration'
import { createAuth } from './better-auth-setup.js'

const auth = createAuth()
const { runMigrations } = await getMigrations(auth.options)
await runMigrations()
const { internalAdapter } = await auth.$context
const tokens = []
for (let index = 1; index <= Number(process.env.TOKENS); index++) {
  const name = `user${String(index).padStart(4, '0')}`
  const user = await internalAdapter.createUser({ name, email: `${name}@example.org`, emailVerified: true })
  const session = await internalAdapter.createSession(user.id)
  tokens.push(session.token)
}
process.stdout.write(JSON.stringify(tokens))
