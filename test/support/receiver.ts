import { once } from 'node:events'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Test } from 'tap'

/** A request that came, with its whole body. */
export interface Received {
  headers: Record<string, string>
  body: string
}

/** A server that webhooks are posted to. */
export interface Receiver {
  url: string
  received: Received[]
  server: Server
}

/** Listens until `t` ends. Each request is kept, then answered by `answer`. */
export async function startReceiver(
  t: Test,
  answer: (response: ServerResponse, count: number, request: IncomingMessage) => void = (response) =>
    response.writeHead(204).end(),
): Promise<Receiver> {
  const received: Received[] = []
  const server = createServer(async (request, response) => {
    let body = ''
    for await (const part of request) body += part
    received.push({ headers: request.headers as Record<string, string>, body })
    answer(response, received.length, request)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => {
    server.closeAllConnections()
    server.close()
  })
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/latchkey`, received, server }
}
