/** `latchkey/graphql-ws`: options for a client of graphql-ws 6. */
import { callApi } from './api.ts'
import type { Auth, Authorization } from './auth.ts'

/** A socket, as far as fresh credentials need it. */
interface OpenSocket {
  readonly readyState: number
  send(message: string): void
  close(code: number, reason: string): void
}

/** What `createClient` of graphql-ws takes for the token. */
export interface SocketOptions {
  connectionParams: () => Promise<Record<string, string>>
  shouldRetry: (closed: unknown) => boolean
  on: { connected: (socket: unknown) => void; closed: (event: unknown) => void }
}

const open = 1

/** The document that a client sends by itself where a cookie has the token; see `authOperations`. */
export const socketOperations = {
  createSocketTicket: 'mutation LatchkeyCreateSocketTicket { createSocketTicket { ticket } }',
}

/**
 * Options for graphql-ws: `createClient({ url, ...socketOptions(auth) })`. A socket opens with the token in force and is given
 * the new one when that is rotated, so that its subscriptions go on; one that the server closes because its token has ended
 * (4401) ends the token here as well. Other closings are tried again.
 */
export function socketOptions(auth: Auth): SocketOptions {
  const { createSocketTicket } = socketOperations
  let sent: Authorization | undefined
  let live: OpenSocket | undefined

  async function readParams(): Promise<Record<string, string>> {
    sent = await auth.authorize()
    const [authorization] = Object.values(sent.headers)
    return authorization === undefined ? {} : { authorization }
  }

  /** What a socket takes in the place of its credentials; where a cookie has the token, a ticket stands for it. */
  async function renew(socket: OpenSocket): Promise<void> {
    const params = await readParams()
    const payload = sent?.credentials ? await callApi(auth.url, createSocketTicket, {}, sent) : params
    if (socket.readyState === open) socket.send(JSON.stringify({ type: 'ping', payload }))
  }

  auth.subscribe(({ kind }) => {
    const socket = live
    if (!socket || kind === 'not-stored') return
    // One that cannot be given them connects anew, and so does one that was opened for somebody else, or for nobody.
    const restart = (): void => socket.close(4205, 'Client Restart')
    if (kind === 'rotated') renew(socket).catch(restart)
    else restart()
  })

  return {
    connectionParams: readParams,
    shouldRetry: () => true,
    on: {
      connected(socket) {
        live = socket as OpenSocket
      },
      closed(event) {
        live = undefined
        const { code, reason } = event as { code?: number; reason?: string }
        if (code !== 4401 || sent === undefined) return
        const extensions = { code: 'UNAUTHENTICATED', reason }
        void auth.shouldRetry(sent, [{ message: 'The socket was closed.', extensions }], false)
      },
    },
  }
}
