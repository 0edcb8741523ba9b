import {
  type Auth,
  cookieStorage,
  createAuth,
  type SignInRequest,
  webStorage,
} from '../../../clients/client.ts'

/** What a test drives a page by. */
export interface ClientPage {
  /** Begins as the tabs of an application do. With `user`, the page knows what to answer when it is asked for credentials. */
  start(options?: { user?: SignInRequest; cookie?: boolean }): void
  signIn(user: SignInRequest): Promise<void>
  signOut(): Promise<boolean>
  /** Asks so many different queries at once: the username of each answer, or the reason why there is none. */
  ask(count: number): Promise<string[]>
  /** Sets the device's clock on. */
  wait(ms: number): void
  /** What the page heard, in words. */
  events: string[]
}

/** Asks one query and answers the username, or the reason of the refusal. */
export type AskViewer = (name: string) => Promise<string>

export function exposePage(createAsk: (url: string, auth: Auth) => AskViewer): void {
  const { localStorage } = globalThis
  let auth: Auth
  let ask: AskViewer
  let ahead = 0
  const events: string[] = []
  const page: ClientPage = {
    events,
    start({ user, cookie = false } = {}) {
      const storage = cookie ? cookieStorage() : webStorage(localStorage)
      const askCredentials = user && (async () => user)
      const clock = () => Date.now() + ahead
      const url = '/graphql'
      auth = createAuth({
        url,
        storage,
        clock,
        ...(askCredentials && { askCredentials }),
      })
      auth.subscribe((event) =>
        events.push(event.kind === 'signed-out' ? `signed-out ${event.reason}` : event.kind),
      )
      ask = createAsk(url, auth)
      void auth.find()
    },
    signIn: (user) => auth.signIn(user),
    signOut: () => auth.signOut(),
    ask: (count) => Promise.all(Array.from({ length: count }, (_, index) => ask(`Viewer${index}`))),
    wait(ms) {
      ahead += ms
    },
  }
  Object.assign(globalThis, { clientPage: page })
}
