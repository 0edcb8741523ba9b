import { execFileSync } from 'node:child_process'
import { v7 as uuidv7 } from 'uuid'
import { digestToken, generateToken } from '../../src/auth/token-format.ts'
import { migrateToLatest } from '../../src/db/migrate.ts'
import { openDatabase } from '../../src/db/open.ts'
import { insertToken } from '../../src/db/tokens.ts'
import { insertUser } from '../../src/db/users.ts'
import { type Accounts, type Place, python } from './peers.ts'

const lifeMs = 30 * 86_400_000

/** Users with a token each, in a new database. */
export interface SeededAccounts {
  /** Tokens by username. */
  tokens: ReadonlyMap<string, string>
  /** A token of the same form that was never issued. */
  unknownToken: string
}

/** Creates the database of a server with `count` users. */
export async function seed(accounts: Accounts, place: Place, count: number): Promise<SeededAccounts> {
  const tokens = accounts === 'latchkey' ? await seedLatchkey(place, count) : seedBy(accounts, place, count)
  return {
    tokens: new Map(tokens.map((token, index) => [usernameOf(index + 1), token])),
    unknownToken: accounts === 'latchkey' ? generateToken('lk_') : [...(tokens[0] ?? '')].reverse().join(''),
  }
}

/** The peers' own scripts print their tokens. */
function seedBy(
  accounts: Exclude<Accounts, 'latchkey'>,
  { port, databaseFile }: Place,
  count: number,
): string[] {
  const [program, ...args] = {
    'better-auth': [process.execPath, 'servers/better-auth-seed.js'] as const,
    drf: [python, '-B', 'drf/seed.py'] as const,
  }[accounts]
  const output = execFileSync(program, args, {
    cwd: import.meta.dirname,
    env: { PATH: process.env.PATH, PORT: String(port), DATABASE_FILE: databaseFile, TOKENS: String(count) },
    encoding: 'utf8',
  })
  return JSON.parse(output)
}

async function seedLatchkey({ databaseFile: file }: Place, count: number): Promise<string[]> {
  const database = openDatabase(`sqlite:${file}`)
  await migrateToLatest(database)
  const tokens = Array.from({ length: count }, () => generateToken('lk_'))
  await database.transaction(async (db) => {
    for (const [index, token] of tokens.entries()) {
      const now = Date.now()
      const username = usernameOf(index + 1)
      const user = { id: uuidv7(), username, usernameKey: username, createdAt: now }
      await insertUser(db, { ...user, email: null, emailKey: null, passwordDigest: null, role: 'USER' })
      await insertToken(db, {
        id: uuidv7(),
        userId: user.id,
        digest: digestToken(token),
        name: 'Benchmark',
        deviceId: null,
        deviceName: null,
        devicePlatform: null,
        userAgent: null,
        createdAt: now,
        expiresAt: now + lifeMs,
        maxExpiresAt: now + lifeMs,
        lastUsedAt: null,
        lastUsedAddress: null,
        revokedAt: null,
      })
    }
  })
  await database.close()
  return tokens
}

function usernameOf(number: number): string {
  return `user${String(number).padStart(4, '0')}`
}
