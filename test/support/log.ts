/**
 * What the app logs while tests run, searched for secrets when the test process ends: one that was logged, at any level,
 * makes the process fail. Servers in processes of their own write here too, through what their test does with their output.
 */

/** Where a log line goes; fits pino, and `stream.on('data', …)` for the output of another process. */
export interface LogSink {
  write(text: string | Buffer): void
}

const log: string[] = []
const secrets = new Set<string>()

/** What no log line may hold, whoever made it. */
const patterns: [what: string, pattern: RegExp][] = [
  ['a token', /[A-Za-z0-9]{1,19}_[0-9A-Za-z]{49}(?![0-9A-Za-z])/],
  ['an imported token', /(?<![0-9A-Za-z])(?:[0-9a-f]{40}|[0-9a-f]{64})(?![0-9A-Za-z])/],
  ['the digest of a password', /\$argon2/],
  [
    'the digest of a token',
    /(?<![\w+/-])(?=[\w-]*\d)(?=[\w-]*[a-z])(?=[\w-]*[A-Z])[A-Za-z0-9_-]{43}(?![\w+/=-])/,
  ],
]

/** Keeps lines for the search, at the end of the process, that makes it fail where one holds a secret. */
export function collectLog(): LogSink {
  return { write: (text) => log.push(String(text)) }
}

/** What was logged so far, line by line. */
export function logLines(): string[] {
  return log.flatMap((text) => text.split('\n')).filter((line) => line !== '')
}

/** Says that a value is a secret and must never be logged; returns it. */
export function secret<T extends string>(value: T): T {
  if (isTelling(value)) secrets.add(value)
  return value
}

/** Takes for secrets what a request carries as such: passwords in its variables and its document, and its credentials. */
export function noteSecrets(request: {
  query?: string | undefined
  variables?: unknown
  authorization?: string | undefined
}): void {
  for (const [, value = ''] of (request.query ?? '').matchAll(/password\s*:\s*"((?:[^"\\\n]|\\.)*)"/gi)) {
    secret(value)
  }
  notePasswords(request.variables)
  secret(request.authorization?.replace(/^\S+\s+/, '') ?? '')
}

/** Each secret that a line holds, as a sentence; empty for a log that holds none. */
export function findSecrets(lines: readonly string[] = log): string[] {
  const forms = [...secrets].flatMap((value) => formsOf(value).map((form) => [value, form] as const))
  const found: string[] = []
  for (const line of lines) {
    for (const [what, pattern] of patterns) {
      if (pattern.test(line)) found.push(`The log holds ${what}: ${line.trim()}`)
    }
    for (const [value, form] of forms) {
      if (line.includes(form)) found.push(`The log holds the secret "${value}": ${line.trim()}`)
    }
  }
  return found
}

process.on('exit', () => {
  const found = findSecrets()
  if (found.length === 0) return
  process.exitCode = 1
  process.stderr.write(`${found.slice(0, 20).join('\n')}\n`)
})

function notePasswords(value: unknown): void {
  if (typeof value !== 'object' || value === null) return
  for (const [name, entry] of Object.entries(value)) {
    if (typeof entry === 'string' && /password/i.test(name)) secret(entry)
    else notePasswords(entry)
  }
}

/** A short text or a single word, which tests try out as a bad password, is in many a line for other reasons. */
function isTelling(value: string): boolean {
  return value.length >= 8 && !/^[A-Za-z]+$/.test(value)
}

/** A secret as it is, within JSON, within a URL, and in base64. */
function formsOf(value: string): string[] {
  const forms = [
    value,
    JSON.stringify(value).slice(1, -1),
    encodeURIComponent(value.toWellFormed()),
    Buffer.from(value).toString('base64').replace(/=+$/, ''),
  ]
  return [...new Set(forms)]
}
