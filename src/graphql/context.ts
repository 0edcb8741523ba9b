import type { Auth } from '../auth/auth.ts'
import type { RequestOrigin } from '../auth/origin.ts'
import type { Principal, Token, User } from '../auth/principal.ts'

/** What every resolver gets as its third argument, an embedding application's included. */
export interface LatchkeyContext {
  /** The signed-in user, or null. */
  user: User | null
  /** The token of this request, or null. */
  token: Token | null
  /** The same as one value, which says why nobody is signed in. */
  principal: Principal
  /** Where the request comes from. */
  origin: RequestOrigin
  /** Latchkey's use cases. */
  auth: Auth
  /** The user whose password this very request has proven. */
  provenUserId: string | null
}

export function createContext(auth: Auth, principal: Principal, origin: RequestOrigin): LatchkeyContext {
  const signedIn = principal.kind === 'user'
  return {
    user: signedIn ? principal.user : null,
    token: signedIn ? principal.token : null,
    principal,
    origin,
    auth,
    provenUserId: null,
  }
}
