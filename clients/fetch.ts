/** `latchkey/fetch`: the token for whatever takes a `fetch`. */
import type { Auth } from './auth.ts'
import { ranInPart } from './errors.ts'

/**
 * A `fetch` for whatever talks to the API over HTTP without a link of its own, such as graphql-request or Relay: it sends the
 * token along, and an operation again, once, that was refused before anything of it ran, where there is another token by then.
 */
export function createFetch(
  auth: Auth,
  fetch: typeof globalThis.fetch = (...request) => globalThis.fetch(...request),
): typeof globalThis.fetch {
  return async (input, init) => send(new Request(input, init), true)

  async function send(request: Request, mayRetry: boolean): Promise<Response> {
    const authorization = await auth.authorize()
    const { headers, credentials } = authorization
    const attempt = new Request(request.clone(), credentials && { credentials })
    for (const [name, value] of Object.entries(headers)) attempt.headers.set(name, value)
    const response = await fetch(attempt)
    const { data, errors } = await readAnswer(response.clone())
    const again = await auth.shouldRetry(authorization, errors, mayRetry && !ranInPart(data))
    return again ? send(request, false) : response
  }
}

/** What GraphQL answered; nothing where something else did. */
async function readAnswer(response: Response): Promise<{ data?: unknown; errors: [] }> {
  const body = (await response.json().catch(() => null)) as { errors?: unknown } | null
  return Array.isArray(body?.errors) ? (body as { errors: [] }) : { errors: [] }
}
