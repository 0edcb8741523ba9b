import { join } from 'node:path'
import type { Test } from 'tap'
import type { SettingsInput } from '../../src/config.ts'
import { type Answer, graphqlJson, password } from './app.ts'
import { openDomain, type TestDomain } from './domain.ts'
import { collectLog, noteSecrets, secret } from './log.ts'
import { startScript } from './processes.ts'

/** How a process is, after its garbage was collected; memory in bytes. */
export interface Condition {
  /** The longest that its event loop stood still since the last time it was asked, in milliseconds. */
  longestTurnMs: number
  rss: number
  heapUsed: number
  handles: number
  /** How many file descriptors are open; 0 where the system does not say. */
  descriptors: number
}

/** The service in a process of its own. */
export interface TestServer {
  url: string
  graphql(query: string, variables?: object | null, token?: string): Promise<Answer>
  signIn(username: string, device?: object): Promise<string>
  /** How many lines of its log report this event. */
  countEvents(event: string): number
  observe(): Promise<Condition>
  /** Ends the process as a crash would. */
  kill(): Promise<void>
  /** Has the process stop as it should. */
  stop(): Promise<void>
}

const log = collectLog()

/** Starts the service on a database file; `t` ends it. */
export async function startServer(t: Test, settings: SettingsInput): Promise<TestServer> {
  const script = startScript(t, 'serve.ts', JSON.stringify({ rateLimitRequests: 'off', ...settings }))
  let url = await script.nextLine()
  for (; !url.startsWith('http'); url = await script.nextLine()) log.write(`${url}\n`)
  const events = new Map<string, number>()
  const questions: ((condition: Condition) => void)[] = []
  const reading = readLog()

  async function readLog(): Promise<void> {
    for await (const line of script.lines) {
      log.write(`${line}\n`)
      const { event, condition } = JSON.parse(line)
      if (condition !== undefined) questions.shift()?.(condition)
      if (event !== undefined) events.set(event, (events.get(event) ?? 0) + 1)
    }
  }

  async function graphql(query: string, variables: object | null = null, token?: string): Promise<Answer> {
    noteSecrets({ query })
    const response = await fetch(`${url}/graphql`, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        accept: graphqlJson,
        ...(token === undefined ? {} : { authorization: `Token ${token}` }),
      },
      body: JSON.stringify({ query, variables }),
    })
    return {
      status: response.status,
      headers: Object.fromEntries(response.headers),
      body: await response.json(),
    }
  }

  return {
    url,
    graphql,
    async signIn(username, device = {}) {
      const { body } = await graphql(
        'mutation ($u: String!, $p: String!, $d: DeviceInput) { tokenAuth(username: $u, password: $p, device: $d) { token } }',
        { u: username, p: secret(password), d: device },
      )
      if (body.errors !== undefined) throw new Error(JSON.stringify(body.errors))
      return secret(body.data.tokenAuth.token)
    },
    countEvents: (event) => events.get(event) ?? 0,
    observe: () =>
      new Promise((resolve) => {
        questions.push(resolve)
        script.child.stdin?.write('?\n')
      }),
    async kill() {
      script.child.kill('SIGKILL')
      await script.ended
      await reading
    },
    async stop() {
      script.child.stdin?.end()
      await script.ended
      await reading
    },
  }
}

/** A database file with the users of a test, whose password is the common one. */
export async function createDatabase(
  t: Test,
  ...usernames: string[]
): Promise<{ databaseUrl: string; file: string; domain: TestDomain }> {
  const file = join(t.testdir(), 'latchkey.db')
  const databaseUrl = `sqlite:${file}`
  const domain = await openDomain(t, {
    url: databaseUrl,
    clock: {
      get now() {
        return Date.now()
      },
    } as { now: number },
  })
  for (const username of usernames) await domain.createUser(username)
  return { databaseUrl, file, domain }
}
