import { ApolloClient, ApolloLink, HttpLink, InMemoryCache } from '@apollo/client'
import { createAuthLink } from 'latchkey/apollo'
import { createAuth } from 'latchkey/client'
import { keychainStorage } from './keychain-storage.ts'

const url = 'https://api.example.org/graphql'

/** The token of this installation: one for the whole app, made before anything is asked. */
export const auth = createAuth({ url, storage: keychainStorage() })

export const client = new ApolloClient({
  link: ApolloLink.from([createAuthLink(auth), new HttpLink({ uri: url })]),
  cache: new InMemoryCache(),
})

/** Calls back when the sign-in is to be shown, with the reason, and when it is not any more. */
export function followSignIn(show: (reason: string | null) => void): () => void {
  auth.find().then((token) => show(token === null ? 'SIGNED_OUT' : null))
  return auth.subscribe(async (event) => {
    if (event.kind !== 'signed-in' && event.kind !== 'signed-out') return
    await client.clearStore() // what one user has read is not for the next
    show(event.kind === 'signed-out' ? event.reason : null)
  })
}
