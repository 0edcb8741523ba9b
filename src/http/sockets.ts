import type { FastifyReply, FastifyRequest } from 'fastify'
import type { WebSocket } from 'ws'
import { closeCode } from './close-reason.ts'
import type { SocketDoor } from './graphql-route.ts'
import { LiveSocket, type SocketHouse } from './socket.ts'
import { createReadPayload } from './socket-credentials.ts'
import { createGroups } from './socket-groups.ts'
import type { SocketOptions } from './socket-options.ts'
import { createRefuseOrigin } from './socket-origin.ts'
import { createProtocol } from './socket-protocol.ts'
import { addressKeyOf } from './socket-request.ts'
import { createWatch, type Watch } from './socket-watch.ts'

/** All WebSockets of this process. */
export interface Sockets extends SocketDoor {
  /** How many are open. */
  count(): number
  /** Sends all clients elsewhere (1001), and resolves when they are gone; after two seconds they are cut off. */
  close(): Promise<void>
}

/** Over how many seconds clients that are sent elsewhere come back. */
const returnSeconds = 5

export function createSockets(options: SocketOptions): Sockets {
  const groups = createGroups<LiveSocket>()
  const watch: Watch = createWatch({ ...options, of: (userId) => groups.of(`user ${userId}`) })
  const protocol = createProtocol(options.operations)
  let isClosing = false

  const house: SocketHouse = {
    ...options,
    readPayload: createReadPayload(options.readCredentials, options.header),
    enter(socket, key) {
      const limit = key.startsWith('user ') ? options.perUser : options.perAddress
      return groups.enter(socket, key) <= limit
    },
    note: watch.note,
    doubt: watch.doubt,
    gone(socket) {
      groups.leave(socket)
      watch.leave(socket)
    },
  }

  return {
    refuseOrigin: createRefuseOrigin(options.origins),
    open(webSocket: WebSocket, request: FastifyRequest, reply: FastifyReply) {
      const socket = new LiveSocket(webSocket, request, reply, house)
      /* c8 ignore next -- one that was being upgraded */
      if (isClosing) return socket.end(closeCode.goingAway, 'GOING_AWAY')
      watch.join(socket)
      if (!house.enter(socket, addressKeyOf(request)))
        return socket.end(closeCode.tryAgainLater, 'TOO_MANY_SOCKETS')
      socket.serve(protocol)
    },
    count: () => watch.all().length,
    async close() {
      isClosing = true
      await Promise.all(watch.all().map((socket) => socket.leave(Math.random() * returnSeconds)))
    },
  }
}
