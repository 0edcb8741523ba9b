/**
 * Does the time of a refused sign-in tell whether the name is somebody's? Pairs of attempts, one with a name that has an
 * account and one with a name that has none, in random order within each pair, over HTTP against a process of its own
 * with its database in a file. `node bench/sign-in-timing.ts [pairs]`
 */
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { Agent, request } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { buildApp } from '../src/app.ts'
import { loadConfig } from '../src/config.ts'
import { answerOf, describeMachine, medianOf } from './runner.ts'

/** So many of each kind that no account comes near its lock of 100 failures. */
const namesPerKind = 200
const warmUpPairs = 50
const resamples = 2_000

const agent = new Agent({ keepAlive: true, maxSockets: 1 })

const folder = process.argv[3]
if (process.argv[2] === 'serve' && folder !== undefined) await serve(join(folder, 'latchkey.db'))
else await measure(Number(process.argv[2] ?? 2_000))

async function serve(file: string): Promise<void> {
  const settings = loadConfig({
    DATABASE_URL: `sqlite:${file}`,
    RATE_LIMIT_REQUESTS: 'off',
    RATE_LIMIT_ACCOUNT_FAILURES: '1000',
    RATE_LIMIT_ADDRESS_FAILURES: '1000000',
  })
  const app = await buildApp(settings)
  for (let index = 0; index < namesPerKind; index++) {
    await app.latchkey.auth.createUser({ username: nameOf('known', index), password: 'the right password' })
  }
  process.send?.(await app.listen({ host: '127.0.0.1', port: 0 }))
  process.on('disconnect', () => app.close())
}

async function measure(pairs: number): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'latchkey-timing-'))
  const server = fork(import.meta.filename, ['serve', folder], {
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  })
  try {
    const url = await answerOf<string>(server)
    for (let index = 0; index < warmUpPairs; index++) await attemptPair(url, index)
    const known: number[] = []
    const unknown: number[] = []
    for (let index = 0; index < pairs; index++) {
      const pair = await attemptPair(url, index)
      known.push(pair.known)
      unknown.push(pair.unknown)
    }
    report(known, unknown)
  } finally {
    server.disconnect()
    await once(server, 'exit')
    rmSync(folder, { recursive: true })
  }
}

/** Milliseconds from the request to the whole answer, for one name of each kind. */
async function attemptPair(url: string, index: number): Promise<{ known: number; unknown: number }> {
  const took = { known: 0, unknown: 0 }
  const order = Math.random() < 0.5 ? (['known', 'unknown'] as const) : (['unknown', 'known'] as const)
  for (const kind of order) took[kind] = await attempt(url, nameOf(kind, index % namesPerKind))
  return took
}

async function attempt(url: string, username: string): Promise<number> {
  const body = JSON.stringify({
    query: 'mutation ($u: String!, $p: String!) { tokenAuth(username: $u, password: $p) { token } }',
    variables: { u: username, p: 'a wrong password' },
  })
  const headers = { 'content-type': 'application/json', accept: 'application/graphql-response+json' }
  const started = performance.now()
  const sent = request(`${url}/graphql`, { method: 'POST', agent, headers }).end(body)
  const [response] = await once(sent, 'response')
  for await (const _ of response);
  const took = performance.now() - started
  if (response.statusCode !== 401) throw new Error(`The attempt was answered with ${response.statusCode}.`)
  return took
}

/** Names of one length, so that nothing but their being known sets them apart. */
function nameOf(kind: 'known' | 'unknown', index: number): string {
  return `${kind === 'known' ? 'adaline' : 'nobodys'}${String(index).padStart(4, '0')}`
}

function report(known: number[], unknown: number[]): void {
  const difference = medianOf(known) - medianOf(unknown)
  const [low, high] = bootstrap(known, unknown)
  const auc = areaUnderCurve(known, unknown)
  const error = Math.sqrt((known.length + unknown.length + 1) / (12 * known.length * unknown.length))
  const lines = [
    `${known.length} pairs. ${describeMachine()}`,
    `median, known user      ${medianOf(known).toFixed(3)} ms`,
    `median, unknown user    ${medianOf(unknown).toFixed(3)} ms`,
    `difference of medians   ${difference.toFixed(3)} ms (95 % bootstrap interval ${low.toFixed(3)} … ${high.toFixed(3)})`,
    `AUC (Mann-Whitney)      ${auc.toFixed(4)} (0.5 tells nothing; ± ${(1.96 * error).toFixed(4)} is chance)`,
  ]
  process.stdout.write(`${lines.join('\n')}\n`)
}

/** The middle 95 % of the difference of medians over pairs drawn again with replacement. */
function bootstrap(known: number[], unknown: number[]): [number, number] {
  const differences: number[] = []
  for (let sample = 0; sample < resamples; sample++) {
    const drawn = known.map(() => Math.floor(Math.random() * known.length))
    const pick = (values: number[]): number => medianOf(drawn.map((index) => values[index] ?? 0))
    differences.push(pick(known) - pick(unknown))
  }
  differences.sort((one, other) => one - other)
  return [differences[Math.floor(resamples * 0.025)] ?? 0, differences[Math.floor(resamples * 0.975)] ?? 0]
}

/** How likely an attempt with a known name takes longer than one with an unknown name; ties count half. */
function areaUnderCurve(known: number[], unknown: number[]): number {
  let wins = 0
  for (const one of known) for (const other of unknown) wins += one > other ? 1 : one === other ? 0.5 : 0
  return wins / (known.length * unknown.length)
}
