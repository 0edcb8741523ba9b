// Apollo Server on Fastify, as the integration's readme sets it up.
import { ApolloServer } from '@apollo/server'
import fastifyApollo, { fastifyApolloDrainPlugin } from '@as-integrations/fastify'
import Fastify from 'fastify'
import { GraphQLError } from 'graphql'
import { address, createAuthenticate, logger, typeDefs } from './common.js'

const authenticate = createAuthenticate()
const resolvers = {
  Query: {
    viewer(_parent, _arguments, { user }) {
      if (user === null) throw new GraphQLError('Not signed in.', { extensions: { code: 'UNAUTHENTICATED' } })
      return user
    },
  },
}

const app = Fastify({ logger })
const apollo = new ApolloServer({ typeDefs, resolvers, plugins: [fastifyApolloDrainPlugin(app)] })
await apollo.start()
await app.register(fastifyApollo(apollo), {
  context: async (request) => ({ user: authenticate(request.headers.authorization) }),
})
await app.listen(address)
