import type { Socket } from 'node:net'
import type { FastifyReply, FastifyRequest } from 'fastify'

/** Requests of one connection that may wait behind another's answer; hardly a client sends even one. */
const waitingLimit = 32

/**
 * Hangs up on who sends request after request without waiting for answers, or without reading them, and says so. Node
 * hands out all that one read brings: hundreds of small requests, each of which takes some kilobytes until its answer is
 * read.
 */
export function createPipelineLimit(): (request: FastifyRequest, reply: FastifyReply) => boolean {
  const waiting = new WeakMap<Socket, number>()

  return ({ raw: { socket } }, { raw: response }) => {
    // Without a socket the answer has to wait for another's.
    if (response.socket === null) {
      const count = (waiting.get(socket) ?? 0) + 1
      waiting.set(socket, count)
      response.once('close', () => waiting.set(socket, (waiting.get(socket) as number) - 1))
      if (count > waitingLimit) socket.destroy()
    }
    return socket.destroyed
  }
}
