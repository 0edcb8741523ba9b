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
  readonly origin: RequestOrigin
  /** The token that the request presented, itself, or null. It is found out when somebody asks. */
  readToken(): string | null
  /** Latchkey's use cases. */
  auth: Auth
  /** The user whose password this very request has proven. */
  provenUserId: string | null
}

/** Builds the context of a request; where it comes from is found out when somebody asks. */
export function createContext(
  auth: Auth,
  principal: Principal,
  findOrigin: () => RequestOrigin,
  readToken: () => string | null,
): LatchkeyContext {
  const signedIn = principal.kind === 'user'
  let origin: RequestOrigin | null = null
  return {
    user: signedIn ? principal.user : null,
    token: signedIn ? principal.token : null,
    principal,
    // A property of its own, so that a copy of the context has it too.
    get origin() {
      origin ??= findOrigin()
      return origin
    },
    readToken,
    auth,
    provenUserId: null,
  }
}
