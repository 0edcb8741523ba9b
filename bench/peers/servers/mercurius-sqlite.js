// Mercurius with JIT, and one prepared statement per request.
import Fastify from 'fastify'
import mercurius from 'mercurius'
import { address, createAuthenticate, logger, typeDefs } from './common.js'

const authenticate = createAuthenticate()
const resolvers = {
  Query: {
    viewer(_parent, _arguments, { user }) {
      if (user === null) {
        throw new mercurius.ErrorWithProps('Not signed in.', { code: 'UNAUTHENTICATED' })
      }
      return user
    },
  },
}

const app = Fastify({ logger })
app.register(mercurius, {
  schema: typeDefs,
  resolvers,
  jit: 1,
  context: (request) => ({ user: authenticate(request.headers.authorization) }),
})
await app.listen(address)
