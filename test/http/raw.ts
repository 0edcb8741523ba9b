import { connect } from 'node:net'

/** What came back over a socket: the first response, and all that was sent. */
export interface RawAnswer {
  status: number
  headers: Record<string, string>
  body: string
  /** Everything that the server sent before it ended the connection. */
  text: string
}

/**
 * Sends bytes as they are, which no HTTP client would, and reads until the server ends the connection: send
 * `Connection: close`, or what the server is to hang up on.
 */
export function sendRaw(url: string, ...parts: (string | Buffer)[]): Promise<RawAnswer> {
  const { hostname, port } = new URL(url)
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = []
    const socket = connect(Number(port), hostname, () => {
      for (const part of parts) socket.write(part)
    })
    const finish = (): void => resolve(readAnswer(Buffer.concat(chunks).toString('latin1')))
    socket.on('data', (chunk) => chunks.push(Buffer.from(chunk)))
    socket.on('end', finish)
    socket.on('error', (error: NodeJS.ErrnoException) => {
      // A server that refuses early may reset the connection while the rest is still under way.
      if (error.code === 'ECONNRESET' || error.code === 'EPIPE') finish()
      else reject(error)
    })
    socket.on('close', finish)
  })
}

/** A POST request to `/graphql` with these header lines and body. */
export function rawPost(headers: readonly string[], body: string, target = '/graphql'): [string, string] {
  const lines = [
    `POST ${target} HTTP/1.1`,
    'Host: 127.0.0.1',
    'Connection: close',
    'Accept: application/graphql-response+json',
    ...headers,
  ]
  return [`${lines.join('\r\n')}\r\n\r\n`, body]
}

/** The header lines of a JSON body. */
export function jsonHeaders(body: string): string[] {
  return ['Content-Type: application/json', `Content-Length: ${Buffer.byteLength(body)}`]
}

function readAnswer(text: string): RawAnswer {
  const [head = '', ...rest] = text.split('\r\n\r\n')
  const [statusLine = '', ...lines] = head.split('\r\n')
  const headers = Object.fromEntries(
    lines.map((line) => {
      const colon = line.indexOf(':')
      return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()]
    }),
  )
  return { status: Number(statusLine.split(' ')[1] ?? 0), headers, body: rest.join('\r\n\r\n'), text }
}
