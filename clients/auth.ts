import { authOperations, type Credentials, callApi, type SignInRequest } from './api.ts'
import { type AnswerError, AuthError, findRefusal } from './errors.ts'
import { expiryOf, type HeldToken, holdToken, type IssuedToken, keyOf } from './held-token.ts'
import { type AuthEvent, createKeeper } from './keeper.ts'
import { memoryStorage, type TokenStorage } from './storage.ts'

export interface AuthOptions {
  /** Where the API is. */
  url: string
  /** Where the token is kept: `memoryStorage()` unless said otherwise. */
  storage?: TokenStorage
  /** How long a secret is used before it is rotated, in milliseconds: a day at the most, and half of the token's life. */
  rotateAfterMs?: number
  /**
   * Asked once when the token has ended, with the reason, while the operations that met the end wait: what it answers signs
   * in, and they are sent again. Without it, or where it answers null or fails, the tab is signed out.
   */
  askCredentials?: (reason: string) => Promise<SignInRequest | null>
  /** The scheme of the header: `Token` unless the server's `TOKEN_SCHEMES` says otherwise. */
  scheme?: string
  /** The header that carries the token: `authorization` unless the server's `TOKEN_HEADER` says otherwise. */
  header?: string
  /** What the tabs that belong together call themselves: the address of the API unless said otherwise. */
  name?: string
  /** The device's time in milliseconds. */
  clock?: () => number
}

/** What goes along with one operation, to be handed back with its errors. */
export interface Authorization extends Credentials {
  /** Which token was sent; null for none. */
  readonly key: string | null
}

/** A client's token over its life. The links and exchanges use `authorize` and `shouldRetry`; an application the rest. */
export interface Auth {
  /** Where the API is. */
  readonly url: string
  /** What to send with an operation now. Starts a rotation that is due, and waits for it only where the token has expired. */
  authorize(): Promise<Authorization>
  /**
   * Hears of the errors that an operation was answered with. Resolves to whether it is to be sent again, once: there is
   * another token than the one it was sent with, and nothing of it ran (`isRepeatable`). A token that the server will not
   * take again ends here.
   */
  shouldRetry(sent: Authorization, errors: readonly AnswerError[], isRepeatable?: boolean): Promise<boolean>
  /** Signs in with `tokenAuth`. Rejects with `AuthError` where it is refused. */
  signIn(request: SignInRequest): Promise<void>
  /** Takes a token that was issued elsewhere, for example by a `tokenAuth` of the application's own. */
  accept(issued: IssuedToken): Promise<void>
  /**
   * Forgets the token, here and in the other tabs, and ends it on the server. Resolves to whether the server confirmed it:
   * without a network it cannot, and the token lives on there until it expires. A cookie that the server cannot clear stays:
   * then it rejects, and nobody is signed out.
   */
  signOut(): Promise<boolean>
  /** The token's id and when it expires, by the device's clock (null while not known); null where nobody is signed in. */
  find(): Promise<{ id: string | null; expiresAt: Date | null } | null>
  /** Calls back with each event of this tab, until the answer is called. */
  subscribe(listener: (event: AuthEvent) => void): () => void
  /** Leaves the tab group. */
  close(): void
}

const dayMs = 86_400_000

/** How often a rotation that the network failed is tried again before it waits for the next use: after 1, 2, 4 … seconds. */
const rotationTries = 5

