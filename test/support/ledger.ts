import { setTimeout as sleep } from 'node:timers/promises'
import type { Answer } from './app.ts'
import type { TestServer } from './servers.ts'

/** What clients were told, and what may follow from it. */
export interface Ledger {
  /** Answers that contradict what was acknowledged before the question was sent; empty as long as all is well. */
  wrong: string[]
  /** How often each operation was answered, by its outcome. */
  counts: Map<string, number>
  /** When an operation of each kind last succeeded, as `performance.now()` has it. */
  lastSuccess: Map<string, number>
  /** Ends the load, and judges all tokens once more at each server. */
  finish(): Promise<void>
}

const viewer = '{ viewer { id } }'

/** What a client may be told while a part is away. */
const awayCodes = ['SERVICE_UNAVAILABLE', 'RATE_LIMITED']

/** How long after its acknowledgement a revocation may take to reach another server, in milliseconds. */
const spreadMs = 1_000

/**
 * Has clients sign in, use and revoke tokens at several servers, whatever happens to these, and keeps account of what was
 * acknowledged: a token that was issued works until somebody has asked for its end, and never after that was granted.
 */
export function startLoad(servers: readonly TestServer[], usernames: readonly string[]): Ledger {
  const live = new Set<string>()
  const revokedAt = new Map<string, { at: number; by: TestServer }>()
  const wrong: string[] = []
  const counts = new Map<string, number>()
  const lastSuccess = new Map<string, number>()
  let isOver = false
  let signIns = 0

  function note(operation: string, outcome: string): void {
    const key = `${operation} ${outcome}`
    counts.set(key, (counts.get(key) ?? 0) + 1)
    if (outcome === 'ok') lastSuccess.set(operation, performance.now())
  }

  /** The outcome of an answer: `ok`, the reason of a refusal, or `away`. */
  function outcomeOf(operation: string, { body, headers }: Answer): string {
    const [error] = body.errors ?? []
    if (error === undefined) return 'ok'
    const { code, reason } = error.extensions
    if (!awayCodes.includes(code)) return reason ?? code
    if (headers['retry-after'] === undefined) wrong.push(`${operation} was refused without Retry-After`)
    return 'away'
  }

  async function ask(server: TestServer, operation: string, query: string, token?: string): Promise<string> {
    const outcome = await server.graphql(query, null, token).then(
      (answer) => outcomeOf(operation, answer),
      (error) => `failed: ${error.message}`,
    )
    note(operation, outcome)
    return outcome
  }

  async function issue(server: TestServer): Promise<void> {
    try {
      live.add(await server.signIn(usernames[signIns++ % usernames.length] as string))
      note('sign in', 'ok')
    } catch (error) {
      const { message } = error as Error
      note('sign in', message.startsWith('[') ? JSON.parse(message)[0].extensions.code : `failed: ${message}`)
    }
  }

  async function use(server: TestServer, token: string): Promise<void> {
    const revocation = revokedAt.get(token)
    const wasLive = live.has(token)
    const askedAt = performance.now()
    const outcome = await ask(server, 'use', viewer, token)
    const isSpread =
      revocation !== undefined && (revocation.by === server || askedAt - revocation.at > spreadMs)
    if (isSpread && outcome === 'ok') wrong.push('a token was accepted after its revocation')
    if (wasLive && live.has(token) && !['ok', 'away'].includes(outcome))
      wrong.push(`a token that was issued is refused: ${outcome}`)
  }

  async function revoke(server: TestServer, token: string): Promise<void> {
    live.delete(token) // from here on nobody knows, until it is acknowledged
    const outcome = await ask(server, 'revoke', 'mutation { revokeToken { revoked } }', token)
    if (outcome === 'ok') revokedAt.set(token, { at: performance.now(), by: server })
  }

  async function run(index: number): Promise<void> {
    for (let turn = index; !isOver; turn++) {
      const server = servers[turn % servers.length] as TestServer
      const [first] = live
      if (live.size < 10) await issue(server)
      else if (turn % 4 === 0 && first !== undefined) await revoke(server, first)
      for (const token of [[...live].at(-1), [...revokedAt.keys()].at(-1), pick([...revokedAt.keys()])])
        if (token !== undefined) await use(server, token)
      await sleep(5)
    }
  }

  const clients = [0, 1, 2, 3].map(run)
  return {
    wrong,
    counts,
    lastSuccess,
    async finish() {
      isOver = true
      await Promise.all(clients)
      for (const server of servers) {
        for (const token of live) await use(server, token)
        for (const token of revokedAt.keys()) await use(server, token)
      }
    },
  }
}

function pick<T>(list: readonly T[]): T | undefined {
  return list[Math.floor(Math.random() * list.length)]
}
