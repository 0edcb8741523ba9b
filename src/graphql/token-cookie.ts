import type { IssuedToken } from '../auth/sign-in.ts'
import { badInput } from '../errors.ts'
import type { LatchkeyContext, TokenCookie } from './context.ts'

/** The cookie that a client wants its token in, before it costs an attempt; `BAD_USER_INPUT` where there is none to be had. */
export function requireTokenCookie(context: LatchkeyContext): TokenCookie {
  const cookie = context.tokenCookie()
  if (cookie === null) {
    throw badInput(
      'transport',
      'NO_COOKIE',
      'Tokens are not to be had in a cookie here. Ask without transport.',
    )
  }
  cookie.requireSettable()
  return cookie
}

/** The answer that issues a token into the cookie instead of showing it. */
export function intoCookie(
  cookie: TokenCookie,
  issued: IssuedToken,
): Omit<IssuedToken, 'token'> & { token: null } {
  cookie.set(issued.token, issued.maxExpiresAt)
  return { ...issued, token: null }
}

/** Signs the browser out where the token that it sent in the cookie has just ended. */
export async function signOutIfEnded(context: LatchkeyContext): Promise<void> {
  if (await hasCookieEnded(context)) context.tokenCookie()?.signOut()
}

/** The same for a sign-in whose token goes elsewhere: the cookie is cleared, and what pages have stored is left. */
export async function clearIfEnded(context: LatchkeyContext): Promise<void> {
  if (await hasCookieEnded(context)) context.tokenCookie()?.clear()
}

async function hasCookieEnded(context: LatchkeyContext): Promise<boolean> {
  const token = context.principal.kind === 'user' ? context.readToken() : null
  if (token === null || context.tokenCookie()?.isPresented !== true) return false
  const { origin } = context
  const principal = await context.auth.resolvePrincipal(token, origin.address, () => origin)
  return principal.kind === 'anonymous'
}
