import Fastify from 'fastify'
import { logOneLine, user } from './alike.ts'
import { announce } from './announce.ts'

/** A bare Fastify route, answering the same JSON. */
const app = Fastify(logOneLine)
app.post('/graphql', (_request, reply) => {
  reply.header('content-type', 'application/json; charset=utf-8')
  return reply.send(JSON.stringify({ data: { viewer: user } }))
})
await announce(app)
