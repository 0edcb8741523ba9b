import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { v7 as uuidv7 } from 'uuid'
import { digestToken, generateToken } from '../../src/auth/token-format.ts'
import { openDatabase } from '../../src/db/open.ts'
import { insertToken } from '../../src/db/tokens.ts'
import { type ForeignToken, foreignTokens, storeForeignToken } from '../support/imported.ts'
import { secret } from '../support/log.ts'
import { type Bench, createBench, password } from './command.ts'

const nothing = { revoked: 0, endedBefore: 0, unknown: 0, malformed: 0, malformedLines: [] }

/** A bench with an account that has `count` tokens in force. */
async function startWith(t: Test, count: number, env: Record<string, string> = {}) {
  const bench = createBench(t, env)
  const args = ['user', 'create', 'ada', '--email', 'ada@example.org', '--password-stdin']
  const { id: userId } = await bench.json(args, password)
  const database = openDatabase(`sqlite:${bench.database}`)
  t.teardown(() => database.close())
  const now = Date.now()
  const tokens = Array.from({ length: count }, () => ({ id: uuidv7(), token: secret(generateToken('lk_')) }))
  await database.transaction(async (db) => {
    for (const { id, token } of tokens) {
      const expiresAt = now + 86_400_000
      await insertToken(db, {
        id,
        userId,
        name: `token ${id}`,
        digest: digestToken(token),
        deviceId: null,
        deviceName: null,
        devicePlatform: null,
        userAgent: null,
        createdAt: now,
        expiresAt,
        maxExpiresAt: expiresAt,
        lastUsedAt: null,
        lastUsedAddress: null,
        revokedAt: null,
      })
    }
  })
  const countRows = async (table: 'latchkey_audit_events' | 'latchkey_outbox', where: [string, string]) => {
    const query = database.kysely
      .selectFrom(table)
      .select((select) => select.fn.countAll<number>().as('count'))
    return (await query.where(where[0] as 'kind', '=', where[1]).executeTakeFirstOrThrow()).count
  }
  const countLive = async () => {
    const query = database.kysely
      .selectFrom('latchkey_tokens')
      .select((select) => select.fn.countAll<number>().as('count'))
    return (await query.where('revoked_at', 'is', null).executeTakeFirstOrThrow()).count
  }
  const store = (foreign: ForeignToken) => storeForeignToken(database, foreign, { userId, now })
  return { ...bench, tokens, countRows, countLive, store }
}

/** What it says of a file with these lines. */
async function revoke({ folder, run }: Bench, lines: readonly string[], ...options: string[]) {
  const file = join(folder, 'leaked.txt')
  writeFileSync(file, lines.join('\n'))
  return run(['token', 'revoke', '--from-file', file, ...options])
}

t.test('3,000 tokens of a file are ended, once, and their owner is told of each', async (t) => {
  const bench = await startWith(t, 3_001, { SMTP_URL: 'smtp://127.0.0.1:9', MAIL_FROM: 'login@example.org' })
  const { tokens, countRows, countLive } = bench
  const leaked = tokens.slice(1).map(({ token }) => token)
  const first = await revoke(bench, leaked, '--json')
  t.match(first, { status: 0, stderr: /^$/ })
  t.strictSame(JSON.parse(first.stdout), { ...nothing, revoked: 3_000 })
  t.equal(await countLive(), 1)
  const again = await revoke(bench, leaked)
  t.match(again, {
    status: 0,
    stdout: '0 revoked, 3000 had ended before, 0 unknown, 0 no token.\n',
    stderr: /^$/,
  })
  t.equal(await countRows('latchkey_audit_events', ['event', 'token_reported']), 3_000)
  t.equal(await countRows('latchkey_audit_events', ['event', 'authn_token_revoked']), 3_000)
  t.equal(await countRows('latchkey_outbox', ['kind', 'mail']), 3_000)
})

t.test('a line is a token of any form, an id, a comment, or named by its number alone', async (t) => {
  const bench = await startWith(t, 6)
  const { tokens, json, countLive, store } = bench
  const texts = tokens.map(({ token }) => token)
  const [drf, knox, prefixed] = foreignTokens as [ForeignToken, ForeignToken, ForeignToken]
  for (const foreign of [drf, knox]) await store(foreign)
  const damaged = `${texts[0]?.slice(0, -1)}-`
  const lines = [
    `\ufeff${texts[0]}`,
    '# found in a repository',
    '',
    `  ${texts[1]}\t\r`,
    `${tokens[2]?.id.toUpperCase()}`,
    `${tokens[2]?.id}`,
    `${texts[1]}`,
    drf.token,
    knox.token,
    damaged,
    prefixed.token,
    generateToken('lk_'),
    '00000000-0000-7000-8000-000000000000',
    `"${texts[3]}"`,
    'x'.repeat(200_000),
    `${texts[3]},${texts[4]}`,
    `${texts[5]}`,
  ]
  const outcome = await revoke(bench, lines, '--json')
  t.strictSame(JSON.parse(outcome.stdout), {
    revoked: 6,
    endedBefore: 2,
    unknown: 3,
    malformed: 4,
    malformedLines: [10, 14, 15, 16],
  })
  t.match(outcome, { status: 1, stderr: 'No token, and skipped: line 10, 14, 15, 16.\n' })
  for (const text of [...texts, damaged]) t.notMatch(outcome.stdout + outcome.stderr, text.slice(0, 30))
  t.equal(await countLive(), 2)
  t.match(await json(['token', 'inspect'], knox.token), {
    wellFormed: true,
    form: 'knox',
    checksum: null,
    live: false,
    reason: 'Token has been revoked.',
  })
  t.match(
    (await bench.run(['token', 'inspect'], prefixed.token)).stdout,
    /form: knox\nchecksum: -\nfound: no/,
  )
  t.match(await json(['token', 'inspect'], 'a token'), { wellFormed: false, form: null, checksum: false })
})

t.test('of a file that has no tokens, the first hundred lines are named', async (t) => {
  const bench = await startWith(t, 0)
  const lines = Array.from({ length: 103 }, (_, index) => `line ${index}`)
  const outcome = await revoke(bench, lines)
  t.match(outcome, { status: 1, stdout: '0 revoked, 0 had ended before, 0 unknown, 103 no token.\n' })
  t.match(outcome.stderr, /skipped: line 1, 2, .*, 99, 100 and 3 more\.\n$/)
  t.match(await revoke(bench, []), { status: 0, stdout: /^0 revoked/ })
  const missing = await bench.run(['token', 'revoke', '--from-file', join(bench.folder, 'nowhere.txt')])
  t.match(missing, { status: 1, stdout: /^$/, stderr: /no such file/ })
})

t.test('what was done before it was killed stays done, and the rest is done by doing it again', async (t) => {
  const { tokens, countLive, start, json } = await startWith(t, 1_000)
  const lines = tokens.map(({ token }) => `${token}\n`)
  const running = start(['token', 'revoke', '--from-file', '-'])
  running.child.stdin.write(lines.slice(0, 450).join(''))
  while ((await countLive()) > 600) await new Promise((resolve) => setTimeout(resolve, 20))
  running.child.kill('SIGKILL')
  t.match(await running.ended, { status: null, stdout: '' })
  t.equal(await countLive(), 600, 'whole batches')
  const again = await json(['token', 'revoke', '--from-file', '-'], lines.join(''))
  t.strictSame(again, { ...nothing, revoked: 600, endedBefore: 400 })
  t.equal(await countLive(), 0)
})
