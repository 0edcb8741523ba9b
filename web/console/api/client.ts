import { Client, cacheExchange, fetchExchange, mapExchange } from 'urql'
import { hasEnded } from './problems.ts'

/**
 * An urql client. The browser sends the token by itself, in the cookie; `headers` carry one that is not in there. `onEnded` is
 * called when the server says that nobody is signed in any more.
 */
export function createClient({
  url,
  headers,
  onEnded,
}: {
  url: string
  headers: () => Record<string, string>
  onEnded: () => void
}): Client {
  const noticeEnd = mapExchange({
    onError(error, { context }) {
      if (hasEnded(error) && context.asksWhoIsThere !== true) onEnded()
    },
  })
  return new Client({
    url,
    exchanges: [cacheExchange, noticeEnd, fetchExchange],
    preferGetMethod: false,
    fetchOptions: () => ({ headers: headers() }),
  })
}
