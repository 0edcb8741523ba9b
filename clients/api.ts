import { type AnswerError, AuthError } from './errors.ts'

const issued = '{ token tokenInfo { id createdAt expiresAt } }'

/** The documents that a client sends by itself, by name: for the manifest of a server that takes known operations alone. */
export const authOperations = {
  tokenAuth: `mutation LatchkeyTokenAuth($username: String!, $password: String!, $newPassword: String, $device: DeviceInput, $expiresIn: String, $scopes: [Scope!], $transport: TokenTransport! = TOKEN) { tokenAuth(username: $username, password: $password, newPassword: $newPassword, device: $device, expiresIn: $expiresIn, scopes: $scopes, transport: $transport) ${issued} }`,
  rotateToken: `mutation LatchkeyRotateToken { rotateToken ${issued} }`,
  revokeToken: 'mutation LatchkeyRevokeToken { revokeToken { revoked } }',
}

/** The arguments of `tokenAuth`. */
export interface SignInRequest {
  /** The username or the email address. */
  username: string
  password: string
  /** What takes the place of a temporary password. */
  newPassword?: string
  /** This device: an `id` that stays the same replaces the former token of the device. */
  device?: { id?: string; name?: string; platform?: string }
  /** A shorter life than the server's, as `30d`, `12h`, `15m` or `10s`. */
  expiresIn?: string
  scopes?: string[]
}

/** What to send along with an operation. */
export interface Credentials {
  headers: Record<string, string>
  /** For `fetch`, where a cookie carries the token. */
  credentials?: 'include'
}

interface Answer<Payload> {
  data?: { [field: string]: Payload } | null
  errors?: readonly AnswerError[]
}

/** How long the server may take to answer what a client asks by itself, in milliseconds. */
const patienceMs = 15_000

/**
 * Sends an operation, and resolves to the payload of its only field. Rejects with `AuthError` for what was refused, with
 * anything else where nothing was answered.
 */
export async function callApi<Payload>(
  url: string,
  query: string,
  variables: object,
  { headers, credentials }: Credentials,
): Promise<Payload> {
  const signal = (AbortSignal as Partial<typeof AbortSignal>).timeout?.(patienceMs) // React Native has none
  const response = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json', accept: 'application/json', ...headers },
    body: JSON.stringify({ query, variables }),
    ...(credentials && { credentials }),
    ...(signal && { signal }),
  })
  const answer = (await response.json().catch(() => null)) as Answer<Payload> | null
  const error = answer?.errors?.[0]
  if (error) throw new AuthError(error)
  const [payload] = Object.values(answer?.data ?? {})
  if (!payload) throw new Error(`${url} gave no answer of GraphQL (status ${response.status}).`)
  return payload
}
