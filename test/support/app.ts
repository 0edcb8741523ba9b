import type { FastifyInstance } from 'fastify'
import type { Test } from 'tap'
import { buildApp } from '../../src/app.ts'
import { loadConfig, type SettingsInput, variableOf } from '../../src/config.ts'
import type { LatchkeyOptions } from '../../src/plugin-options.ts'
import { freshDatabase, isOnPostgres } from './database.ts'
import { collectLog, noteSecrets, secret } from './log.ts'

/** A response of the API, as far as tests look at it. */
export interface Answer {
  status: number
  headers: Record<string, string | string[] | number | undefined>
  // The shape differs from one operation to the next; tests say what they expect of it.
  // biome-ignore lint/suspicious/noExplicitAny: see above
  body: any
}

export interface TestApp {
  app: FastifyInstance
  /** The origin, where the app listens. */
  url: string
  /** The clock: tests move it. */
  clock: { now: number }
  graphql(query: string, variables?: object | null, request?: RequestOptions): Promise<Answer>
  /** An account with this password; the username is the answer's. */
  createUser(
    user?: Partial<{ username: string; email: string; password: string; role: 'USER' | 'ADMIN' }>,
  ): Promise<{
    id: string
    username: string
    password: string
  }>
  /** Signs in and returns the token. */
  signIn(user: { username: string; password: string }, device?: object): Promise<string>
}

export interface RequestOptions {
  token?: string
  accept?: string
  headers?: Record<string, string>
  address?: string
}

export const graphqlJson = 'application/graphql-response+json'

export const password = 'correct horse battery staple'

/**
 * The service on a database of its own, in memory unless a test says otherwise, and torn down by `t`. Settings are named
 * as in `config.ts`. What the app logs must hold no secret that a test uses: `log.ts` sees to it.
 */
export async function startApp(
  t: Test,
  options: SettingsInput & { listen?: boolean; plugin?: LatchkeyOptions; production?: boolean } = {},
): Promise<TestApp> {
  const { listen = false, plugin = {}, production = false, ...input } = options
  const env = Object.fromEntries(
    Object.entries({
      databaseUrl: input.databaseUrl ?? (plugin.database ? 'sqlite::memory:' : await freshDatabase(t)),
      port: 0,
      rateLimitRequests: 'off',
      smtpUrl: 'off',
      ...(isOnPostgres ? { queryTimeout: '30s' } : {}), // two more processes share the machine
      ...input,
    }).map(([name, value]) => [variableOf(name), String(value)]),
  )
  const settings = loadConfig({ ...env, ...(production ? { NODE_ENV: 'production' } : {}) })
  const clock = { now: Date.parse('2026-11-23T09:00:00.000Z') }
  const app = await buildApp(settings, {
    logger: { level: 'trace', stream: collectLog() },
    plugin: { production, clock: () => clock.now, ...plugin },
  })
  t.teardown(() => app.close())
  const url = listen ? await app.listen({ host: '127.0.0.1', port: 0 }) : ''
  if (!listen) await app.ready()

  let users = 0
  const testApp: TestApp = {
    app,
    url,
    clock,
    async graphql(query, variables = null, request = {}) {
      noteSecrets({ query, variables, authorization: request.headers?.authorization ?? request.token })
      const response = await app.inject({
        method: 'POST',
        url: settings.graphqlPath,
        headers: {
          'content-type': 'application/json',
          accept: request.accept ?? graphqlJson,
          ...(request.token === undefined ? {} : { authorization: `Token ${request.token}` }),
          ...request.headers,
        },
        remoteAddress: request.address ?? '127.0.0.1',
        payload: JSON.stringify({ query, variables }),
      })
      return { status: response.statusCode, headers: response.headers, body: response.json() }
    },
    async createUser(user = {}) {
      const request = { username: `user${++users}`, password, ...user }
      secret(request.password)
      const { id } = await app.latchkey.auth.createUser(request)
      return { id, username: request.username, password: request.password }
    },
    async signIn(user, device = {}) {
      const { body } = await testApp.graphql(
        'mutation ($username: String!, $password: String!, $device: DeviceInput) { tokenAuth(username: $username, password: $password, device: $device) { token } }',
        { username: user.username, password: user.password, device },
      )
      return body.data.tokenAuth.token
    },
  }
  return testApp
}
