import { describeDevice } from '../console/auth/device.ts'

/** Who is signed in on this page. It is in memory alone: a reload forgets it. */
export interface SignIn {
  token: string
  /** The header that carries the token, and its value, as the server says. */
  header: string
  value: string
  username: string
  expiresAt: string
}

/** The sign-in of this page, for the panel that shows it and the fetcher that sends it. */
export interface SignInStore {
  get(): SignIn | null
  subscribe(listener: () => void): () => void
  /** Signs in; a refusal is an `Error` with the server's sentence. */
  signIn(username: string, password: string): Promise<void>
  /** Ends the token on the server, and forgets it. */
  signOut(): Promise<void>
  /** Forgets a token that the server says has ended. */
  drop(ended: SignIn): void
}

interface Answer {
  data?: {
    serverInfo?: { tokenScheme: string; tokenHeader: string }
    tokenAuth?: { token: string; tokenInfo: { expiresAt: string }; user: { username: string } } | null
  } | null
  errors?: { message: string }[]
}

const serverInfo = '{ serverInfo { tokenScheme tokenHeader } }'

const signInOperation = `mutation SignIn($username: String!, $password: String!, $device: DeviceInput) {
  tokenAuth(username: $username, password: $password, device: $device) {
    token
    tokenInfo { expiresAt }
    user { username }
  }
}`

/** Signs in and out at the API at `url`. */
export function createSignIn(url: string): SignInStore {
  let signIn: SignIn | null = null
  const listeners = new Set<() => void>()
  const set = (next: SignIn | null): void => {
    signIn = next
    for (const listener of listeners) listener()
  }

  async function ask(query: string, variables: object = {}, headers: Record<string, string> = {}) {
    const response = await fetch(url, {
      method: 'POST',
      credentials: 'omit',
      headers: { 'content-type': 'application/json', ...headers },
      body: JSON.stringify({ query, variables }),
    })
    const answer: Answer = await response.json()
    if (answer.errors?.[0]) throw new Error(answer.errors[0].message)
    return answer.data ?? {}
  }

  return {
    get: () => signIn,
    subscribe(listener) {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
    async signIn(username, password) {
      const { serverInfo: { tokenScheme = 'Token', tokenHeader = 'Authorization' } = {} } =
        await ask(serverInfo)
      const { name, ...browser } = describeDevice()
      const device = { ...browser, id: `${browser.id}-graphiql`, name: `GraphiQL in ${name}` }
      const { tokenAuth } = await ask(signInOperation, { username, password, device })
      if (!tokenAuth) throw new Error('The server did not answer with a token.')
      const { token, tokenInfo, user } = tokenAuth
      set({ token, header: tokenHeader, value: `${tokenScheme} ${token}`, ...tokenInfo, ...user })
    },
    async signOut() {
      if (signIn === null) return
      const { header, value } = signIn
      await ask('mutation SignOut { revokeToken { revoked } }', {}, { [header]: value })
      set(null)
    },
    drop(ended) {
      if (signIn === ended) set(null)
    },
  }
}
