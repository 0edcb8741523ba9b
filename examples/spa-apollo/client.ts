import { ApolloClient, ApolloLink, HttpLink, InMemoryCache } from '@apollo/client'
import { createAuthLink } from 'latchkey/apollo'
import { auth } from './auth.ts'

export const client = new ApolloClient({
  link: ApolloLink.from([createAuthLink(auth), new HttpLink({ uri: '/graphql' })]),
  cache: new InMemoryCache(),
})
