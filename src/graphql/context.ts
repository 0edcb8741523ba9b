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
  /** The cookie that may carry the token of a browser; null where there is none to be had. */
  tokenCookie(): TokenCookie | null
  /** Latchkey's use cases. */
  auth: Auth
  /** The user whose password this very request has proven. */
  provenUserId: string | null
  /** Aborted when the subscription ends, for whatever reason; there in `subscribe` alone. */
  signal?: AbortSignal
}

/** The cookie that carries a browser's token, as the answer to one request may set and clear it. */
export interface TokenCookie {
  /** Whether the request presented its token so. */
  readonly isPresented: boolean
  /** Throws `FORBIDDEN` where the answer to this request must not set it: `CSRF`, or `HTTPS_REQUIRED`. */
  requireSettable(): void
  /** Puts a token into it, which the browser keeps until then, in milliseconds since 1970. */
  set(token: string, expiresAt: number): void
  clear(): void
  /** Clears it, and has the browser forget what pages of this site have stored. */
  signOut(): void
}

/** Builds the context of a request. */
export function createContext(
  auth: Auth,
  principal: Principal,
  origin: RequestOrigin,
  readToken: () => string | null,
  tokenCookie: () => TokenCookie | null,
): LatchkeyContext {
  const signedIn = principal.kind === 'user'
  return {
    user: signedIn ? principal.user : null,
    token: signedIn ? principal.token : null,
    principal,
    // No getter: V8 would give each context a hidden class of its own, which keeps the whole request until a full collection.
    origin,
    readToken,
    tokenCookie,
    auth,
    provenUserId: null,
  }
}
