import type { AddressInfo } from 'node:net'
import type { FastifyInstance } from 'fastify'

/** What a server tells the runner. */
export interface Announcement {
  port: number
}

/** The CPU time of a server so far, in microseconds, all its threads together. */
export interface CpuTime {
  cpuMicroseconds: number
}

/** What a server answers to a message of that name. */
export type Answers = Record<string, () => object | Promise<object>>

/** Listens on loopback unless it does already, and tells the runner where; answers it, and ends with it. */
export async function announce(app: FastifyInstance, own: Answers = {}): Promise<void> {
  if (!app.server.listening) await app.listen({ host: '127.0.0.1', port: 0 })
  const { port } = app.server.address() as AddressInfo
  answerRunner({ ...own }, () => app.close())
  process.send?.({ port } satisfies Announcement)
}

/** Answers the runner's messages until it is gone. */
export function answerRunner(own: Answers, close: () => PromiseLike<unknown>): void {
  const answers: Answers = { cpu: readCpuTime, ...own }
  process.on('disconnect', () => close().then(() => process.exit()))
  process.on('message', async (name: string) => process.send?.((await answers[name]?.()) ?? {}))
}

function readCpuTime(): CpuTime {
  const { user, system } = process.cpuUsage()
  return { cpuMicroseconds: user + system }
}
