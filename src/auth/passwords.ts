import { randomBytes } from 'node:crypto'
import { availableParallelism } from 'node:os'
import { hash, parseOptions, verify } from '@node-rs/argon2'
import { badInput } from '../errors.ts'
import { readDjangoDigest, type VerifyForeign } from './django-digests.ts'
import { createFairQueue, type QueueLoad } from './fair-queue.ts'

/** OWASP's argon2id parameters: 19 MiB, two passes, one lane (Password Storage Cheat Sheet). */
const parameters = { memoryCost: 19_456, timeCost: 2, parallelism: 1 }

/** Stored digests past these are not computed: one with huge parameters would hold a thread for minutes. */
const parameterLimits = { memoryCost: 131_072, timeCost: 10, parallelism: 4 }

const maxCodePoints = 1_024
const maxBytes = 4_096

export interface PasswordOptions {
  /** The fewest code points of a new password. */
  minLength: number
  /** How many are hashed at once; by default one core is left to everything else. */
  concurrency?: number
  /** How many may wait for their turn; past it, whoever waits most is refused as `RATE_LIMITED` / `BUSY`. */
  queueLimit?: number
  /** How long one may wait for its turn, in milliseconds; no limit unless said. */
  patienceMs?: number
}

/** What a password check found. */
export interface PasswordCheck {
  matches: boolean
  /** Whether the stored digest is older than today's parameters, or one of Django's. */
  outdated: boolean
  /** Whether the stored digest could not be read: it is damaged, of an unknown kind or out of bounds. */
  unreadable: boolean
}

/**
 * Hashing and checking of passwords in the thread pool, a bounded number at a time. Those who ask take turns: `party` is
 * the network that a request comes from, or the operator.
 */
export interface Passwords {
  readonly minLength: number
  /** The digest (PHC string) of an accepted password, at no lower cost than that of the readable digest it replaces. */
  hash(party: string, password: string, former?: string): Promise<string>
  /**
   * Checks a password; for no digest (an unknown user) at the cost of one of ours, and never with success. A digest that
   * was imported from Django costs what Django's parameters ask for.
   */
  check(party: string, password: string, digest: string | null): Promise<PasswordCheck>
  /** How many are hashed now, and how many wait for it. */
  load(): QueueLoad
}

/** The party of what the operator asks for. No network is called that. */
export const operatorParty = 'operator'

export function createPasswords(options: PasswordOptions): Passwords {
  const concurrency = options.concurrency ?? Math.max(1, availableParallelism() - 1)
  const inTurn = createFairQueue({
    concurrency,
    limit: options.queueLimit ?? 200,
    patienceMs: options.patienceMs ?? Number.POSITIVE_INFINITY,
  })
  const decoy = makeDecoy()

  return {
    minLength: options.minLength,
    load: inTurn.load,
    hash: (party, password, former) =>
      inTurn(party, () => hash(password.normalize('NFC'), parametersAfter(former))),
    async check(party, password, digest) {
      const verifyForeign = digest === null ? null : readDjangoDigest(digest)
      if (verifyForeign !== null) {
        const matches = await inTurn(party, () => verifyAsTyped(verifyForeign, password))
        return { matches, outdated: true, unreadable: false }
      }
      const readable = digest !== null && hasSafeParameters(digest)
      const matches = await inTurn(party, () => verify(readable ? digest : decoy, password.normalize('NFC')))
      return {
        matches: matches && readable,
        outdated: readable && isOutdated(digest),
        unreadable: digest !== null && !readable,
      }
    },
  }
}

/**
 * Django takes passwords as they are typed, so that the same letters in another form are worth a second try. It takes no
 * NUL, which to HMAC is the same as nothing; that costs what any other password does, and never matches.
 */
async function verifyAsTyped(verifyForeign: VerifyForeign, password: string): Promise<boolean> {
  if (await verifyForeign(password)) return !password.includes('\0')
  const normalized = password.normalize('NFC')
  return normalized !== password && verifyAsTyped(verifyForeign, normalized)
}

