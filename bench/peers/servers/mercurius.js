// Mercurius with JIT. Nobody is authenticated.
import Fastify from 'fastify'
import mercurius from 'mercurius'
import { address, logger, someone, typeDefs } from './common.js'

const app = Fastify({ logger })
app.register(mercurius, { schema: typeDefs, resolvers: { Query: { viewer: () => someone } }, jit: 1 })
await app.listen(address)
