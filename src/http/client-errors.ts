import type { ConnectionError, FastifyBaseLogger, FastifyReply, FastifyRequest } from 'fastify'
import { LatchkeyError, statusOfCode } from '../errors.ts'
import { constantHeaders } from './constant-headers.ts'
import { STATUS_CODES } from './node-http.ts'

/** The part of a socket that answering takes. */
interface Connection {
  readonly writable: boolean
  readonly destroyed: boolean
  write(text: string): unknown
  destroy(): unknown
}

/**
 * Answers bytes that Node could not read as a request, or that did not come in time, and hangs up. The log gets the
 * kind of error alone: what came may hold a token.
 */
export function answerUnreadable(
  error: ConnectionError,
  connection: Connection,
  log: FastifyBaseLogger,
  requestId: string,
): void {
  if (error.code === 'ECONNRESET' || connection.destroyed) return
  const refusal = toRefusal(error.code)
  const status = statusOfCode[refusal.code]
  log.debug({ reqId: requestId, code: error.code, status }, 'a request could not be read')
  if (connection.writable) connection.write(toResponse(refusal, status, requestId))
  connection.destroy()
}

/** Answers a URL that cannot be decoded, which no route is asked about. */
export function answerBadUrl(reply: FastifyReply, requestId: string): void {
  answerBadRequest(reply, requestId, 'The URL cannot be read.')
}

/**
 * Answers a request with two `Host` headers, and hangs up (RFC 9112 §3.2): Node takes the first, and what stands before it
 * may have taken the other. False for any other request.
 */
export function refusedForHosts({ raw, id }: FastifyRequest, reply: FastifyReply): boolean {
  const { rawHeaders } = raw
  let hosts = 0
  for (let index = 0; index < rawHeaders.length; index += 2) {
    const name = rawHeaders[index] as string // names and values take turns
    if (name.length === 4 && name.toLowerCase() === 'host') hosts++
  }
  if (hosts < 2) return false
  reply.header('connection', 'close')
  reply.raw.once('finish', () => raw.socket.end()) // Node itself does not where a WebSocket was asked for
  answerBadRequest(reply, id, 'A request has one Host header.')
  return true
}

function answerBadRequest(reply: FastifyReply, requestId: string, message: string): void {
  const refusal = new LatchkeyError('BAD_REQUEST', message)
  reply
    .code(statusOfCode[refusal.code])
    .headers({ ...constantHeaders(requestId), 'content-type': 'application/json; charset=utf-8' })
    .send(toBody(refusal))
}

function toRefusal(code: string): LatchkeyError {
  switch (code) {
    case 'ERR_HTTP_REQUEST_TIMEOUT':
      return new LatchkeyError('REQUEST_TIMEOUT', 'The request did not come in time.')
    case 'HPE_HEADER_OVERFLOW':
      return new LatchkeyError('HEADERS_TOO_LARGE', 'The headers are too large.')
    default:
      return new LatchkeyError('BAD_REQUEST', 'This is not an HTTP request.')
  }
}

function toResponse(refusal: LatchkeyError, status: number, requestId: string): string {
  const body = toBody(refusal)
  const headers = {
    ...constantHeaders(requestId),
    'content-type': 'application/json; charset=utf-8',
    'content-length': Buffer.byteLength(body),
    connection: 'close',
  }
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`)
  return `HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\n${lines.join('')}\r\n${body}`
}

function toBody({ message, extensions }: LatchkeyError): string {
  return JSON.stringify({ errors: [{ message, extensions }] })
}
