import { createGraphiQLFetcher, type Fetcher, type FetcherOpts } from '@graphiql/toolkit'
import { headersExample } from './examples.ts'

/**
 * Sends GraphiQL's operations to `url` by POST and shows the JSON of the answer whatever its status: a refusal answers
 * 401, 403 or 429 with the reason in its body (GraphQL over HTTP).
 */
export function createFetcher(url: string): Fetcher {
  const send = createGraphiQLFetcher({
    url,
    headers: { accept: 'application/graphql-response+json, application/json' },
    enableIncrementalDelivery: false,
  })
  return (params, options) => send(params, withoutExampleToken(options))
}

const exampleAuthorization: unknown = JSON.parse(headersExample).Authorization

// Whoever has not replaced the example has no token: sending it would count as a wrong one.
function withoutExampleToken(options: FetcherOpts | undefined): FetcherOpts | undefined {
  if (options?.headers === undefined) return options
  const { Authorization, ...headers } = options.headers
  return Authorization === exampleAuthorization ? { ...options, headers } : options
}
