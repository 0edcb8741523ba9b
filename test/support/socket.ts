import { once } from 'node:events'
import type { Test } from 'tap'
import { WebSocket } from 'ws'

/** A client that says exactly what a test tells it to. */
export interface RawSocket {
  webSocket: WebSocket
  send(message: object | string): void
  /** Says `connection_init`, and waits for the answer. */
  init(payload?: object): Promise<Message>
  /** The next message, or how the socket closed. With an `id`, those of other operations are left for later. */
  next(id?: string): Promise<Message>
  subscribe(id: string, query: string, variables?: object): void
  /** Runs one operation, and returns its only message. */
  run(query: string, variables?: object): Promise<Message>
  /** `4401 REVOKED`, once it has closed. */
  closed: Promise<string>
}

export interface Message {
  type: string
  id?: string
  // The shape differs from one message to the next; tests say what they expect of it.
  // biome-ignore lint/suspicious/noExplicitAny: see above
  payload?: any
}

/** Opens a socket on the API of a server that listens; `t` closes it. */
export async function openSocket(
  t: Test,
  url: string,
  options: {
    headers?: Record<string, string>
    search?: string
    protocol?: string
    /** The certificate to trust, where it is HTTPS. */
    ca?: string
  } = {},
): Promise<RawSocket> {
  const address = `${url.replace(/^http/, 'ws')}/graphql${options.search ?? ''}`
  const webSocket = new WebSocket(address, options.protocol ?? 'graphql-transport-ws', {
    headers: options.headers ?? {},
    ...(options.ca === undefined ? {} : { ca: options.ca }),
  })
  t.teardown(() => webSocket.terminate())
  const messages: Message[] = []
  let wake = (): void => {}
  webSocket.on('message', (data) => {
    messages.push(JSON.parse(String(data)))
    wake()
  })
  const closed = new Promise<string>((resolve) => {
    webSocket.on('close', (code, reason) => {
      const text = `${code} ${reason}`
      messages.push({ type: text })
      wake()
      resolve(text)
    })
  })
  await once(webSocket, 'open')
  let ids = 0
  const socket: RawSocket = {
    webSocket,
    closed,
    send: (message) => webSocket.send(typeof message === 'string' ? message : JSON.stringify(message)),
    init(payload) {
      socket.send({ type: 'connection_init', payload })
      return socket.next()
    },
    async next(id) {
      for (;;) {
        const index = messages.findIndex((message) => id === undefined || (message.id ?? id) === id)
        if (index >= 0) return messages.splice(index, 1)[0] as Message
        await new Promise<void>((resolve) => {
          wake = resolve
        })
      }
    },
    subscribe: (id, query, variables) =>
      socket.send({ type: 'subscribe', id, payload: { query, ...(variables ? { variables } : {}) } }),
    async run(query, variables) {
      const id = `run${++ids}`
      socket.subscribe(id, query, variables)
      const answer = await socket.next(id)
      if (answer.type === 'next') await socket.next(id) // complete
      return answer
    },
  }
  return socket
}
