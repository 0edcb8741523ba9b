import type { Answer } from './app.ts'
import { password } from './app.ts'

/** What the four columns of the fault matrix answer: `200`, or the status with the code's reason. */
export interface FourAnswers {
  signIn: string
  use: string
  revoke: string
  list: string
}

/**
 * Signs in, uses a token, lists tokens and revokes one, all at once. `spare` is the token that is revoked: it has no
 * other use.
 */
export async function askFour(
  graphql: (query: string, variables: object | null, token?: string) => Promise<Answer>,
  { username, token, spare }: { username: string; token: string; spare: string },
): Promise<FourAnswers> {
  const [use, list, revoke, signIn] = await Promise.all([
    graphql('{ viewer { username } }', null, token),
    graphql('{ viewer { tokens { nodes { id } } } }', null, token),
    graphql('mutation { revokeToken { revoked } }', null, spare),
    graphql('mutation ($u: String!, $p: String!) { tokenAuth(username: $u, password: $p) { token } }', {
      u: username,
      p: password,
    }),
  ])
  return { signIn: toText(signIn), use: toText(use), revoke: toText(revoke), list: toText(list) }
}

/** Where an answer has errors it must tell nothing of what is behind it. */
function toText({ status, body, headers }: Answer): string {
  const text = JSON.stringify(body)
  if (/SQLITE|latchkey_|\.db|disk|malformed/.test(text)) throw new Error(`this tells too much: ${text}`)
  const error = body.errors?.[0]
  if (error === undefined) return String(status)
  if (status === 503 && headers['retry-after'] === undefined) throw new Error('503 without Retry-After')
  return `${status} ${error.extensions.reason ?? error.extensions.code}`
}

/** Nothing is wrong. */
export const allWell: FourAnswers = { signIn: '200', use: '200', revoke: '200', list: '200' }

/** Nothing can be answered for. */
export const allAway: FourAnswers = {
  signIn: '503 DATABASE',
  use: '503 DATABASE',
  revoke: '503 DATABASE',
  list: '503 DATABASE',
}
