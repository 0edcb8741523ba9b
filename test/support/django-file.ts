import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import SqliteDatabase from 'better-sqlite3'
import type { Test } from 'tap'

type Cell = string | number | bigint | Buffer | null

/** A user in a row of `auth_user`; columns that are left out have what Django gives them. */
export type UserCells = Partial<Record<string, Cell>>

/** The tables as migrations of Django, its REST framework and Knox leave them on SQLite. */
const tables = {
  auth_user: `"id" integer not null primary key autoincrement, "password" varchar(128) not null, "last_login" datetime null,
    "is_superuser" bool not null, "username" varchar(150) not null unique, "last_name" varchar(150) not null,
    "email" varchar(254) not null, "is_staff" bool not null, "is_active" bool not null, "date_joined" datetime not null,
    "first_name" varchar(150) not null`,
  authtoken_token: `"key" varchar(40) not null primary key, "created" datetime not null,
    "user_id" integer not null unique references "auth_user" ("id") deferrable initially deferred`,
  knox_authtoken: `"digest" varchar(128) not null primary key, "created" datetime not null,
    "user_id" integer not null references "auth_user" ("id") deferrable initially deferred,
    "expiry" datetime null, "token_key" varchar(25) not null`,
} as const

const ofUser: UserCells = {
  password: '!',
  is_superuser: 0,
  last_name: '',
  first_name: '',
  email: '',
  is_staff: 0,
  is_active: 1,
  date_joined: '2020-01-02 03:04:05.678901',
}

/** A database of Django's, in a file, that a test fills. */
export interface DjangoFile {
  file: string
  db: SqliteDatabase.Database
  addUsers(...users: UserCells[]): void
  addDrf(...rows: { key: string; user_id: number }[]): void
  addKnox(...rows: { digest: string; user_id: number; expiry?: string | null; created?: string }[]): void
}

/** Makes the tables of Django, or of these statements; `t` closes and deletes the file. */
export function makeDjangoFile(t: Test, statements?: string): DjangoFile {
  const folder = mkdtempSync(join(tmpdir(), 'latchkey-django-'))
  const file = join(folder, 'django.sqlite3')
  const db = new SqliteDatabase(file)
  t.teardown(() => {
    db.close()
    rmSync(folder, { recursive: true })
  })
  db.exec(
    statements ??
      Object.entries(tables)
        .map(([name, columns]) => `create table ${name} (${columns});`)
        .join('\n'),
  )
  const insert = (table: string, row: object): void => {
    const names = Object.keys(row)
    db.prepare(`insert into ${table} (${names.join(', ')}) values (${names.map(() => '?').join(', ')})`).run(
      Object.values(row),
    )
  }
  const created = '2024-01-01 00:00:00'
  return {
    file,
    db,
    addUsers: (...users) => {
      for (const user of users) insert('auth_user', { ...ofUser, ...user })
    },
    addDrf: (...rows) => {
      for (const row of rows) insert('authtoken_token', { created, ...row })
    },
    addKnox: (...rows) => {
      for (const row of rows) insert('knox_authtoken', { created, expiry: null, token_key: 'x', ...row })
    },
  }
}
