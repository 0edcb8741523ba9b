import type { TestApp } from './app.ts'
import { secret } from './log.ts'

/** What a browser sends along when a page of the server's own origin calls the API. */
export const ownPage = { 'sec-fetch-site': 'same-origin' }

export const signInForCookie =
  'mutation ($username: String!, $password: String!) { tokenAuth(username: $username, password: $password, transport: COOKIE) { token tokenInfo { id expiresAt } user { username } } }'

/** The cookie that an answer sets, in its parts; undefined for none. */
export function readSetCookie(
  headers: Record<string, unknown>,
): { name: string; value: string; attributes: string[] } | undefined {
  const [header] = [headers['set-cookie']].flat()
  if (typeof header !== 'string') return undefined
  const [pair = '', ...attributes] = header.split('; ')
  const [name = '', value = ''] = pair.split('=')
  return { name, value: secret(value), attributes }
}

/** Signs in as a page of the server's own does, and returns the headers that the browser sends from then on. */
export async function signInWithCookie(
  { graphql }: Pick<TestApp, 'graphql'>,
  { username, password }: { username: string; password: string },
  headers: Record<string, string> = ownPage,
): Promise<{ cookie: string; 'sec-fetch-site': string }> {
  const answer = await graphql(signInForCookie, { username, password }, { headers })
  const set = readSetCookie(answer.headers)
  if (set === undefined) throw new Error(`No cookie was set: ${JSON.stringify(answer.body)}`)
  return { cookie: `${set.name}=${set.value}`, ...ownPage }
}
