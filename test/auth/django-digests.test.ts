import t from 'tap'
import { readDjangoDigest } from '../../src/auth/django-digests.ts'
import { createPasswords } from '../../src/auth/passwords.ts'
import { openDomain, refusalOf } from '../support/domain.ts'

const network = '192.0.2.1'
const typed = 'pass wo\u0308rter \u5bc6\u78bc'

/** Digests of `typed` that Django 3.2 made, but for scrypt, which later versions have: Python's hashlib made that one. */
const digests: [hasher: string, digest: string][] = [
  ['PBKDF2', 'pbkdf2_sha256$1000$7wWkP3e4BT8qG9jqYsmiVq$rRcgDU8DON4ZIUJ8LB7lfBTuTMVHjnrhBqWfsis+Jxs='],
  ['PBKDF2SHA1', 'pbkdf2_sha1$1000$9VW2zu5XtpfpOKKqQElfRa$ruCWA/Htjjn1Nr/X0J51C6VFu70='],
  ['Argon2', 'argon2$argon2id$v=19$m=512,t=2,p=8$Z2JZNnlWZ3dCckJYMFNHQzNsRUdDRw$wCOrnlHbEHBoo4CmW765Pw'],
  ['BCryptSHA256', 'bcrypt_sha256$$2b$04$SG/r/mBIZH097EEw6599iOlbCLSECN8XKL3/ragwa7Cxd/8dkGJeO'],
  ['BCrypt', 'bcrypt$$2b$04$8omqVOEy8r.HgUCaBoLJ/.JbMOq6AlMLTcYk.vgGql4dgRhRRwQnS'],
  ['MD5', 'md5$Gu1UYCfuVq6qK3Djy6SheL$144935b1aad636600f3db828bfac69b5'],
  ['SHA1', 'sha1$MEXx8gzLSLapJbbXnsquyq$dc4fefeabeaf10ca8f0cc1b5dc21474e4e11f155'],
  ['UnsaltedMD5', '66eb2e67afa535ea970f23a17a70554e'],
  ['UnsaltedSHA1', 'sha1$$5e0951732ba2df6ee76e8091e1d7380c984fc014'],
  [
    'Scrypt',
    'scrypt$1024$saltsaltsaltsalt$8$1$KGyovjN+dcBoJrVVJ6CV95xomXlJfVw3yxuP2Y1huIUKaz5z7ZCf+gyf4CvaSWgFKHIQn93CNggbTALjQ3FzNw==',
  ],
  ['argon2i', 'argon2$argon2i$v=19$m=512,t=2,p=2$c2FsdHNhbHRzYWx0c2FsdA$YoLndLNQzw3g86GoWq5WLQ'],
]

t.test('each hasher of Django knows its password, exactly as it was typed', async (t) => {
  const passwords = createPasswords({ minLength: 8 })
  for (const [hasher, digest] of digests) {
    const right = await passwords.check(network, typed, digest)
    t.strictSame(right, { matches: true, outdated: true, unreadable: false }, hasher)
    for (const other of ['', `${typed} `, typed.slice(0, -1), typed.toUpperCase(), `${typed}\0`]) {
      t.equal((await passwords.check(network, other, digest)).matches, false, `${hasher}: ${other}`)
    }
  }
})

t.test('a password that was composed in Django is found from its decomposed form', async (t) => {
  const passwords = createPasswords({ minLength: 8 })
  const composed = 'md5$salt$5e288a4dca5c5da55786a0bee50fcaf2'
  t.equal((await passwords.check(network, 'w\u00f6rter', composed)).matches, true)
  t.equal((await passwords.check(network, 'wo\u0308rter', composed)).matches, true)
  t.equal((await passwords.check(network, 'w\u00f6rten', composed)).matches, false)
})

t.test('the first sign-in replaces a digest of Django by argon2id', async (t) => {
  for (const [hasher, digest] of digests) {
    const { createUser, signIn, database, events } = await openDomain(t)
    const userId = await createUser('ada')
    const accounts = database.kysely.updateTable('latchkey_users').where('id', '=', userId)
    await accounts.set({ password_digest: digest }).execute()
    await refusalOf(signIn('ada', { password: 'wrong password' }))
    await signIn('ada', { password: typed })
    const { password_digest: stored } = await database.kysely
      .selectFrom('latchkey_users')
      .select('password_digest')
      .executeTakeFirstOrThrow()
    t.match(stored, /^\$argon2id\$v=19\$m=19456,t=2,p=1\$/, hasher)
    await signIn('ada', { password: typed })
    t.notMatch(events, [{ event: 'sys_password_digest_unreadable' }])
  }
})

t.test('what is damaged, unknown or too expensive is not computed', async (t) => {
  const salt = 'x'.repeat(257)
  const of = (bytes: number) => Buffer.alloc(bytes, 1).toString('base64')
  const bcrypt = '.'.repeat(53)
  const cases = [
    '',
    '$',
    'secret',
    'crypt$$abcdefghijklm',
    'toString$x$y',
    `pbkdf2_sha256$0$salt$${of(32)}`,
    `pbkdf2_sha256$5000001$salt$${of(32)}`,
    `pbkdf2_sha256$99999999$salt$${of(32)}`,
    `pbkdf2_sha256$1000$salt$${of(31)}`,
    `pbkdf2_sha256$1000$${salt}$${of(32)}`,
    `pbkdf2_sha256$1000$salt`,
    `pbkdf2_sha1$1000$salt$${of(32)}`,
    'argon2$argon2id$v=19$m=19456',
    'argon2$argon2id$v=19$m=262145,t=2,p=1$c2FsdHNhbHQ$aGFzaGhhc2hoYXNoaGFzaA',
    'argon2$argon2id$v=19$m=19456,t=17,p=1$c2FsdHNhbHQ$aGFzaGhhc2hoYXNoaGFzaA',
    'argon2$argon2id$v=19$m=19456,t=2,p=17$c2FsdHNhbHQ$aGFzaGhhc2hoYXNoaGFzaA',
    `bcrypt$$2b$16$${bcrypt}`,
    `bcrypt$$2b$03$${bcrypt}`,
    `bcrypt_sha256$$2b$12$${bcrypt}.`,
    `scrypt$1000$salt$8$1$${of(64)}`,
    `scrypt$1$salt$8$1$${of(64)}`,
    `scrypt$1048576$salt$8$1$${of(64)}`,
    `scrypt$16384$salt$8$999$${of(64)}`,
    `scrypt$16384$salt$8$1$${of(32)}`,
    `scrypt$16384$${salt}$8$1$${of(64)}`,
    'scrypt$16384$salt$8',
    `md5$salt$${'a'.repeat(31)}`,
    `md5$${salt}$${'a'.repeat(32)}`,
    `sha1$salt$${'a'.repeat(32)}`,
  ]
  for (const digest of cases) t.equal(readDjangoDigest(digest), null, digest)
})
