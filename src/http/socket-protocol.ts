import { makeServer, type Server } from 'graphql-ws'
import type { LiveSocket } from './socket.ts'
import { type OperationDeps, type Outcome, Refused, runOperation } from './socket-operation.ts'
import type { ResponseBody } from './status.ts'

/** What graphql-ws is told of a socket. */
interface Extra {
  socket: LiveSocket
}

/** graphql-ws asks a document only whether it is a subscription: for its part, all operations are. */
const document = {
  kind: 'Document',
  definitions: [{ kind: 'OperationDefinition', operation: 'subscription' }],
}

/** graphql-transport-ws, as graphql-ws has it, with Latchkey's execution. */
export function createProtocol(deps: OperationDeps): Server<Extra> {
  return makeServer<Record<string, unknown>, Extra>({
    jsonMessageReviver: refusePrototypes,
    onConnect: ({ extra, connectionParams }) => extra.socket.holder.connect(connectionParams),
    // What it hands on to `subscribe` it does not look at, but for the document; its types cannot know.
    async onSubscribe({ extra }, _id, payload) {
      const outcome = await runOperation(extra.socket, payload, deps)
      return { document, outcome } as never
    },
    subscribe: (execution) => {
      const { outcome } = execution as unknown as { outcome: Outcome | null }
      if (outcome === null) return nothing as never // the socket has ended
      return (outcome instanceof Refused ? failing(outcome) : outcome) as never
    },
    onNext: (_context, _id, _payload, _execution, result) => result as ResponseBody,
    onError: (_context, _id, _payload, errors) =>
      errors.flatMap(({ originalError }) => (originalError as Refused).errors), // nothing else is thrown
  })
}

const nothing: ResponseBody = { data: null }

/** graphql-ws sends `error` for what an iterator throws. */
function failing(refused: Refused): AsyncIterableIterator<never> {
  return {
    next: () => Promise.reject(refused),
    [Symbol.asyncIterator]() {
      return this
    },
  }
}

/** As Fastify's parser does. */
function refusePrototypes(key: string, value: unknown): unknown {
  const reaches =
    key === '__proto__' ||
    (key === 'constructor' &&
      typeof value === 'object' &&
      value !== null &&
      Object.hasOwn(value, 'prototype'))
  if (reaches) throw new Error('This key reaches into prototypes.')
  return value
}
