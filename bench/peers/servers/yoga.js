// GraphQL Yoga on Node's own HTTP server. Parsed and validated documents are kept by default.
import { createServer } from 'node:http'
import { GraphQLError } from 'graphql'
import { createSchema, createYoga } from 'graphql-yoga'
import { address, createAuthenticate, typeDefs } from './common.js'

const authenticate = createAuthenticate()
const resolvers = {
  Query: {
    viewer(_parent, _arguments, { user }) {
      if (user === null) throw new GraphQLError('Not signed in.', { extensions: { code: 'UNAUTHENTICATED' } })
      return user
    },
  },
}

const yoga = createYoga({
  schema: createSchema({ typeDefs, resolvers }),
  context: ({ req }) => ({ user: authenticate(req.headers.authorization) }),
  graphiql: false,
  logging: 'warn',
})
createServer(yoga).listen(address)
