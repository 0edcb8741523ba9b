import { type ClientHttp2Session, connect, type OutgoingHttpHeaders } from 'node:http2'
import type { Test } from 'tap'

/** What came back over HTTP/2. */
export interface Http2Answer {
  status: number
  headers: Record<string, string | string[] | undefined>
  body: string
}

/** A connection that speaks HTTP/2 with a server whose certificate nobody vouches for; closed by `t`. */
export function openHttp2(t: Test, url: string): ClientHttp2Session {
  const session = connect(url, { rejectUnauthorized: false, strictSingleValueFields: false } as object)
  session.on('error', () => {}) // each request hears of it
  t.teardown(() => session.destroy())
  return session
}

/** Posts an operation to `/graphql`. Rejects with what ended the stream. */
export function postOverHttp2(
  session: ClientHttp2Session,
  query: string,
  headers: OutgoingHttpHeaders = {},
): Promise<Http2Answer> {
  const body = JSON.stringify({ query })
  return sendOverHttp2(session, { 'content-type': 'application/json', ...headers }, body)
}

/** Sends headers and a body; one that is null is never ended. */
export function sendOverHttp2(
  session: ClientHttp2Session,
  headers: OutgoingHttpHeaders,
  body: string | null,
): Promise<Http2Answer> {
  return new Promise((resolve, reject) => {
    const stream = session.request(
      { ':method': 'POST', ':path': '/graphql', ...headers },
      { endStream: false },
    )
    const answer: Http2Answer = { status: 0, headers: {}, body: '' }
    stream.setEncoding('utf8')
    stream.on('response', (received) => {
      answer.status = Number(received[':status'])
      answer.headers = received as Http2Answer['headers']
    })
    stream.on('data', (text) => {
      answer.body += text
    })
    stream.on('end', () =>
      answer.status === 0 ? reject(new Error('There was no answer.')) : resolve(answer),
    )
    stream.on('error', reject)
    if (body === '') stream.end()
    else if (body !== null) stream.end(body)
  })
}
