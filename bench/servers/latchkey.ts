import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { buildApp } from '../../src/app.ts'
import { loadConfig } from '../../src/config.ts'
import { openDatabase } from '../../src/db/open.ts'
import { findUserById } from '../../src/db/users.ts'
import { announce } from './announce.ts'

/** Latchkey as it is served in production, but for `RATE_LIMIT_REQUESTS`, which would stop the benchmark. */
const folder = mkdtempSync(join(tmpdir(), 'latchkey-bench-'))
const databaseUrl = `sqlite:${folder}/latchkey.db`
const app = await buildApp(
  loadConfig({ NODE_ENV: 'production', DATABASE_URL: databaseUrl, RATE_LIMIT_REQUESTS: 'off' }),
)
process.on('exit', () => rmSync(folder, { recursive: true, force: true }))
await app.ready()
await announce(app, await issueTokens(1000))

/** One token of each of as many users. */
async function issueTokens(count: number): Promise<string[]> {
  const { auth } = app.latchkey
  const database = openDatabase(databaseUrl)
  const tokens: string[] = []
  for (let index = 0; index < count; index++) {
    const user = await auth.createUser({ username: `user${index}`, password: null })
    const token = await database.transaction(async (db) => {
      const row = await findUserById(db, user.id)
      if (row === undefined) throw new Error('The user that was just created is gone.')
      const device = { id: null, name: 'bench', platform: null }
      const origin = { address: null, userAgent: null }
      return (await auth.issueToken(db, { user: row, device, name: null, expiresIn: null, origin }))?.token
    })
    if (token !== undefined) tokens.push(token)
  }
  await database.close()
  return tokens
}
