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

/** Builds the context of a request; where it comes from is found out when somebody asks. */
export function createContext(
  auth: Auth,
  principal: Principal,
  findOrigin: () => RequestOrigin,
): LatchkeyContext {
  return new RequestContext(auth, principal, findOrigin)
}

class RequestContext implements LatchkeyContext {
  readonly user: User | null
  readonly token: Token | null
  readonly principal: Principal
  readonly auth: Auth
  provenUserId: string | null = null
  readonly #findOrigin: () => RequestOrigin
  #origin: RequestOrigin | null = null

  constructor(auth: Auth, principal: Principal, findOrigin: () => RequestOrigin) {
    const signedIn = principal.kind === 'user'
    this.user = signedIn ? principal.user : null
    this.token = signedIn ? principal.token : null
    this.principal = principal
    this.auth = auth
    this.#findOrigin = findOrigin
  }

  get origin(): RequestOrigin {
    this.#origin ??= this.#findOrigin()
    return this.#origin
  }
}