export function createAuth(options: AuthOptions): Auth {
  const { url, storage = memoryStorage(), rotateAfterMs = dayMs, askCredentials } = options
  const { scheme = 'Token', header = 'authorization', name = `latchkey ${url}`, clock = Date.now } = options
  const keeper = createKeeper({
    storage,
    name,
    onSignedOutElsewhere: (held) => void call('revokeToken', held).catch(() => {}),
  })
  let rotating: Promise<void> | undefined
  let ending: Promise<void> | undefined
  let failures = 0
  let retryAt = 0
  let timer: ReturnType<typeof setTimeout> | undefined

  async function authorize(): Promise<Authorization> {
    await ending
    let held = await keeper.read()
    if (held !== null && clock() >= Math.max(held.dueAt, retryAt)) {
      const rotated = rotate()
      if (clock() >= (expiryOf(held) ?? Infinity)) {
        await rotated
        held = await keeper.read()
      }
    }
    return { ...toCredentials(held), key: keyOf(held) }
  }

  async function shouldRetry(
    sent: Authorization,
    errors: readonly AnswerError[],
    isRepeatable = true,
  ): Promise<boolean> {
    const reason = findRefusal(errors)
    if (reason === null) return false
    // That no token was sent ends one only where the browser was to send it, and has dropped it.
    if (reason !== 'MISSING' || storage.cookie) await end(sent.key, reason)
    const key = keyOf(await keeper.read(reason))
    return isRepeatable && key !== null && key !== sent.key
  }

  /** Ends the token with this key, unless another one has taken its place. */
  async function end(key: string | null, reason: string): Promise<void> {
    if (key === null || keyOf(await keeper.read(reason)) !== key) return
    ending ??= replaceOrForget(key, reason).finally(() => {
      ending = undefined
    })
    await ending
  }

  async function replaceOrForget(key: string, reason: string): Promise<void> {
    try {
      const request = await askCredentials?.(reason)
      if (request) await signIn(request)
    } catch {
      // Whatever the trouble is, the token has ended.
    }
    if (keyOf(await keeper.read(reason)) === key) await keeper.write(null, { reason })
  }

  /** One at a time in all tabs; never rejects. */
  function rotate(): Promise<void> {
    rotating ??= keeper
      .alone(rotateIfDue)
      .then((ended) => ended?.()) // when other tabs may go on: somebody may be asked for credentials
      .catch(() => {})
      .finally(() => {
        rotating = undefined
      })
    return rotating
  }

  /** Resolves to what is to be done about a token that turns out to have ended. */
  async function rotateIfDue(): Promise<(() => Promise<void>) | undefined> {
    const held = await keeper.read()
    if (held === null || clock() < held.dueAt) return
    try {
      const issued = await call('rotateToken', held)
      failures = 0
      const isCurrent = keyOf(await keeper.read()) === keyOf(held) // nobody has signed in or out meanwhile
      if (isCurrent) await keeper.write(holdToken(issued, held, clock(), rotateAfterMs))
    } catch (error) {
      const reason = findEnding(error)
      if (reason !== null) return () => end(keyOf(held), reason)
      tryAgainLater()
    }
    return
  }

  /** The answer may have been lost, not the request: the old token works for as long as the grace is, so ask again soon. */
  function tryAgainLater(): void {
    const waitMs = 1_000 * 2 ** Math.min(failures, rotationTries)
    failures += 1
    retryAt = clock() + waitMs
    if (failures > rotationTries) return
    timer = setTimeout(() => void rotate(), waitMs)
    ;(timer as { unref?: () => void }).unref?.()
  }

  async function signIn(request: SignInRequest): Promise<void> {
    const how = storage.cookie && { transport: 'COOKIE' }
    await accept(await call('tokenAuth', await keeper.read(), { ...request, ...how }))
  }

  function accept(issued: IssuedToken): Promise<void> {
    return keeper.write(holdToken(issued, null, clock(), rotateAfterMs))
  }

  async function signOut(): Promise<boolean> {
    const held = await keeper.read()
    if (held === null && !storage.cookie) return true
    const isRevoked = await call('revokeToken', held).then(
      () => true,
      (error) => {
        if (findEnding(error) !== null) return true
        if (storage.cookie) throw error
        return false
      },
    )
    await keeper.write(null, { reason: 'SIGNED_OUT', everywhere: true })
    return isRevoked
  }

  function call(operation: keyof typeof authOperations, held: HeldToken | null, variables = {}) {
    return callApi<IssuedToken>(url, authOperations[operation], variables, toCredentials(held))
  }

  function toCredentials(held: HeldToken | null): Credentials {
    if (storage.cookie) return { headers: {}, credentials: 'include' }
    return { headers: held?.token ? { [header]: `${scheme} ${held.token}` } : {} }
  }

  /** Why the token that was sent has ended, or null where the call failed for another reason. */
  function findEnding(error: unknown): string | null {
    const reason = error instanceof AuthError ? findRefusal([error]) : null
    return reason === 'MISSING' && !storage.cookie ? null : reason
  }

  return {
    url,
    authorize,
    shouldRetry,
    signIn,
    accept,
    signOut,
    async find() {
      const held = await keeper.read()
      const expiry = held && expiryOf(held)
      return held && { id: held.id, expiresAt: expiry === null ? null : new Date(expiry) }
    },
    subscribe: keeper.subscribe,
    close() {
      clearTimeout(timer)
      keeper.close()
    },
  }
}
