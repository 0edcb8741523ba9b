import type { Test } from 'tap'
import {
  type Auth,
  type AuthEvent,
  type AuthOptions,
  createAuth,
  type TokenStorage,
} from '../../clients/client.ts'
import { createFetch } from '../../clients/fetch.ts'
import type { Answer, TestApp } from '../support/app.ts'
import { ownPage } from '../support/cookie.ts'
import { secret } from '../support/log.ts'

/** A tab, or an installation on a phone. */
export interface Device {
  auth: Auth
  /** What it heard of its token, in the words of the events. */
  events: string[]
  /** An operation over HTTP through `createFetch`. */
  query(document: string): Promise<Answer['body']>
  /** What is sent along now. */
  token(): Promise<string | undefined>
}

let names = 0

/** Makes tabs of one group that talk to a server of the test; each with a storage of its own unless they are given one. */
export function createDevices(t: Test, { url, clock }: Pick<TestApp, 'url' | 'clock'>) {
  const name = `group ${++names}`
  return (options: Partial<AuthOptions> = {}): Device => {
    const auth = createAuth({ url: `${url}/graphql`, name, clock: () => clock.now, ...options })
    t.teardown(() => auth.close())
    const events: string[] = []
    auth.subscribe((event) => events.push(describe(event)))
    const fetch = createFetch(auth)
    return {
      auth,
      events,
      async token() {
        const { headers } = await auth.authorize()
        return headers.authorization && secret(headers.authorization.replace('Token ', ''))
      },
      async query(query) {
        const init = { method: 'POST', headers: { 'content-type': 'application/json' } }
        const response = await fetch(`${url}/graphql`, { ...init, body: JSON.stringify({ query }) })
        return response.json()
      },
    }
  }
}

export function describe(event: AuthEvent): string {
  if (event.kind === 'signed-out') return `signed-out ${event.reason}`
  return event.kind === 'not-stored' ? `not-stored ${event.error}` : event.kind
}

/** One text for all who have it, as `localStorage` is for the tabs of an origin. */
export function sharedStorage(): TokenStorage & { text: string | null } {
  return {
    tabs: 'shared',
    text: null,
    get() {
      return this.text
    },
    set(text) {
      this.text = text
    },
  }
}

/** Calls back with each request of `fetch`, which may answer it or let it pass. */
export function interceptFetch(
  t: Test,
  answer: (request: Request) => Promise<Response | undefined> | Response | undefined,
): void {
  const { fetch } = globalThis
  t.intercept(globalThis, 'fetch', {
    configurable: true,
    writable: true,
    value: async (...request: Parameters<typeof fetch>) => {
      const sent = new Request(...request)
      return (await answer(sent.clone())) ?? fetch(sent)
    },
  })
}

/** Waits until something is so, or fails after five seconds. */
export async function until(isSo: () => boolean | Promise<boolean>): Promise<void> {
  const deadline = Date.now() + 5_000
  while (!(await isSo())) {
    if (Date.now() > deadline) throw new Error(`This did not come true within 5 seconds: ${isSo}`)
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
}

/** Keeps the cookie as a browser does for a page of the API's own origin, and counts rotations. */
export function actAsBrowser(t: Test) {
  const browser = { cookie: '', rotations: 0, isOnline: true }
  const { fetch } = globalThis
  interceptFetch(t, async (request) => {
    if (!browser.isOnline) throw new TypeError('fetch failed')
    if ((await request.clone().text()).includes('rotateToken')) browser.rotations += 1
    const mayCarry = request.credentials === 'include'
    for (const [name, value] of Object.entries(ownPage)) request.headers.set(name, value)
    if (mayCarry && browser.cookie !== '') request.headers.set('cookie', `latchkey=${browser.cookie}`)
    const response = await fetch(request)
    const set = /^latchkey=([^;]*)/.exec(response.headers.get('set-cookie') ?? '')?.[1]
    if (mayCarry && set !== undefined) browser.cookie = secret(set)
    return response
  })
  return browser
}
