import { Client, cacheExchange, fetchExchange, gql, makeOperation, mapExchange } from '@urql/core'
import { authExchange } from '@urql/exchange-auth'
import { findEnding, type TokenStore } from './token-store.ts'

/** An urql client that sends the stored token, and drops it when the server says that it has ended. */
export function createClient(options: {
  url: string
  tokens: TokenStore
  /** Called when the token has ended, with the reason: show the sign-in page, and make a new client (its cache is empty). */
  onSignedOut: (reason: string) => void
}): Client {
  const { url, tokens, onSignedOut } = options

  const dropEndedToken = mapExchange({
    onError({ graphQLErrors }, operation) {
      const ending = findEnding(graphQLErrors)
      // A late answer to an older token says nothing about the one that came after it.
      if (ending === null || operation.context.token !== tokens.get()) return
      tokens.set(null)
      onSignedOut(ending)
    },
  })

  const authorize = authExchange(async ({ appendHeaders }) => ({
    addAuthToOperation(operation) {
      const token = tokens.get()
      if (token === null) return operation
      const { kind, context } = appendHeaders(operation, { authorization: `Token ${token}` })
      return makeOperation(kind, operation, { ...context, token })
    },
    // There is nothing to refresh, and to ask again without the token would only hide why it ended.
    didAuthError: () => false,
    refreshAuth: async () => {},
  }))

  return new Client({ url, exchanges: [cacheExchange, dropEndedToken, authorize, fetchExchange] })
}

const tokenAuth = gql<{ tokenAuth: { token: string } }>`
  mutation SignIn($username: String!, $password: String!, $device: DeviceInput) {
    tokenAuth(username: $username, password: $password, device: $device) {
      token
    }
  }
`

/** Signs in and stores the token. A refusal is thrown as `CombinedError`. */
export async function signIn(
  client: Client,
  tokens: TokenStore,
  variables: {
    username: string
    password: string
    device?: { id?: string; name?: string; platform?: string }
  },
): Promise<void> {
  const { data, error } = await client.mutation(tokenAuth, variables)
  if (error) throw error
  tokens.set(data?.tokenAuth.token ?? null)
}

/** Ends the token on the server, and forgets it. */
export async function signOut(client: Client, tokens: TokenStore): Promise<void> {
  const { error } = await client.mutation(gql`mutation SignOut { revokeToken { revoked } }`, {})
  if (error) throw error
  tokens.set(null)
}
