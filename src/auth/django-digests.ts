import { createHash, pbkdf2, scrypt, timingSafeEqual } from 'node:crypto'
import { promisify } from 'node:util'
import { parseOptions, verify as verifyArgon2 } from '@node-rs/argon2'
import { compareBcryptInThread } from './bcrypt-in-thread.ts'

/** Says whether a password, exactly as it was typed, is the one of a digest; computed off the event loop. */
export type VerifyForeign = (password: string) => Promise<boolean>

/** What more expensive digests would hold a thread for many seconds with, or gigabytes of memory. */
const limits = {
  pbkdf2Iterations: 5_000_000,
  bcryptCost: 15,
  scryptBytes: 134_217_728,
  scryptBlocks: 8_388_608,
  argon2: { memoryCost: 262_144, timeCost: 16, parallelism: 16 },
}

const saltMaxLength = 256

/** By the name in front of the first `$`, as `django.contrib.auth.hashers` has them. */
const readers: Record<string, (rest: string) => VerifyForeign | null> = {
  pbkdf2_sha256: (rest) => readPbkdf2(rest, 'sha256', 32),
  pbkdf2_sha1: (rest) => readPbkdf2(rest, 'sha1', 20),
  argon2: readArgon2,
  bcrypt: (rest) => readBcrypt(rest, (password) => password),
  bcrypt_sha256: (rest) => readBcrypt(rest, (password) => hexDigest('sha256', password)),
  scrypt: readScrypt,
  md5: (rest) => readSalted(rest, 'md5', 32),
  sha1: (rest) => readSalted(rest, 'sha1', 40),
  '': (rest) => readSalted(`$${rest}`, 'md5', 32), // the hex of MD5 alone
}

/**
 * Reads a password digest as Django stores it (`<hasher>$…`); null for another one, for one that is damaged, and for one
 * whose parameters would hold a thread for minutes.
 */
export function readDjangoDigest(digest: string): VerifyForeign | null {
  const end = digest.indexOf('$')
  const name = digest.slice(0, Math.max(end, 0))
  return Object.hasOwn(readers, name) ? (readers[name]?.(digest.slice(end + 1)) ?? null) : null
}

const derivePbkdf2 = promisify(pbkdf2)

/** `<iterations>$<salt>$<base64>` */
function readPbkdf2(rest: string, algorithm: string, length: number): VerifyForeign | null {
  const match = /^([1-9]\d{0,6})\$([^$]+)\$([A-Za-z0-9+/]+={0,2})$/.exec(rest)
  if (match === null) return null
  const [iterations, salt, expected] = [Number(match[1]), match[2] as string, decode(match[3] as string)]
  if (iterations > limits.pbkdf2Iterations || salt.length > saltMaxLength || expected.length !== length)
    return null
  return async (password) =>
    timingSafeEqual(expected, await derivePbkdf2(password, salt, iterations, length, algorithm))
}

/** `$argon2id$v=19$m=…,t=…,p=…$<salt>$<digest>`: PHC, with argon2i and argon2d alike. */
function readArgon2(phc: string): VerifyForeign | null {
  // Django writes `argon2$argon2id$…`: the name takes the place of what stands before the first `$` of PHC.
  const digest = `$${phc}`
  try {
    const { memoryCost, timeCost, parallelism } = parseOptions(digest)
    const { argon2 } = limits
    if (memoryCost > argon2.memoryCost || timeCost > argon2.timeCost || parallelism > argon2.parallelism)
      return null
  } catch {
    return null
  }
  return (password) => verifyArgon2(digest, password)
}

/** `$2b$12$<salt and digest>`; `prepare` makes of a password what bcrypt was given. */
function readBcrypt(digest: string, prepare: (password: string) => string): VerifyForeign | null {
  const match = /^\$2[aby]\$(\d\d)\$[./A-Za-z0-9]{53}$/.exec(digest)
  const cost = Number(match?.[1])
  if (match === null || cost < 4 || cost > limits.bcryptCost) return null
  return (password) => compareBcryptInThread({ input: prepare(password), digest })
}

const deriveScrypt: (
  password: string,
  salt: string,
  length: number,
  options: { N: number; r: number; p: number; maxmem: number },
) => Promise<Buffer> = promisify(scrypt)

/** `<work factor>$<salt>$<block size>$<parallelism>$<base64>` */
function readScrypt(rest: string): VerifyForeign | null {
  const match = /^([1-9]\d{0,7})\$([^$]+)\$([1-9]\d{0,2})\$([1-9]\d{0,2})\$([A-Za-z0-9+/]+={0,2})$/.exec(rest)
  if (match === null) return null
  const [N, r, p] = [Number(match[1]), Number(match[3]), Number(match[4])]
  const [salt, expected] = [match[2] as string, decode(match[5] as string)]
  const isPowerOfTwo = N > 1 && (N & (N - 1)) === 0
  if (!isPowerOfTwo || 128 * N * r > limits.scryptBytes || N * r * p > limits.scryptBlocks) return null
  if (salt.length > saltMaxLength || expected.length !== 64) return null
  return async (password) =>
    timingSafeEqual(
      expected,
      await deriveScrypt(password, salt, 64, { N, r, p, maxmem: 2 * limits.scryptBytes }),
    )
}

/** `<salt>$<hex>`, of Django's oldest hashers; the salt may be empty. */
function readSalted(rest: string, algorithm: string, length: number): VerifyForeign | null {
  const match = /^([^$]*)\$([0-9a-f]+)$/.exec(rest)
  const [, salt = '', hex = ''] = match ?? []
  if (hex.length !== length || salt.length > saltMaxLength) return null
  const expected = Buffer.from(hex)
  return async (password) => timingSafeEqual(expected, Buffer.from(hexDigest(algorithm, salt + password)))
}

function hexDigest(algorithm: string, text: string): string {
  return createHash(algorithm).update(text).digest('hex')
}

function decode(base64: string): Buffer {
  return Buffer.from(base64, 'base64')
}