/** A digest that no password is known for: to check against it costs what it costs to check against a real one. */
function makeDecoy(): string {
  const { memoryCost, timeCost, parallelism } = parameters
  const [salt, digest] = [16, 32].map((size) => randomBytes(size).toString('base64').replace(/=+$/, ''))
  return `$argon2id$v=19$m=${memoryCost},t=${timeCost},p=${parallelism}$${salt}$${digest}`
}

/**
 * A password as it was submitted, or `BAD_USER_INPUT`: whole and unchanged, but for what no hash could tell apart.
 * Lone surrogates are refused because the hash takes each of them for the same character.
 */
export function requireCheckablePassword(password: string, field: string): string {
  if (!password.isWellFormed()) {
    throw badInput(field, 'ILL_FORMED', 'The password is not well-formed Unicode.')
  }
  if (
    password.length > maxBytes ||
    countCodePoints(password) > maxCodePoints ||
    Buffer.byteLength(password) > maxBytes
  ) {
    throw badInput(field, 'TOO_LONG', `A password has at most ${maxCodePoints} characters.`)
  }
  return password
}

/** One to four characters over and over; lists of common passwords leave these to a rule. */
const repeatedPattern = /^(.{1,4})\1+$/su

/** A password fit to be set (NIST SP 800-63B-4 §3.1.1.2), or `BAD_USER_INPUT` with what is wrong with it. */
export async function requireNewPassword(
  password: string,
  field: string,
  minLength: number,
  account: { username: string; email: string | null },
): Promise<string> {
  const normalized = requireCheckablePassword(password, field).normalize('NFC')
  if (countCodePoints(normalized) < minLength) {
    throw badInput(field, 'TOO_SHORT', `A password needs at least ${minLength} characters.`)
  }
  const folded = normalized.toLowerCase()
  if (repeatedPattern.test(folded) || (await loadCommonPasswords()).has(folded)) {
    throw badInput(field, 'TOO_COMMON', 'This password is one of the most common ones. Choose another.')
  }
  for (const word of contextWords(account)) {
    if (folded.includes(word)) {
      throw badInput(
        field,
        'CONTAINS_NAME',
        'A password must not contain the username, the email name or "latchkey".',
      )
    }
  }
  return password
}

/** Names of fewer than three characters would rule out too much to be worth it. */
function contextWords(account: { username: string; email: string | null }): string[] {
  const localPart = account.email?.slice(0, account.email.lastIndexOf('@'))
  return [account.username, localPart ?? '', 'latchkey']
    .map((word) => word.normalize('NFC').toLowerCase())
    .filter((word) => countCodePoints(word) >= 3)
}

let common: Promise<Set<string>> | undefined

/** About 50,000 passwords, loaded when the first one is set. */
function loadCommonPasswords(): Promise<Set<string>> {
  common ??= import('@zxcvbn-ts/language-common').then(
    ({ dictionary }) =>
      new Set(dictionary['passwords-common'].map((password) => String(password).toLowerCase())),
  )
  return common
}

function countCodePoints(text: string): number {
  let count = 0
  for (const _ of text) count++
  return count
}

function hasSafeParameters(digest: string): boolean {
  try {
    const { memoryCost, timeCost, parallelism } = parseOptions(digest)
    return (
      memoryCost <= parameterLimits.memoryCost &&
      timeCost <= parameterLimits.timeCost &&
      parallelism <= parameterLimits.parallelism
    )
  } catch {
    return false
  }
}

function parametersAfter(former: string | undefined): typeof parameters {
  if (former === undefined || !former.startsWith('$')) return parameters // those of Django begin with a name
  const { memoryCost, timeCost } = parseOptions(former)
  return {
    ...parameters,
    memoryCost: Math.max(memoryCost, parameters.memoryCost),
    timeCost: Math.max(timeCost, parameters.timeCost),
  }
}

function isOutdated(digest: string): boolean {
  const stored = parseOptions(digest)
  return (
    !digest.startsWith('$argon2id$') ||
    stored.memoryCost < parameters.memoryCost ||
    stored.timeCost < parameters.timeCost
  )
}
