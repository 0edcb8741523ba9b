import { execFileSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { secret } from './log.ts'

const python = '/usr/bin/python3'
const script = fileURLToPath(new URL('make-django.py', import.meta.url))

const packages = ['django', 'djangorestframework', 'argon2', 'bcrypt', 'psycopg2']

export const NO_DJANGO = `there is no Django for ${python}; install it: apt-get install ${packages.map((name) => `python3-${name}`).join(' ')}`

/** Whether there is a Django with what it needs. */
export const hasDjango: boolean =
  existsSync('/usr/lib/python3/dist-packages/django') &&
  ['rest_framework', 'argon2', 'bcrypt', 'psycopg2'].every((name) =>
    existsSync(`/usr/lib/python3/dist-packages/${name}`),
  )

/** Why a test that needs it is skipped; never where everything must be tested. */
export function whyWithoutDjango(): string | false {
  return !hasDjango && process.env.CI === undefined && NO_DJANGO
}

/** What `make-django.py` says of an account that it made. */
export interface DjangoUser {
  id: number
  username: string
  email: string
  /** Null for none. */
  password: string | null
  hasher: string
  /** Whether the password is hashed at the hasher's own cost. */
  ownCost: boolean
  active: boolean
  superuser: boolean
  drf: string
  knox: string[]
}

/** Has Django make its tables with this many users; `database` is what its settings call `DATABASES["default"]`. */
export function makeDjango(
  database: Record<string, unknown>,
  users: number,
): { users: DjangoUser[]; members: { id: string; email: string; password: string }[] } {
  const made = JSON.parse(
    execFileSync(python, [script, JSON.stringify({ database, users })], {
      maxBuffer: 64 * 1_048_576,
    }).toString(),
  )
  for (const { password, drf, knox } of made.users)
    for (const text of [password ?? '', drf, ...knox]) secret(text)
  return made
}
