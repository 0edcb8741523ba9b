import { createServer, type RequestListener, type Server, type ServerOptions } from 'node:http'
import type { Socket } from 'node:net'

/** Requests of one connection that may wait behind another's answer; hardly a client sends even one. */
const waitingLimit = 32

/** Fastify's options for a server, as it hands them to whoever creates the server in its place; times in milliseconds. */
interface HttpServerOptions {
  http?: ServerOptions
  keepAliveTimeout?: number
  requestTimeout?: number
  connectionTimeout?: number
  maxRequestsPerSocket?: number
}

/** Creates the HTTP server that Fastify would, with a bound on what one connection can have at work. */
export function createHttpServer(serve: RequestListener, options: HttpServerOptions): Server {
  const { http = {}, keepAliveTimeout, requestTimeout, maxRequestsPerSocket } = options
  const server = createServer(http, limitPipelining(serve))
  Object.assign(server, { keepAliveTimeout, requestTimeout, maxRequestsPerSocket })
  return server.setTimeout(options.connectionTimeout)
}

/**
 * Hangs up on who sends request after request without waiting for answers, or without reading them. Node hands out all
 * that one read brings: hundreds of small requests, each of which takes some kilobytes until its answer is read.
 */
function limitPipelining(serve: RequestListener): RequestListener {
  const waiting = new WeakMap<Socket, number>()

  return (request, response) => {
    const { socket } = request
    if (response.socket === null) {
      // It has to wait for the answer of another.
      const count = (waiting.get(socket) ?? 0) + 1
      waiting.set(socket, count)
      response.once('close', () => waiting.set(socket, (waiting.get(socket) as number) - 1))
      if (count > waitingLimit) socket.destroy()
    }
    if (!socket.destroyed) serve(request, response)
  }
}
