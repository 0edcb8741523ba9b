// A bare Fastify route: the body is read as JSON, the answer written by a serializer compiled from a schema.
import Fastify from 'fastify'
import { address, logger, someone } from './common.js'

const user = { type: 'object', properties: { id: { type: 'string' }, username: { type: 'string' } } }
const data = { type: 'object', properties: { viewer: user } }
const body = { type: 'object', properties: { query: { type: 'string' } }, required: ['query'] }

const app = Fastify({ logger })
app.post(
  '/graphql',
  { schema: { body, response: { 200: { type: 'object', properties: { data } } } } },
  async () => ({ data: { viewer: someone } }),
)
await app.listen(address)
