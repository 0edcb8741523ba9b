import Fastify, { type FastifyInstance } from 'fastify'
import type { Test } from 'tap'
import latchkey, { type LatchkeyOptions } from '../../src/index.ts'
import { type Answer, graphqlJson, password, type RequestOptions } from './app.ts'
import { freshDatabase } from './database.ts'
import { collectLog, noteSecrets } from './log.ts'

/** An application of somebody else's with Latchkey in it. */
export interface Host {
  app: FastifyInstance
  query(query: string, request?: RequestOptions & { variables?: object }): Promise<Answer>
  /** An account and a token of it. */
  signIn(username: string, role?: 'USER' | 'ADMIN'): Promise<{ id: string; token: string }>
}

/**
 * A Fastify application that registers the plugin, in memory unless the options name a database, and torn down by `t`.
 * `before` and `after` see the application before and after Latchkey is registered.
 */
export async function startHost(
  t: Test,
  options: LatchkeyOptions = {},
  around: { before?: (app: FastifyInstance) => unknown; after?: (app: FastifyInstance) => unknown } = {},
): Promise<Host> {
  const app = Fastify({ logger: { level: 'trace', stream: collectLog() } })
  t.teardown(() => app.close())
  await around.before?.(app)
  await app.register(latchkey, {
    ...(options.database || options.databaseUrl ? {} : { databaseUrl: await freshDatabase(t) }),
    ...options,
  })
  await around.after?.(app)
  await app.ready()

  const host: Host = {
    app,
    async query(query, { variables, ...request } = {}) {
      noteSecrets({ query, variables })
      const response = await app.inject({
        method: 'POST',
        url: '/graphql',
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
    async signIn(username, role = 'USER') {
      await app.latchkey.auth.createUser({ username, password, role })
      const { body } = await host.query(
        'mutation ($username: String!, $password: String!) { tokenAuth(username: $username, password: $password) { token user { id } } }',
        { variables: { username, password } },
      )
      return { id: body.data.tokenAuth.user.id, token: body.data.tokenAuth.token }
    },
  }
  return host
}
