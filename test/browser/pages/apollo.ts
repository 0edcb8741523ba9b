import { ApolloClient, ApolloLink, CombinedGraphQLErrors, gql, HttpLink, InMemoryCache } from '@apollo/client'
import { createAuthLink } from '../../../clients/apollo.ts'
import { exposePage } from './expose.ts'

exposePage((uri, auth) => {
  const link = ApolloLink.from([createAuthLink(auth), new HttpLink({ uri })])
  const client = new ApolloClient({ link, cache: new InMemoryCache() })
  return async (name) => {
    const query = gql(`query ${name} { viewer { username } }`)
    const { data, error } = await client.query<{ viewer: { username: string } | null }>({
      query,
      fetchPolicy: 'network-only',
      errorPolicy: 'all',
    })
    if (data?.viewer) return data.viewer.username
    return CombinedGraphQLErrors.is(error) ? String(error.errors[0]?.extensions?.reason) : String(error)
  }
})
