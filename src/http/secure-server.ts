import type { RequestListener, Server, ServerOptions } from 'node:http'
import { createSecureServer } from 'node:http2'
import type { Certificate } from './certificate.ts'

/** What all connections are held to; milliseconds. */
export interface ConnectionLimits {
  requestTimeout: number
  connectionTimeout: number
  keepAliveTimeout: number
  maxRequestsPerSocket: number
  /** What Node's HTTP server takes on top. */
  http: ServerOptions
}

/** The bytes of all headers of a request, as with HTTP/1.1. */
const maxHeaderBytes = 16_384

/** Operations of one connection that may run at once; those beyond have to wait, by the protocol. */
const maxStreams = 100

/** How long a client may take to agree on TLS, in milliseconds. */
const handshakeTimeout = 10_000

/** A server of HTTPS that speaks HTTP/2, and HTTP/1.1 with whoever asks for it (ALPN, RFC 7301). */
export function createHttpsServer(
  listener: RequestListener,
  certificate: Certificate,
  limits: ConnectionLimits,
): Server {
  const { requestTimeout, connectionTimeout, keepAliveTimeout, maxRequestsPerSocket } = limits
  const http1Options = { ...limits.http, requestTimeout, keepAliveTimeout, maxHeaderSize: maxHeaderBytes }
  const options = {
    ...certificate,
    ...http1Options,
    allowHTTP1: true,
    http1Options, // by Node 26 they are looked for here
    handshakeTimeout,
    settings: { maxConcurrentStreams: maxStreams, maxHeaderListSize: maxHeaderBytes },
  }
  const server = createSecureServer(options, listener as never) // both kinds of requests have what Fastify asks of them
  server.setTimeout(connectionTimeout)
  Object.assign(server, { keepAliveTimeout, maxRequestsPerSocket } satisfies Partial<Server>)
  return server as unknown as Server // it has what Fastify and the service call of one
}
