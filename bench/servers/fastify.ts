import Fastify from 'fastify'
import { logWarnings, user } from './alike.ts'
import { announce } from './announce.ts'

/** A bare Fastify route: the body is read as JSON, the same answer is written by a serializer compiled from a schema. */
const shape = { type: 'object', properties: { id: { type: 'string' }, username: { type: 'string' } } }
const data = { type: 'object', properties: { viewer: shape } }
const body = { type: 'object', properties: { query: { type: 'string' } }, required: ['query'] }

const app = Fastify(logWarnings)
app.post(
  '/graphql',
  { schema: { body, response: { 200: { type: 'object', properties: { data } } } } },
  async () => ({ data: { viewer: user } }),
)
await announce(app)
