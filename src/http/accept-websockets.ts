import type { IncomingMessage } from 'node:http'
import websocket from '@fastify/websocket'
import type { FastifyInstance } from 'fastify'

/** Has the application upgrade connections, unless it does already: then its own limits hold as well. */
export async function acceptWebSockets(app: FastifyInstance, maxPayload: number): Promise<void> {
  if (app.hasDecorator('websocketServer')) return
  await app.register(websocket, {
    errorHandler: (_error, socket) => socket.terminate(), // a frame that is none, or too large: ws has said so
    options: {
      maxPayload,
      perMessageDeflate: false, // a few bytes may stand for gigabytes
      handleProtocols: (protocols) => (protocols.has(protocol) ? protocol : false),
    },
  })
  // As soon as somebody listens for upgrades Node takes any request that offers one for one: clients in Java offer h2c. What is
  // not known is to be ignored (RFC 9110 §7.8), unless the application listens for it as well.
  Object.assign(app.server, {
    shouldUpgradeCallback: ({ method, headers }: IncomingMessage) =>
      (method === 'GET' && headers.upgrade?.toLowerCase() === 'websocket') ||
      app.server.listenerCount('upgrade') > 1,
  })
}

const protocol = 'graphql-transport-ws'
