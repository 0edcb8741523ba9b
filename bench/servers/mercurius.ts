import Fastify from 'fastify'
import mercurius from 'mercurius'
import { logWarnings, user } from './alike.ts'
import { announce } from './announce.ts'

/** Mercurius as it comes, with its JIT and without authentication, answering the same JSON. */
const app = Fastify(logWarnings)
await app.register(mercurius, {
  schema: 'type Query { viewer: User } type User { id: ID! username: String! }',
  resolvers: { Query: { viewer: () => user } },
  jit: 1,
})
await announce(app)
