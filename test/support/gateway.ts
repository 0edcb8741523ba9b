import { createServer, type IncomingMessage, request } from 'node:http'
import type { AddressInfo } from 'node:net'
import fastifyStatic from '@fastify/static'
import Fastify from 'fastify'
import type { Test } from 'tap'

export interface Gateway {
  url: string
  /** How many requests to the API had this text in their body. */
  count(text: string): number
  /** Lets so many of the next requests with this text wait. */
  hold(text: string, count: number): void
  release(): void
}

/**
 * One origin for the pages of a folder and the API: hands requests on to it, counts what they ask for, and holds some of them.
 */
export async function startGateway(t: Test, folder: string, api: string): Promise<Gateway> {
  const app = Fastify({ forceCloseConnections: true })
  await app.register(fastifyStatic, { root: folder })
  await app.ready()
  const bodies: string[] = []
  let toHold = ''
  let left = 0
  let gate = Promise.withResolvers<void>()
  const server = createServer(async (incoming, outgoing) => {
    if (incoming.url !== '/graphql') return app.routing(incoming, outgoing)
    const body = await readBody(incoming)
    bodies.push(body)
    if (toHold !== '' && body.includes(toHold) && left-- > 0) await gate.promise
    const options = { method: 'POST', headers: incoming.headers }
    request(`${api}/graphql`, options, (answer) => {
      outgoing.writeHead(answer.statusCode ?? 500, answer.headers)
      answer.pipe(outgoing)
    }).end(body)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.teardown(() => {
    server.closeAllConnections()
    server.close()
    return app.close()
  })
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    count: (text: string) => bodies.filter((body) => body.includes(text)).length,
    hold(text: string, count: number) {
      toHold = text
      left = count
      gate = Promise.withResolvers()
    },
    release() {
      toHold = ''
      gate.resolve()
    },
  }
}

async function readBody(incoming: IncomingMessage): Promise<string> {
  const parts: Buffer[] = []
  for await (const part of incoming) parts.push(part as Buffer)
  return Buffer.concat(parts).toString()
}
