import { createGraphiQLFetcher, type Fetcher, type FetcherOpts } from '@graphiql/toolkit'
import { headersExample } from './examples.ts'
import type { SignInStore } from './sign-in.ts'

/**
 * Sends GraphiQL's operations to `url` by POST and shows the JSON of the answer whatever its status: a refusal answers
 * 401, 403 or 429 with the reason in its body (GraphQL over HTTP). Who is signed in goes along, unless the Headers pane says.
 */
export function createFetcher(url: string, store: SignInStore): Fetcher {
  const send = createGraphiQLFetcher({
    url,
    headers: { accept: 'application/graphql-response+json, application/json' },
    enableIncrementalDelivery: false,
    // Who is signed in is what the panel says, not a cookie of the console's.
    fetch: (input, init) => fetch(input, { ...init, credentials: 'omit' }),
  })
  return async (params, options) => {
    const headers = withoutExampleToken(options?.headers)
    const signIn = hasHeader(headers, store.get()?.header) ? null : store.get()
    const sent = signIn === null ? headers : { ...headers, [signIn.header]: signIn.value }
    const answer = await send(params, { ...options, headers: sent })
    if (signIn !== null && hasEnded(answer)) store.drop(signIn)
    return answer
  }
}

const exampleAuthorization: unknown = JSON.parse(headersExample).Authorization

// Whoever has not replaced the example has no token: sending it would count as a wrong one.
function withoutExampleToken(headers: FetcherOpts['headers']): Record<string, string> {
  const { Authorization, ...others } = headers ?? {}
  return Authorization === undefined || Authorization === exampleAuthorization
    ? others
    : { ...others, Authorization }
}

function hasHeader(headers: Record<string, string>, name = ''): boolean {
  return Object.keys(headers).some((one) => one.toLowerCase() === name.toLowerCase())
}

const endings = ['INVALID', 'EXPIRED', 'REVOKED', 'INACTIVE']

/** Whether the answer says that the token will not be taken again. */
function hasEnded(answer: unknown): boolean {
  const { errors = [] } = answer as { errors?: { extensions?: { code?: string; reason?: string } }[] }
  return errors.some(
    ({ extensions }) => extensions?.code === 'UNAUTHENTICATED' && endings.includes(String(extensions.reason)),
  )
}
