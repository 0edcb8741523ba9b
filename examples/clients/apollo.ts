import { ApolloClient, ApolloLink, CombinedGraphQLErrors, gql, HttpLink, InMemoryCache } from '@apollo/client'
import { SetContextLink } from '@apollo/client/link/context'
import { ErrorLink } from '@apollo/client/link/error'
import { findEnding, type TokenStore } from './token-store.ts'

/** An Apollo Client 4 that sends the stored token, and drops it when the server says that it has ended. */
export function createClient(options: {
  url: string
  tokens: TokenStore
  /** Called when the token has ended, with the reason: show the sign-in page, and `client.clearStore()`. */
  onSignedOut: (reason: string) => void
}): ApolloClient {
  const { url, tokens, onSignedOut } = options

  const authorize = new SetContextLink(({ headers }) => {
    const token = tokens.get()
    return { token, headers: token === null ? headers : { ...headers, authorization: `Token ${token}` } }
  })

  const dropEndedToken = new ErrorLink(({ error, operation }) => {
    const ending = CombinedGraphQLErrors.is(error) ? findEnding(error.errors) : null
    // A late answer to an older token says nothing about the one that came after it.
    if (ending === null || operation.getContext().token !== tokens.get()) return
    tokens.set(null)
    onSignedOut(ending)
  })

  return new ApolloClient({
    link: ApolloLink.from([dropEndedToken, authorize, new HttpLink({ uri: url })]),
    cache: new InMemoryCache(),
  })
}

const tokenAuth = gql`
  mutation SignIn($username: String!, $password: String!, $device: DeviceInput) {
    tokenAuth(username: $username, password: $password, device: $device) {
      token
    }
  }
`

/** Signs in and stores the token. A refusal is thrown as `CombinedGraphQLErrors`. */
export async function signIn(
  client: ApolloClient,
  tokens: TokenStore,
  variables: {
    username: string
    password: string
    device?: { id?: string; name?: string; platform?: string }
  },
): Promise<void> {
  const { data } = await client.mutate<{ tokenAuth: { token: string } }>({
    mutation: tokenAuth,
    variables,
    fetchPolicy: 'no-cache', // the token has no business in the cache
  })
  tokens.set(data?.tokenAuth.token ?? null)
}

/** Ends the token on the server, forgets it, and forgets what was read with it. */
export async function signOut(client: ApolloClient, tokens: TokenStore): Promise<void> {
  await client.mutate({ mutation: gql`mutation SignOut { revokeToken { revoked } }` })
  tokens.set(null)
  await client.clearStore()
}
