import { authExchange } from 'latchkey/urql'
import { cacheExchange, createClient, fetchExchange } from 'urql'
import { auth } from './auth.ts'

/** A client with an empty cache: make another one whenever somebody signs in or out. */
export function makeClient() {
  return createClient({
    url: '/graphql',
    exchanges: [cacheExchange, authExchange(auth), fetchExchange],
    preferGetMethod: false,
  })
}
