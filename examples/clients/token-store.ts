/** Where a client keeps its token. In a browser memory is safest; on a phone, put the keychain behind this. */
export interface TokenStore {
  get(): string | null
  set(token: string | null): void
}

/** Keeps the token until the page or process ends. */
export function createMemoryStore(): TokenStore {
  let token: string | null = null
  return {
    get: () => token,
    set: (next) => {
      token = next
    },
  }
}

/** `UNAUTHENTICATED` also says `MISSING` (no token was sent) and `CREDENTIALS` (wrong password): neither ends a token. */
const endings = ['INVALID', 'MALFORMED', 'EXPIRED', 'REVOKED', 'INACTIVE']

/** Why the server will never again take the token it was sent, or null while it may. */
export function findEnding(errors: readonly { extensions?: Record<string, unknown> }[]): string | null {
  for (const { extensions } of errors) {
    const reason = String(extensions?.reason)
    if (extensions?.code === 'UNAUTHENTICATED' && endings.includes(reason)) return reason
  }
  return null
}
