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
}

const protocol = 'graphql-transport-ws'
