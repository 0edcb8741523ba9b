import { markTokenProven } from '../db/tokens.ts'
import { findUserById } from '../db/users.ts'
import type { ReportEvent, RequestOrigin } from './origin.ts'
import type { ProvePassword } from './password-proof.ts'
import { requireCheckablePassword } from './passwords.ts'
import { hasEnded } from './personal-tokens.ts'
import type { UserPrincipal } from './principal.ts'
import { deviceAccount } from './sign-in.ts'

/**
 * Proves the user's password with the token of the request, under the throttle of sign-ins, so that it is fresh again.
 * Returns the principal as it is from now on. Throws `UNAUTHENTICATED` / `CREDENTIALS` or `RATE_LIMITED`.
 */
export type ConfirmPassword = (
  principal: UserPrincipal,
  password: string,
  origin: RequestOrigin,
) => Promise<UserPrincipal>

export function createConfirmPassword(deps: {
  provePassword: ProvePassword
  clock: () => number
  report: ReportEvent
}): ConfirmPassword {
  const { provePassword, clock, report } = deps
  return async (principal, password, origin) => {
    const { user, token } = principal
    const claim = {
      find: (db: Parameters<typeof findUserById>[0]) => findUserById(db, user.id),
      account: deviceAccount(principal),
      password: requireCheckablePassword(password, 'password'),
      origin,
      wrong: 'Wrong password.',
    }
    const provenAt = clock()
    const isInForce = await provePassword(claim, (db) => markTokenProven(db, token.id, provenAt))
    if (!isInForce) throw hasEnded()
    report({ ...origin, event: 'authn_password_confirmed', userId: user.id, tokenId: token.id })
    return { ...principal, token: { ...token, provenAt } }
  }
}
