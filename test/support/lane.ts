import { connect, type Socket } from 'node:net'
import type { Test } from 'tap'
import { graphqlJson } from './app.ts'

/** What came back; the body's shape differs from one operation to the next. */
export interface LaneAnswer {
  status: number
  // biome-ignore lint/suspicious/noExplicitAny: see above
  body: any
}

/** A keep-alive connection of one's own: a request is written the moment it is asked, and nothing stands before it. */
export interface Lane {
  /** Rejects with a `ConnectionLost` where the connection ends before the answer is whole. */
  ask(query: string, variables?: object | null, token?: string): Promise<LaneAnswer>
  close(): void
}

/** The server has gone; whether it did what it was asked to do is not known. */
export class ConnectionLost extends Error {
  override readonly name = 'ConnectionLost'
}

interface Waiting {
  resolve: (answer: LaneAnswer) => void
  reject: (error: Error) => void
}

/** Opens a connection to a server's API; `t` closes it. One question at a time. */
export function openLane(t: Test, url: string): Lane {
  const { hostname, port } = new URL(url)
  const socket = connect({ host: hostname, port: Number(port), noDelay: true })
  let received: Buffer = Buffer.alloc(0)
  let waiting: Waiting | null = null

  socket.on('data', (chunk: Buffer) => {
    received = received.length === 0 ? chunk : Buffer.concat([received, chunk])
    const answer = readAnswer(received)
    if (answer === null) return
    received = Buffer.alloc(0)
    waiting?.resolve(answer) // what nobody waits for is the server's word that it hangs up
    waiting = null
  })
  socket.on('error', () => {}) // `close` follows
  socket.on('close', () => waiting?.reject(new ConnectionLost('The connection was lost.')))
  t.teardown(() => socket.destroy())

  return {
    ask: (query, variables = null, token) =>
      new Promise((resolve, reject) => {
        if (socket.destroyed) return reject(new ConnectionLost('The connection is closed.'))
        waiting = { resolve, reject }
        send(socket, JSON.stringify({ query, variables }), token)
      }),
    close: () => socket.destroy(),
  }
}

function send(socket: Socket, body: string, token: string | undefined): void {
  const credentials = token === undefined ? '' : `Authorization: Token ${token}\r\n`
  socket.write(
    `POST /graphql HTTP/1.1\r\nHost: latchkey\r\nAccept: ${graphqlJson}\r\nContent-Type: application/json\r\n` +
      `Content-Length: ${Buffer.byteLength(body)}\r\n${credentials}\r\n${body}`,
  )
}

/** A response that is whole, or null. */
function readAnswer(received: Buffer): LaneAnswer | null {
  const headEnd = received.indexOf('\r\n\r\n')
  if (headEnd < 0) return null
  const head = received.toString('latin1', 0, headEnd)
  const length = Number(/\r\ncontent-length: (\d+)/i.exec(head)?.[1])
  const body = received.subarray(headEnd + 4)
  if (body.length < length) return null
  return { status: Number(head.slice(9, 12)), body: JSON.parse(body.toString()) }
}
