import { statSync } from 'node:fs'
import { join } from 'node:path'
import Database from 'better-sqlite3'

/** A column of the table of tokens, and how many bytes its values take on average. */
export interface Column {
  name: string
  bytes: number
}

/** Another way to store the same tokens. */
export interface Remedy {
  name: string
  bytesPerToken: number
}

/** What the table is made of, each part as it is or another way. */
interface Layout {
  name: string
  /** How the ids of users and devices are written. */
  id: string
  idOf: (column: string) => string
  /** Where the user agent is. */
  agent: 'inline' | 'apart'
  /** What identifies a user in a token's row. */
  user: 'id' | 'number'
  /** What identifies a row: the id in an index of its own, or as the order of the table. */
  table: '' | 'WITHOUT ROWID'
}

const today: Layout = {
  name: 'as it is',
  id: 'TEXT',
  idOf: (column) => column,
  agent: 'apart',
  user: 'id',
  table: '',
}
const blobIds = { id: 'BLOB', idOf: (column: string) => `uuid_blob(${column})` }

const layouts: readonly Layout[] = [
  today,
  { ...today, name: 'user agents in each row', agent: 'inline' },
  { ...today, name: 'ids of users and devices as 16 bytes', ...blobIds },
  { ...today, name: 'users by number instead of id', user: 'number' },
  { ...today, name: 'the table in the order of its ids (`WITHOUT ROWID`)', table: 'WITHOUT ROWID' },
]

/**
 * Stores the tokens of a filled file in each other way, in the order in which they came and into indexes that are there
 * already, and measures what each takes.
 */
export function tryRemedies(file: string, folder: string, limit: number): Remedy[] {
  return layouts.map((layout, number) => {
    const target = join(folder, `layout-${number}.db`)
    const db = openWithFunctions(target)
    try {
      db.prepare('ATTACH ? AS source').run(file)
      createTables(db, layout)
      const tokens = copyTokens(db, layout, limit)
      db.close()
      return { name: layout.name, bytesPerToken: statSync(target).size / tokens }
    } finally {
      if (db.open) db.close()
    }
  })
}

function openWithFunctions(file: string): Database.Database {
  const db = new Database(file)
  db.unsafeMode(true)
  db.pragma('journal_mode = OFF')
  db.pragma('synchronous = OFF')
  db.pragma('cache_size = -2000000')
  const fromHex = (text: unknown): Buffer | null =>
    typeof text === 'string' ? Buffer.from(text.replaceAll('-', ''), 'hex') : null
  db.function('uuid_blob', { deterministic: true }, fromHex)
  return db
}

function createTables(db: Database.Database, layout: Layout): void {
  const { id, agent, user, table } = layout
  db.exec(`
    CREATE TEMP TABLE users (number INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE); -- their numbers are there already
    INSERT INTO users (number, id) SELECT rowid, id FROM source.latchkey_users;
    CREATE TABLE agents (number INTEGER PRIMARY KEY, text TEXT NOT NULL UNIQUE);
    CREATE TABLE tokens (
      id BLOB NOT NULL PRIMARY KEY, user_id ${user === 'number' ? 'INTEGER' : id}, digest BLOB NOT NULL,
      name TEXT NOT NULL, device_id ${id}, device_name TEXT, device_platform TEXT,
      user_agent ${agent === 'apart' ? 'INTEGER' : 'TEXT'}, created_at BIGINT NOT NULL, expires_at BIGINT NOT NULL,
      max_expires_at BIGINT NOT NULL, last_used_at BIGINT, last_used_address TEXT, revoked_at BIGINT
    ) ${table};
    CREATE UNIQUE INDEX tokens_digest ON tokens (digest);
    CREATE INDEX tokens_user ON tokens (user_id);`)
}

/** The tokens in the order of their creation. */
function copyTokens(db: Database.Database, layout: Layout, limit: number): number {
  const { idOf, agent, user } = layout
  if (agent === 'apart') {
    db.exec('INSERT INTO agents (number, text) SELECT id, text FROM source.latchkey_user_agents')
  }
  const userOf =
    user === 'number' ? '(SELECT number FROM users WHERE users.id = t.user_id)' : idOf('t.user_id')
  const agentOf =
    agent === 'apart'
      ? 't.user_agent_id'
      : '(SELECT text FROM source.latchkey_user_agents WHERE id = t.user_agent_id)'
  const { changes } = db
    .prepare(
      `INSERT INTO tokens SELECT t.id, ${userOf}, t.digest, t.name, ${idOf('t.device_id')},
        t.device_name, t.device_platform, ${agentOf}, t.created_at, t.expires_at, t.max_expires_at, t.last_used_at,
        t.last_used_address, t.revoked_at
      FROM source.latchkey_tokens AS t ORDER BY t.rowid LIMIT ${limit}`,
    )
    .run()
  return changes
}
